"""What an account shows to its upstream: an API key, or a token that is renewed in time.

* `headers()` is for the copy of a request that goes onto the wire. No secret is in a repr, a log or a message.
* Nothing here holds up the event loop: tokens are fetched on threads.
* A token is renewed in the background `EARLY` seconds before it ends (one that lasts for less than twice as long: after
  half of its time), and is used until then.
* One refresh at a time for each credential: whoever wants one while it runs waits for the same.
* A changed credentials file takes effect with the next token; a broken one is reported, and what was read before stays.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, override

from addons.gateway.accounts.credentials.credential import ApiKey, Credential, Fields, StaticToken, bearer
from addons.gateway.accounts.credentials.credential_files import CredentialError, CredentialsFile
from addons.gateway.accounts.credentials.daemon_thread import in_thread
from addons.gateway.settings.home import expanded
from addons.gateway.settings.settings import AccountSettings, secret

if TYPE_CHECKING:
    from addons.gateway.accounts.credentials.google_tokens import Request, Token, TokenSource

__all__ = ["ApiKey", "Credential", "CredentialError", "GoogleCredential", "StaticToken", "make_credential"]

logger = logging.getLogger("antigravity")

EARLY = 300.0
"""Seconds before its end at which a token is renewed."""
TRANSIT = 5.0
"""Seconds that a request may be under way: a token that ends sooner is not sent any more."""
PAUSE = 15.0
"""Seconds after a failed refresh before the next one in the background; doubled each time while there is no token."""
LONGEST_PAUSE = 240.0
"""Seconds; what the doubling comes to."""

_CLOUD = "https://www.googleapis.com/auth/cloud-platform"
SCOPES = {
    "gemini": (_CLOUD, "https://www.googleapis.com/auth/generative-language.retriever"),
    "vertex": (_CLOUD,),
    "code-assist": (_CLOUD,),
}
"""What tokens are asked for, by upstream."""

type Outcome = tuple[Token | None, CredentialError | None]
type Fetch = Callable[[], Awaitable[Outcome]]
type SharedFetch = Callable[[str, str | None, Fetch], Awaitable[Outcome]]
"""Fetches a token once for all workers: whose credentials they are, the token that is not good any more, and how."""


class GoogleCredential(Credential):
    """Credentials that Google's token servers give tokens for: any kind of file that google-auth reads.

    `quota_project` is used for people's credentials that name none themselves; `send_quota_project` False: the
    upstream knows the project otherwise. `metadata_host` is where a Google machine is asked for a token where there is
    no file; empty: where Google has it. `clock` tells the time since the epoch, `request` stands in for the network.
    """

    kind = "credentials"
    renewable = True

    def __init__(
        self,
        file: CredentialsFile,
        scopes: Sequence[str],
        *,
        quota_project: str | None = None,
        send_quota_project: bool = True,
        metadata_host: str = "",
        clock: Callable[[], float] = time.time,
        request: Request | None = None,
    ) -> None:
        self._file = file
        self._scopes = scopes
        self._quota_project = quota_project
        self._send_quota_project = send_quota_project
        self._metadata_host = metadata_host
        self._clock = clock
        self._request = request
        self._token: Token | None = None
        self._fields: Fields = []
        self._renew_at = 0.0
        """When a token is to be fetched in the background."""
        self._failure: CredentialError | None = None
        """Why the latest refresh has failed, if it has, and not for good."""
        self._pause = PAUSE
        self._told = False
        """The log says that there is no token."""
        self._refusal: CredentialError | None = None
        self._running: asyncio.Task[CredentialError | None] | None = None
        self.shared: SharedFetch | None = None
        """How a token is fetched where other workers have the same credentials; None: nobody else has them."""
        self._whose = ""
        """Tells the credentials of the file from all others."""
        self._source: TokenSource | None = None
        self._stamp = file.stamp()
        try:
            self._source = self._open()
        except CredentialError as e:
            self._refusal = e

    @property
    @override
    def fault(self) -> str | None:
        return str(self._refusal) if self._refusal and not self.is_fresh() else None

    @property
    @override
    def trouble(self) -> str | None:
        return str(self._failure) if self._failure and not self.is_fresh() else None

    @override
    def headers(self) -> Fields:
        if self._token is None:
            raise CredentialError("there is no token yet")
        if self._clock() >= self._renew_at:
            self._begin()
        return list(self._fields)

    @override
    def is_fresh(self) -> bool:
        token = self._token
        return token is not None and (token.expires is None or self._clock() < token.expires - TRANSIT)

    @override
    async def refresh(self, refused: int | None = None) -> None:
        if self._token and refused == self.version:
            self._token = replace(self._token, expires=0.0)  # it has ended, whatever was said before
        if self.is_fresh():
            return  # when refused: another request has met the same refusal, and has seen to it
        self._reload()
        if self._source is None or (self._refusal and refused is None):
            assert self._refusal is not None
            raise CredentialError(str(self._refusal), permanent=True)
        running = self._begin()
        assert running is not None
        error = await asyncio.shield(running)
        if error:
            raise CredentialError(str(error), permanent=error.permanent)

    @override
    def look(self) -> bool:
        changed = self._reload()
        trouble = self.trouble
        if trouble and not self._told:
            logger.warning(f"An account has no token, and no turn while others are ready: {trouble}")
        self._told = trouble is not None
        if changed or (trouble and self._clock() >= self._renew_at):
            self._begin()
        return changed

    # --- inside

    def _begin(self) -> asyncio.Task[CredentialError | None] | None:
        """The refresh that runs, or one that begins now; None when no event loop runs."""
        if self._running is None:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                return None
            self._running = loop.create_task(self._renew(), name="token refresh")
        return self._running

    async def _renew(self) -> CredentialError | None:
        """Fetch a token; what goes wrong is returned, because nobody may be waiting for it."""
        try:
            while True:
                source = self._source
                assert source is not None
                token, error = await self._fetch(source)
                if source is self._source:  # else the file has changed in the meantime
                    break
        finally:
            self._running = None
        now = self._clock()
        if token:
            self._token, self._refusal, self._failure, self._pause = token, None, None, PAUSE
            self._fields = bearer(token.value, self._project(source))
            self.version += 1
            self._renew_at = _renew_at(now, token.expires)
        elif error:
            self._renew_at = now + self._pause
            self._refusal, self._failure = (error, None) if error.permanent else (None, error)
            if self.is_fresh():
                logger.warning(f"A token could not be renewed, the old one is still good: {error}")
            else:
                self._pause = min(LONGEST_PAUSE, 2 * self._pause)
        return error

    async def _fetch(self, source: TokenSource) -> Outcome:
        def fetch() -> Awaitable[Outcome]:
            return in_thread(partial(_fetch, source, self._request), "token refresh")

        if self.shared is None:
            return await fetch()
        return await self.shared(self._whose, self._token.value if self._token else None, fetch)

    def _reload(self) -> bool:
        """Read the file again if it has changed. True: what it says is in force."""
        stamp = self._file.stamp()
        if stamp == self._stamp:
            return False
        gone = stamp[1:] == (0, 0, 0)
        if gone and self._source is not None and not self._file.default:
            return False  # somebody may be replacing it
        self._stamp = stamp
        try:
            self._source = self._open()
        except CredentialError as e:
            if self._source is None:
                self._refusal = e
            logger.error(f"Credentials: {e}" + ("; those read before stay in use" if self._source else ""))
            return False
        self._refusal = self._failure = None
        self._pause = PAUSE
        self._renew_at = 0.0
        return True

    def _open(self) -> TokenSource:
        try:
            from addons.gateway.accounts.credentials.google_tokens import open_source
        except ImportError as e:
            raise CredentialError(f"the package {e.name} is missing (pip install google-auth)") from None
        info = self._file.read()
        source = open_source(info, self._scopes, name=self._name(), metadata_host=self._metadata_host)
        self._project(source)
        self.kind = source.kind
        self._whose = repr((info or socket.gethostname(), self._scopes))
        return source

    def _name(self) -> str:
        path = self._file.path
        return "the application default credentials" if path is None else f"the credentials file {path.name}"

    def _project(self, source: TokenSource) -> str | None:
        """Whose quota is used; None: that of the credentials' own project. Raises CredentialError."""
        if not self._send_quota_project:
            return None
        named = self._file.quota_project or source.quota_project
        return checked_project(named or (self._quota_project if source.is_user else None))


