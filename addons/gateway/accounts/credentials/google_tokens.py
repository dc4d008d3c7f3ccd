"""Access tokens by google-auth, from the content of a credentials file or from a Google machine's metadata server.

* Everything here but `open_source` waits for the network: it belongs on a thread.
* Whatever goes wrong becomes a CredentialError that says who refused and why, without a secret.
* google-auth runs on the standard library's HTTP client, and so needs no package more.
* The token servers are those that the file names (`token_uri`, `token_url`, `service_account_impersonation_url`).

Sources: the google-auth reference; the OAuth 2.0 RFCs 6749 and 7523; Google Cloud's page on the metadata server.
"""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from google.auth import (
    aws,
    exceptions,
    external_account_authorized_user,
    identity_pool,
    impersonated_credentials,
    pluggable,
    transport,
)
from google.oauth2 import credentials as user_credentials
from google.oauth2 import service_account

from addons.gateway.accounts.credentials.credential_files import CredentialError
from addons.gateway.accounts.network.plain_http import Answer, BadUrl, Unreachable, ask
from mapping import jsonio
from mapping.gemini.errors.google_errors import read, redact

TIMEOUT = 10.0
"""Seconds that a token server may be silent."""
DEADLINE = 30.0
"""Seconds after which a fetch makes no further call (google-auth itself tries a failing server three times)."""

METADATA_HOST = "metadata.google.internal"

type Info = Mapping[str, Any]


type Request = Callable[..., Answer]
"""`request(url, method="GET", body=None, headers=None, timeout=None)`: what google-auth calls a transport."""


class Credentials(Protocol):
    """What is used of google-auth's credentials."""

    token: str | None
    expiry: datetime.datetime | None

    def refresh(self, request: Any) -> None:
        """Fetch a token into `token` and `expiry` (UTC, without a zone) by a `Request`. Raises GoogleAuthError, or what
        the request raises."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. `expires` is in seconds since the epoch; None: it is not known to."""

    value: str = field(repr=False)
    expires: float | None


# --- HTTP


