"""What every credential is, and those that never change: an API key, and a token that somebody else looks after."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import override

from addons.gateway.accounts.credentials.credential_files import CredentialError

type Fields = list[tuple[bytes, bytes]]


class Credential(ABC):
    """One account's credential."""

    kind: str
    """What it is, for lists: `api_key`, `access_token`, or the type of the credentials file."""
    renewable = False
    """Whether `refresh` can bring something new after a refusal."""
    real = True
    """It is shown to an upstream. Else a recording answers: that costs nothing, and can't be asked again by itself."""
    version = 0
    """Goes up when `headers()` changes. Tells which token it was that an upstream has refused."""

    @property
    def identity(self) -> str:
        """What tells it from another that takes its place. It may be the secret itself: for digests only."""
        return ""

    @property
    def fault(self) -> str | None:
        """Why it can't be used, as far as is known; None while it can."""
        return None

    @property
    def trouble(self) -> str | None:
        """Why it has nothing to show at the moment, though that may change by itself; None while it has."""
        return None

    @abstractmethod
    def headers(self) -> Fields:
        """The header fields that go onto the wire now. Raises CredentialError when there is no token yet."""

    def is_fresh(self) -> bool:
        """Whether `headers()` gives something usable without a refresh."""
        return True

    async def refresh(self, refused: int | None = None) -> None:
        """Make it fresh, if it is not. `refused`: the version that the upstream has refused (401).

        Raises CredentialError.
        """
        if refused is not None:
            raise CredentialError(f"the {self.kind} was refused, and can't be renewed", permanent=True)

    def look(self) -> bool:
        """See whether its file has changed, or whether it is time to ask for a token once more.

        Called about once a second, on the event loop. True: the file has changed, and the new one is in force.
        """
        return False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.kind}>"


class ApiKey(Credential):
    """A key of the Gemini API, or of Vertex AI in express mode."""

    kind = "api_key"

    def __init__(self, key: str) -> None:
        self._fields = [(b"x-goog-api-key", key.encode("ascii"))]
        self._key = key

    @property
    @override
    def identity(self) -> str:
        return self._key

    @override
    def headers(self) -> Fields:
        return list(self._fields)


class StaticToken(Credential):
    """An access token that somebody else looks after."""

    kind = "access_token"

    def __init__(self, token: str, quota_project: str | None = None) -> None:
        self._fields = bearer(token, quota_project)
        self._token = token

    @property
    @override
    def identity(self) -> str:
        return self._token

    @override
    def headers(self) -> Fields:
        return list(self._fields)


def bearer(token: str, quota_project: str | None) -> Fields:
    """The header fields of a token, and of the project whose quota is used."""
    fields = [(b"Authorization", b"Bearer " + token.encode("ascii"))]
    if quota_project:
        fields.append((b"x-goog-user-project", quota_project.encode("ascii")))
    return fields