def make_credential(settings: AccountSettings, environ: Mapping[str, str], base_dir: Path) -> Credential:
    """The credential of an account. Relative paths begin at `base_dir`, the folder of the settings file.

    Raises CredentialError for settings that can't be right. A fault of a credentials file is told by `fault`, because
    the file may still be put right.
    """
    ways = [name for name in ("api_key", "credentials", "access_token") if getattr(settings, name) is not None]
    if len(ways) != 1:
        said = (
            f"it has {' and '.join(ways)}; one is enough" if ways else "it has no api_key, credentials or access_token"
        )
        raise CredentialError(said, permanent=True)
    project = checked_project(settings.project)
    if settings.credentials is not None:
        if not settings.credentials.strip():
            raise CredentialError("its credentials are empty", permanent=True)
        default = settings.credentials == "adc"
        try:
            path = None if default else base_dir / expanded(settings.credentials)
        except OSError as e:
            raise CredentialError(f"its credentials: {e.strerror}", permanent=True) from None
        return GoogleCredential(
            CredentialsFile(path, environ),
            SCOPES[settings.upstream],
            quota_project=project,
            send_quota_project=settings.upstream != "code-assist",
            metadata_host=environ.get("GCE_METADATA_HOST", ""),
        )
    value = secret(settings.api_key or settings.access_token, environ)
    if value is None:
        raise CredentialError(f"its {ways[0]} is empty (is the environment variable set?)", permanent=True)
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise CredentialError(f"its {ways[0]} holds characters that none has", permanent=True)
    if settings.access_token is not None:
        return StaticToken(value, project if settings.upstream == "gemini" else None)
    if settings.upstream == "code-assist" and not settings.base_url:
        raise CredentialError(
            "upstream 'code-assist' takes no api_key, only the credentials of a login", permanent=True
        )
    return ApiKey(value)


def checked_project(project: str | None) -> str | None:
    """A project id that can stand in a header. Raises CredentialError."""
    if project and not _PROJECT.fullmatch(project):
        raise CredentialError("the project is no project id", permanent=True)
    return project or None


_PROJECT = re.compile(r"[A-Za-z0-9._:-]+")


def _renew_at(now: float, expires: float | None) -> float:
    """When to renew a token of which nobody is in need yet."""
    return math.inf if expires is None else expires - min(EARLY, (expires - now) / 2)


def _fetch(source: TokenSource, request: Request | None) -> Outcome:
    try:
        return source.fetch(request), None
    except CredentialError as e:
        return None, e
