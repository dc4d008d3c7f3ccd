"""The person's accounts: what each is called, what it may serve, and the credential that it shows.

Labels are for people; a credential is only ever asked for what goes onto the wire by the code that puts it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from addons.gateway.accounts import upstreams
from addons.gateway.accounts.address import Address
from addons.gateway.accounts.credentials import ApiKey, Credential, CredentialError, make_credential
from addons.gateway.settings import AccountSettings


@dataclass(slots=True, eq=False)
class Account:
    """One account."""

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
    refused: str | None = None
    """Why it was set aside."""
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
            address=Address.parse(base) if base else upstreams.address(settings.upstream, settings.location),
            models=tuple(settings.models),
            weight=settings.weight,
            lacks=lacks,
            upstream=settings.upstream,
            project=settings.project,
            location=settings.location,
        )

    @property
    def unusable(self) -> str | None:
        """Why it can't serve now; None when it can."""
        return self.lacks or self.credential.fault or self.refused

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
    return None
