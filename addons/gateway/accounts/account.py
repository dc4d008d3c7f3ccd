"""The person's accounts: what each is called, what it may serve, and the credential that it shows.

Labels are for people; a credential is only ever asked for what goes onto the wire by the code that puts it there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from addons.gateway.accounts import upstream_kinds
from addons.gateway.accounts.address import Address
from addons.gateway.accounts.credentials.credentials import ApiKey, Credential, CredentialError, make_credential
from addons.gateway.settings.settings import AccountSettings


@dataclass(slots=True)
class Aside:
    """An account that Gemini refused is set aside. It is asked again after a while, by one request at a time."""

    reason: str
    """Why, and what its owner can do: a few sentences."""
    began: float
    until: float
    """When it is asked again."""
    asked: float
    """When it was asked last. All times are on the clock of the pool."""
    strikes: int = 1
    """How often in a row it was refused."""
    money: bool = False
    """Its money has run out."""


@dataclass(slots=True, eq=False)
class Account:
    """One account, with its credential and how it stands: what it may serve, and whether it is set aside."""

    label: str
    credential: Credential
    address: Address | None = None
    """None: the target of the reverse proxy mode."""
    listens: tuple[str, int] | None = None
    """Host and port that are dialled instead of those of the address, which flows name."""
    models: tuple[str, ...] = ("*",)
    weight: int = 1
    credit: int = 0
    """Its standing in the weighted rotation."""
    lacks: str | None = None
    """Why it can't serve, by its settings."""
    aside: Aside | None = None
    upstream: str = "gemini"
    project: str | None = None
    location: str | None = None

    @classmethod
    def from_settings(cls, settings: AccountSettings, environ: Mapping[str, str], folder: Path) -> Account:
        """Make an account; what it lacks is told in `unusable`, so that one bad entry does not stop the others.

        `folder`: where the settings file is; paths of credentials files begin there.
        """
        base = settings.base_url
        lacks = _upstream_problem(settings)
        try:
            credential = make_credential(settings, environ, folder)
        except CredentialError as e:
            credential, lacks = ApiKey(""), lacks or str(e)
        return cls(
            label=settings.email,
            credential=credential,
            address=Address.parse(base) if base else upstream_kinds.address(settings.upstream, settings.location),
            models=tuple(settings.models),
            weight=settings.weight,
            lacks=lacks,
            upstream=settings.upstream,
            project=settings.project,
            location=settings.location,
        )

    @property
    def faulty(self) -> str | None:
        """Why it can't serve until its settings or its credentials change; None when nothing is wrong with them."""
        return self.lacks or self.credential.fault

    @property
    def unusable(self) -> str | None:
        """Why it can't serve now; None when it can."""
        return self.faulty or (self.aside.reason if self.aside else None)

    def serves(self, model: str) -> bool:
        """Whether the account may serve a model; an empty name stands for the list of models."""
        if not upstream_kinds.serves(self.upstream, model):
            return False
        return not model or any(pattern == "*" or fnmatchcase(model, pattern) for pattern in self.models)


class PoolNews:
    """What other workers want to hear of a pool, where there are any. One for all pools that a gateway makes."""

    __slots__ = ("aside", "turn")

    def __init__(self) -> None:
        self.aside: Callable[[Account], None] | None = None
        """An account was set aside, or asked nevertheless, or is not set aside any more."""
        self.turn: Callable[[Account, Sequence[Account]], None] | None = None
        """An account had its turn among these."""


def _upstream_problem(settings: AccountSettings) -> str | None:
    """What the kind of upstream needs and the settings do not say."""
    if settings.upstream == "vertex":
        express = settings.api_key is not None and not settings.project
        if not express and not (settings.project and settings.location):
            return "vertex needs project and location, or in express mode an api_key and no project"
        if settings.location and not upstream_kinds.is_location(settings.location):
            return "its location is none, such as 'global', 'eu' or 'europe-west4'"
    return None