class Transport(transport.Request):
    """HTTP for one fetch of a token. Follows no redirects: what is sent is a secret."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + DEADLINE

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **more: Any,
    ) -> Answer:
        """Raises CredentialError when there is no answer."""
        if more.get("cert"):
            raise CredentialError("credentials by X.509 certificate are not supported", permanent=True)
        left = self._end - self._clock()
        try:
            host = urlsplit(url).netloc.rpartition("@")[2]
            if left <= 0:
                raise Unreachable(f"no usable answer in {DEADLINE:.0f} s")
            return ask(url, method, body, headers, timeout=min(timeout or TIMEOUT, TIMEOUT, left))
        except Unreachable as e:
            raise CredentialError(f"the token server {host} could not be asked: {e}") from None
        except (BadUrl, ValueError):
            raise CredentialError("the URL of its token server can't be used", permanent=True) from None


# --- the sources of tokens


class TokenSource:
    """Fetches tokens with one set of credentials; not from two threads at once.

    `kind` is the type of the credentials file, or `metadata`; `name` is what messages call the credentials. `secrets`
    are taken out of what token servers say.
    """

    def __init__(self, kind: str, name: str, credentials: Credentials, secrets: Sequence[str]) -> None:
        self.kind = kind
        self.is_user = kind in _USERS or bool(getattr(credentials, "is_user", False))
        """It stands for a person, who has to say whose quota is used."""
        self.quota_project: str | None = getattr(credentials, "quota_project_id", None)
        self._name = name
        self._credentials = credentials
        self._secrets = secrets

    def fetch(self, request: Request | None = None) -> Token:
        """Ask the token server. Raises CredentialError."""
        credentials = self._credentials
        try:
            credentials.refresh(request or Transport())
        except CredentialError as e:
            raise self._error(str(e), permanent=e.permanent) from None
        except exceptions.GoogleAuthError as e:
            raise self._explained(e) from None
        except Exception as e:
            # Such as a KeyError where an answer lacks what it has to have. Its text could hold anything.
            raise self._error(f"the token server's answer can't be used ({type(e).__name__})") from None
        value, expiry = credentials.token, credentials.expiry
        if not isinstance(value, str) or not _TOKEN.fullmatch(value):
            raise self._error("the token server gave no usable token")
        return Token(value, expiry.replace(tzinfo=datetime.UTC).timestamp() if expiry else None)

    def _explained(self, error: exceptions.GoogleAuthError) -> CredentialError:
        """From the forms of google-auth: (text), (text, the answer as text), (text, the answer parsed)."""
        text, answer = (*error.args, None, None)[:2]
        if isinstance(answer, str):
            try:
                answer = jsonio.loads(answer)
            except ValueError:
                pass
        code = answer.get("error") if isinstance(answer, dict) else None
        if isinstance(code, dict):
            failure = read(None, answer)
            permanent = 400 <= failure.status < 500 and failure.status not in (408, 429)
            return self._error(f"the token server refused: {failure.message}", permanent=permanent)
        if isinstance(code, str):
            told = answer.get("error_description")
            said = f"{code} ({told})" if isinstance(told, str) and told else code
            permanent = code in _FINAL and self.kind not in _CHANGING
            return self._error(f"the token server refused: {said}{_HINTS.get((self.kind, code), '')}", permanent)
        said = text if isinstance(text, str) else type(error).__name__
        if not said or len(said) > 300 or said.startswith("<") or not said.isprintable():
            said = "the token server's answer is not JSON"
        elif said[0] in "{[":
            said = "the token server gave an error without a reason"
        return self._error(said, permanent="Reauthentication is needed" in said)

    def _error(self, text: str, permanent: bool = False) -> CredentialError:
        for secret in self._secrets:
            text = text.replace(secret, "[redacted]")
        text = "".join(c if c.isprintable() else " " for c in _OPAQUE.sub("[redacted]", redact(text)))
        return CredentialError(f"{self._name}: {text[:400].rstrip(' .')}", permanent=permanent)


def open_source(info: Info | None, scopes: Sequence[str], *, name: str, metadata_host: str = "") -> TokenSource:
    """The source of tokens for the checked content of a credentials file; None: this machine's metadata server.

    `name` is what messages call it. Raises CredentialError when google-auth can't make use of the content.
    """
    if info is None:
        return TokenSource("metadata", name, MetadataServer(scopes, metadata_host or METADATA_HOST), ())
    kind = info["type"]
    try:
        credentials = _LOADERS[kind](info, scopes)
    except (exceptions.GoogleAuthError, ValueError, TypeError, KeyError, AttributeError):
        # What they say may hold a part of the file.
        hint = "; its private_key may be damaged" if kind == "service_account" else ""
        raise CredentialError(f"{name} can't be used: its fields are no valid {kind}{hint}", permanent=True) from None
    return TokenSource(kind, name, credentials, _secrets_of(info))


class MetadataServer:
    """The credentials of the Google machine that this runs on.

    google-auth's class for it needs `requests` (see `plain_http`), and asks five times, with pauses of seconds in
    between, before it says that this is no such machine.
    """

    def __init__(self, scopes: Sequence[str], host: str) -> None:
        self.token: str | None = None
        self.expiry: datetime.datetime | None = None
        self._url = (
            f"http://{host}/computeMetadata/v1/instance/service-accounts/default/token?scopes={','.join(scopes)}"
        )

    def refresh(self, request: Request) -> None:
        """As `Credentials.refresh`. Raises CredentialError where there is no metadata server, or it refuses."""
        try:
            answer = request(self._url, headers={"Metadata-Flavor": "Google"}, timeout=3)
        except CredentialError as e:
            raise CredentialError(
                "there is no file with them (gcloud auth application-default login makes one), and this is "
                f"no machine of Google's: {e}"
            ) from None
        if answer.status != 200:
            raise CredentialError(f"the metadata server answered with status {answer.status}")
        values = jsonio.loads(answer.data)
        self.token = values["access_token"]
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        self.expiry = now + datetime.timedelta(seconds=int(values["expires_in"]))


def _service_account(info: Info, scopes: Sequence[str]) -> Credentials:
    made: Credentials = service_account.Credentials.from_service_account_info(info, scopes=scopes)
    return made


def _authorized_user(info: Info, scopes: Sequence[str]) -> Credentials:
    # No scopes: to ask for one that the person has not granted is an error, and without any all are given.
    made: Any = user_credentials.Credentials.from_authorized_user_info(info)
    credentials: Credentials = made.with_token_uri(info["token_uri"]) if info.get("token_uri") else made
    return credentials


def _external_account(info: Info, scopes: Sequence[str]) -> Credentials:
    kind: Any = identity_pool.Credentials
    if info["subject_token_type"] == "urn:ietf:params:aws:token-type:aws4_request":  # noqa: S105 - a name
        kind = aws.Credentials
    elif info["credential_source"].get("executable") is not None:
        kind = pluggable.Credentials
    made: Credentials = kind.from_info(info, scopes=scopes)
    return made


def _external_user(info: Info, scopes: Sequence[str]) -> Credentials:
    made: Credentials = external_account_authorized_user.Credentials.from_info(info)
    return made


def _impersonated(info: Info, scopes: Sequence[str]) -> Credentials:
    # google-auth's own way from a file ignores the host of the URL and the token_uri of the source.
    url = info["service_account_impersonation_url"]
    principal = _PRINCIPAL.search(url)
    if not principal:
        raise ValueError("no principal")
    source = info["source_credentials"]
    return impersonated_credentials.Credentials(
        _LOADERS[source["type"]](source, scopes),
        principal[1],
        list(scopes),
        delegates=info.get("delegates"),
        quota_project_id=info.get("quota_project_id"),
        iam_endpoint_override=url,
    )


def _secrets_of(info: Info) -> list[str]:
    """The texts that no message may repeat."""
    found = [value for name, value in info.items() if name in _SECRET and isinstance(value, str) and len(value) > 3]
    source = info.get("source_credentials")
    return found + _secrets_of(source) if isinstance(source, dict) else found


_LOADERS: dict[str, Callable[[Info, Sequence[str]], Credentials]] = {
    "service_account": _service_account,
    "authorized_user": _authorized_user,
    "external_account": _external_account,
    "external_account_authorized_user": _external_user,
    "impersonated_service_account": _impersonated,
}
_USERS = ("authorized_user", "external_account_authorized_user")
_CHANGING = ("external_account", "metadata")
"""Kinds that send something else each time: what was refused once may be taken the next time."""
_SECRET = ("client_secret", "private_key", "refresh_token", "token", "rapt_token")
_FINAL = frozenset(
    (
        "access_denied",
        "account_disabled",
        "admin_policy_enforced",
        "deleted_client",
        "disabled_client",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "org_internal",
        "unauthorized_client",
        "unsupported_grant_type",
    )
)
"""The error codes of token servers after which asking again is of no use."""
_HINTS = {
    ("authorized_user", "invalid_grant"): "; the login was revoked or has expired: log in again",
    ("service_account", "invalid_grant"): "; the key or its account is gone, or this machine's clock is wrong",
}
_PRINCIPAL = re.compile(r"/([^/]+):generateAccessToken$")
_TOKEN = re.compile(r"[!-~]+")
_OPAQUE = re.compile(r"GOCSPX-[\w-]+|[\w~+=-]{40,}")
"""Client secrets, and what is too long for a word: parts of tokens and keys."""
