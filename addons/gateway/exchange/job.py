"""What a request wants from the upstream, and how its answer is made of what comes back.

An `Exchange` deals with accounts, attempts and failures, whatever the request is about; a `Job` is what it is about.
The endpoints make them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from addons.gateway.storage.refused_forms import RefusedForms
from mapping.dialect import Fields
from mapping.faults import Fault
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.totals import Totals
from mapping.translators import StreamTranslator
from mapping.values import GeminiCall, RawTurn

type Check = Callable[[bytes], None]
"""Raises UpstreamError for a whole upstream answer that is none, so that another attempt is made."""

type Ask = Callable[[GeminiCall, Check], Awaitable[bytes]]
"""Makes a further upstream call with failover of its own. Raises Fault."""


class FaultOrder(Protocol):
    """Something that goes wrong with a request because somebody has ordered it: `fault_injection.order.Order`."""

    shown: str
    """What is done, as it was ordered; empty: nothing could be done."""
    ended: bool
    """It is why the client got an error, or not the whole answer."""


class Job(ABC):
    """One whole answer from one upstream call, as its subclasses say."""

    model: str = ""
    """Cooldowns count per model; this is the one. Empty: the list of models."""
    shown_model: str | None = None
    """The model that is asked; None: not a model call."""
    client_model: str | None = None
    """The model as the client named it."""
    streams: bool = False
    content_type: bytes | None = None
    """See `mapping.dialect.Answering`."""
    later: bool = False
    """Its answer is made once the client has a receipt: what it takes is counted then (`money.Money.made_later`)."""
    breaks_off: bool = False
    id_field: bytes = b""
    """Both: see `mapping.dialect.Dialect`."""
    needs_content: bool = False
    """An answer that ended well and holds nothing is asked for once more (`Kind.EMPTY`)."""

    @property
    def fields(self) -> Fields | None:
        """The header fields of a whole answer, its type among them; None: its type alone, which `content_type` says."""
        return None

    @property
    def made(self) -> Sequence[str]:
        """The names of what the account has from now on, and no other has."""
        return ()

    @property
    def charged(self) -> str:
        """Why Google charges for it what nobody can count, as the note of a cost; empty: it does not."""
        return ""

    @property
    def once(self) -> bool:
        """It must not be sent again, whatever became of it."""
        return False

    def came(self, headers: Mapping[str, str], account: str) -> None:  # noqa: B027 - most look at the body alone
        """The head of an answer has come from an account."""

    @property
    def answering_model(self) -> str | None:
        """The model that answers, as far as it is known; None: not a model call."""
        return self.shown_model

    @abstractmethod
    def request(self) -> GeminiCall:
        """The call to make next."""

    def begin(self) -> None:  # noqa: B027 - most have nothing beside the one call
        """The call is about to be made: what runs beside it and is not under way may start."""

    def stream(self) -> StreamTranslator:
        """A fresh translator for one attempt at a streamed answer."""
        raise AssertionError("not a stream")

    def stream_again(self, translator: StreamTranslator) -> StreamTranslator:
        """The translator for the attempt after the one that `translator` was for."""
        return translator.again()

    @abstractmethod
    def take(self, content: bytes) -> bool:
        """Take a whole upstream answer. False: there is more to fetch, `request` says what."""

    def go_on(self, token: str) -> bool:
        """The upstream wants to be asked again with this continuation token. False: it has been asked often enough."""
        return False

    @property
    def stays(self) -> bool:
        """What the answer goes on with only the account has that was asked last."""
        return True

    @property
    def has_others(self) -> bool:
        """Whether other calls run beside the first one."""
        return False

    @property
    def others_run(self) -> bool:
        """Whether one of them is not over."""
        return False

    @property
    def held_up(self) -> str:
        """What goes to the client later than it could, and why, in a few words for people; empty: nothing does."""
        return ""

    async def others(self) -> list[bytes]:
        """The answers of the calls that run beside the first one."""
        return []

    def finish(self, others: list[bytes]) -> bytes:
        """The client's answer; for what the gateway asks for itself, the upstream's as it came."""
        return b""

    def remember(self) -> dict[str, RawTurn]:
        """What the next request of the conversation will need."""
        return {}

    def totals(self) -> Totals | None:
        """The tokens of the answer, if there is one that has any."""
        return None

    def finish_reasons(self) -> list[str]:
        """OpenAI's finish reason of each choice of the answer that has ended."""
        return []

    def ended(self) -> None:  # noqa: B027 - most have nothing to do then
        """The answer is complete, and on its way to the client."""

    def rebuild_signatures(self) -> bool:
        """Put placeholders where the upstream misses thought signatures. False: that was tried already."""
        return False

    def leave_out(self, problem: UpstreamError) -> bool:
        """Ask without what the upstream refused, or with another form of it. False: that can't be done (again)."""
        return False

    def goes_to(self, upstream: str, forms: RefusedForms) -> list[int]:
        """The call is about to go to this kind of upstream: ask at once in the form that it takes, as far as is known.

        The indices of the function declarations that this has changed.
        """
        return []

    def take_empty(self) -> bool:
        """From now on an answer that holds nothing is taken as it is. False: it was already."""
        needed, self.needs_content = self.needs_content, False
        return needed

    def blamed(self, problem: Fault) -> Fault:
        """The upstream's fault, with the client's own words for what is refused."""
        return problem

    def instead_of_error(self, problem: Fault) -> bytes | None:
        """An answer that is better than an error, if there is one."""
        return None

    def cancel(self) -> None:  # noqa: B027 - most have nothing to end
        """The client is gone, or the exchange is over."""
