"""What an exchange needs of the gateway that it runs in, and no more: everything that outlives it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from addons.gateway.accounts.address import Address
from addons.gateway.accounts.affinity import Affinity
from addons.gateway.accounts.owners import Owners
from addons.gateway.accounts.pool import Pool
from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.job import Job
from addons.gateway.exchange.steps import Steps
from addons.gateway.exchange.summary import Summary
from addons.gateway.http.routes import Match
from addons.gateway.storage.memory import TurnMemory
from addons.gateway.storage.refused_forms import RefusedForms
from mapping.faults import Fault
from mapping.values import GeminiCall


class Recorded(Protocol):
    """Recordings that may answer in Gemini's place: `cassettes.cassettes.Cassettes`."""

    def ask(self, exchange: Facts, call: GeminiCall) -> Fault | None:
        """The exchange's flow is a call that is about to go up. What is returned refuses it."""


class Pricing(Protocol):
    """What exchanges cost: `money.money.Money` is one."""

    def show(self, exchange: Facts) -> None:
        """Put into an answer what it has cost, where the settings want that. Raises nothing."""

    def made_later(self, exchange: Facts, job: Job) -> None:
        """An answer was made in the background, or not to its end: count what it has cost. Raises nothing."""


class Services(Protocol):
    """`gateway.Gateway` is one. What new settings replace is looked up each time that it is needed."""

    pool: Pool
    """The accounts that serve."""
    address: Address
    """Where accounts without a base URL of their own are asked."""
    affinity: Affinity
    """Which account a conversation stays on."""
    owners: Owners
    """Which account has what belongs to one."""
    memory: TurnMemory
    """What the next request of a conversation will need."""
    refused_forms: RefusedForms
    """What upstreams have refused in requests before."""
    steps: Steps
    """Runs what has to be done at the end, whatever fails of it."""
    ending: bool
    """The gateway is being stopped: nothing new is taken on."""

    @property
    def cassettes(self) -> Recorded | None:
        """None: there are none."""

    @property
    def money(self) -> Pricing:
        """What knows what exchanges cost."""

    @property
    def busy(self) -> int:
        """How many exchanges are under way, the one that asks too."""

    @property
    def offline(self) -> bool:
        """Recordings answer in Gemini's place, and nothing goes up: no credential is needed."""

    def begin(self, exchange: Facts, match: Match) -> Awaitable[None] | None:
        """Find out what an admitted request wants: leave a job or an answer in the exchange.

        What is returned, if anything, has to be awaited, and does the rest. Raises Fault, here or there.
        """

    def settling(self) -> Awaitable[None] | None:
        """What to wait for, for a moment, before a client hears the end of its answer, so that its next request finds
        wherever it goes what it needs. None: for nothing."""

    def observe(self, exchange: Facts, summary: Summary) -> None:
        """A client's exchange has ended: who knows more of it than the exchange does completes the summary. Raises
        nothing."""

    def tell(self, summary: Summary, *, quietly: bool) -> None:
        """A client's exchange has ended. `quietly`: it is counted, and not worth a word. Raises nothing."""

    def close(self, exchange: Facts) -> None:
        """An exchange is over, and does not count as under way any more. May be called again. Raises nothing."""
