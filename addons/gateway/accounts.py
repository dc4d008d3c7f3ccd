"""The person's accounts: which one serves the next attempt, and which ones have to rest.

* Round robin over the accounts that may serve the model, are not set aside, and are not cooling down for it.
* An exhausted account cools down per model; an account whose credential is refused is set aside with the reason.
* Labels are for people; a key is only ever handed to the code that puts it on the wire.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from addons.gateway import upstreams
from addons.gateway.address import Address
from addons.gateway.settings import AccountSettings, secret
from mapping.errors import OpenAIError

DEFAULT_COOLDOWN = 30.0
"""Seconds that an exhausted account rests when the upstream does not say how long."""


@dataclass(slots=True, eq=False)
class Account:
    """One account. `unusable` says why it can't serve, or is None."""

    label: str
    key: str = field(repr=False)
    address: Address | None = None
    """None: the target of the reverse proxy mode."""
    models: tuple[str, ...] = ("*",)
    unusable: str | None = None
    upstream: str = "gemini"
    project: str | None = None
    location: str | None = None

    @classmethod
    def from_settings(cls, settings: AccountSettings, environ: Mapping[str, str]) -> Account:
        """Make an account; what it lacks is told in `unusable`, so that one bad entry does not stop the others."""
        key = secret(settings.api_key, environ)
        base = settings.base_url
        return cls(
            label=settings.email,
            key=key or "",
            address=Address.parse(base) if base else upstreams.address(settings.upstream, settings.location),
            models=tuple(settings.models),
            unusable=_upstream_problem(settings) or _key_problem(settings, key),
            upstream=settings.upstream,
            project=settings.project,
            location=settings.location,
        )

    def serves(self, model: str) -> bool:
        """Whether the account may serve a model; an empty name stands for the list of models."""
        if not upstreams.serves(self.upstream, model):
            return False
        return not model or any(pattern == "*" or fnmatchcase(model, pattern) for pattern in self.models)


def _upstream_problem(settings: AccountSettings) -> str | None:
    """What the kind of upstream needs and the settings do not say."""
    if settings.upstream == "vertex":
        express = settings.api_key is not None and not settings.project
        if not express and not (settings.project and settings.location):
            return "vertex needs project and location, or in express mode an api_key and no project"
        if settings.location and not upstreams.is_location(settings.location):
            return "its location is none, such as 'global', 'eu' or 'europe-west4'"
    if settings.upstream == "code-assist" and settings.api_key is not None and not settings.base_url:
        return "code-assist takes credentials of your own login, not an api_key"
    return None


def _key_problem(settings: AccountSettings, key: str | None) -> str | None:
    if settings.credentials or settings.access_token:
        return "only api_key is supported yet, not credentials or access_token"
    if key is None:
        return "its api_key is empty (is the environment variable set?)"
    if not (key.isascii() and key.isprintable()):
        return "its api_key holds characters that no key has"
    return None


@dataclass(slots=True)
class Rest:
    """Until when (on the pool's clock) an account cools down, and why."""

    until: float
    reason: str


class Pool:
    """The accounts of the settings, and how they are doing."""

    def __init__(
        self, accounts: Iterable[Account], *, cooldown: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.accounts = list(accounts)
        self._cooldown = cooldown
        self._clock = clock
        self._next = 0
        self._resting: dict[tuple[str, str], Rest] = {}

    def candidates(self, model: str) -> list[Account]:
        """The accounts that may serve the model, cooling ones included."""
        return [a for a in self.accounts if a.unusable is None and a.serves(model)]

    def choose(self, model: str, tried: Iterable[Account] = ()) -> Account | None:
        """The next account in turn that is ready and not in `tried`; None when there is none."""
        count = len(self.accounts)
        for step in range(count):
            account = self.accounts[(self._next + step) % count]
            if account.unusable is None and account not in tried and account.serves(model):
                if self._resting and self.rest_of(account, model):
                    continue
                self._next = (self._next + step + 1) % count
                return account
        return None

    def is_ready(self, model: str) -> bool:
        """Whether `choose` would find an account."""
        return any(self.rest_of(account, model) is None for account in self.candidates(model))

    def cool(self, account: Account, model: str, seconds: float | None, reason: str) -> None:
        """Let an account rest for a model. `seconds` None: the upstream did not say how long."""
        if self._cooldown:
            until = self._clock() + (DEFAULT_COOLDOWN if seconds is None else seconds)
            self._resting[account.label, model] = Rest(until, reason)

    def set_aside(self, account: Account, reason: str) -> None:
        """Stop using an account until the settings change: its credential was refused."""
        account.unusable = reason

    def rest_of(self, account: Account, model: str) -> Rest | None:
        """The cooldown that an account is in for a model, if it is."""
        rest = self._resting.get((account.label, model))
        if rest and rest.until <= self._clock():
            del self._resting[account.label, model]
            return None
        return rest

    def resting(self, model: str) -> list[tuple[Account, float, str]]:
        """(account, seconds left, reason) of all that cool down for a model, the shortest first."""
        now = self._clock()
        found = [
            (account, rest.until - now, rest.reason)
            for account in self.candidates(model)
            if (rest := self.rest_of(account, model))
        ]
        return sorted(found, key=lambda item: item[1])

    def all_resting(self) -> list[tuple[str, str, float]]:
        """(account label, model, seconds left) of every cooldown that has not ended."""
        now = self._clock()
        return [(label, model, rest.until - now) for (label, model), rest in self._resting.items() if rest.until > now]

    def shortest_rest(self, model: str) -> float | None:
        """Seconds until the first cooling account is ready; None when none cools."""
        resting = self.resting(model)
        return resting[0][1] if resting else None

    def take_rests_from(self, other: Pool) -> None:
        """Go on with the cooldowns of the pool that this one replaces."""
        self._resting = other._resting

    def none_error(self, model: str) -> OpenAIError:
        """503 (no account can serve), or 429 (all are cooling), with a sentence on what to do."""
        resting = self.resting(model)
        if resting:
            return self.exhausted_error(model)
        if not self.accounts:
            return OpenAIError(
                503,
                "No account is configured. Add one: set the environment variable GEMINI_API_KEY, or write an "
                '[[accounts]] entry with email and api_key = "env:NAME" into the settings file '
                "(--set antigravity_config=FILE).",
                type="server_error",
                code="no_account",
                should_retry=False,
            )
        reasons = [f"{a.label}: {a.unusable or f'may not serve {model}'}" for a in self.accounts]
        return OpenAIError(
            503,
            f"No account can serve {model}. " + "; ".join(reasons) + ".",
            type="server_error",
            code="no_account",
            should_retry=False,
        )

    def exhausted_error(self, model: str, said: str = "") -> OpenAIError:
        """429: every account that may serve the model is cooling down. `said` is what the upstream said last."""
        resting = self.resting(model)
        waiting = ", ".join(f"{account.label} for {_seconds(left)}" for account, left, _ in resting)
        shortest = resting[0][1]
        wait = max(1, math.ceil(shortest))
        message = f"All accounts are cooling down for {model}: {waiting}. Please try again in {wait}s."
        return OpenAIError(
            429,
            f"{said.rstrip()} ({message})" if said else message,
            type="requests",
            code="rate_limit_exceeded",
            retry_after=shortest,
            should_retry=None if wait <= 120 else False,
        )


def _seconds(value: float) -> str:
    value = math.ceil(value)
    return f"{value} s" if value < 120 else f"{math.ceil(value / 60)} min"
