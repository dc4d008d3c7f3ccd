"""Files with Google credentials: where they are, what is in them, and whether they have changed.

* Nothing here needs google-auth or the network; reading is quick enough for the event loop.
* A fault becomes a CredentialError: a sentence that names the file and the cause, and holds nothing of its content.
* A file that other users of the machine can read is warned about, once.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from addons.gateway.settings.home import expanded
from mapping import jsonio

logger = logging.getLogger("antigravity")

MAX_SIZE = 1_000_000
"""Bytes. A credentials file has a few thousand at most."""

NAMED = "GOOGLE_APPLICATION_CREDENTIALS"
"""The environment variable that names the file of the application default credentials."""

REQUIRED = {
    "service_account": ("client_email", "private_key", "token_uri"),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
    "external_account": ("audience", "subject_token_type", "token_url", "credential_source"),
    "external_account_authorized_user": ("audience", "client_id", "client_secret", "refresh_token", "token_url"),
    "impersonated_service_account": ("service_account_impersonation_url", "source_credentials"),
}
"""The kinds of credentials files, with the fields that each must have. Source: google-auth."""

_TABLES = ("credential_source", "source_credentials")
"""Fields that hold objects. All the other ones hold text."""

_warned: set[Path] = set()


class CredentialError(Exception):
    """A credential can't be used. The message is for the person who runs the gateway, and holds no secret.

    `permanent`: it makes no sense to try again before the settings or the credentials file have changed.
    """

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


type Stamp = tuple[Path | None, int, int, int]


class CredentialsFile:
    """A credentials file. `path` None: that of the application default credentials, if there is one."""

    def __init__(self, path: Path | None, environ: Mapping[str, str]) -> None:
        self._path = path
        self._environ = environ

    @property
    def default(self) -> bool:
        """Whether these are the application default credentials."""
        return self._path is None

    @property
    def path(self) -> Path | None:
        """Where the file is. None: there is none, and the metadata server of a Google machine has to be asked.

        A path that begins with an unknown `~` stays as it is written: no file is there.
        """
        if self._path is not None:
            return self._path
        if named := self._environ.get(NAMED):
            return _at_home(named)
        usual = _gcloud_folder(self._environ) / "application_default_credentials.json"
        return usual if usual.is_file() else None

    @property
    def quota_project(self) -> str | None:
        """The quota project that the environment sets for the application default credentials."""
        return self._environ.get("GOOGLE_CLOUD_QUOTA_PROJECT") or None if self.default else None

    def stamp(self) -> Stamp:
        """What changes when the file does."""
        path = self.path
        try:
            found = path.stat() if path else None
        except OSError:
            found = None
        return (path, found.st_mtime_ns, found.st_size, found.st_ino) if found else (path, 0, 0, 0)

    def read(self) -> dict[str, Any] | None:
        """The checked content; None when there is no file (see `path`). Raises CredentialError."""
        path = self.path
        if path is None:
            return None
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):  # to open a pipe would wait for its other end
                raise _unusable(path, "it is no file")
            _warn(path, status)
            with path.open("rb") as file:
                data = file.read(MAX_SIZE + 1)
        except OSError as e:
            raise _unusable(path, e.strerror or type(e).__name__) from None
        if len(data) > MAX_SIZE:
            raise _unusable(path, f"it has more than {MAX_SIZE} bytes")
        try:
            info = jsonio.loads(data)
        except (ValueError, RecursionError):
            raise _unusable(path, "it is not valid JSON") from None
        fault = _fault(info)
        if fault:
            raise _unusable(path, fault)
        assert isinstance(info, dict)
        return info


def _fault(info: Any) -> str:
    """What is wrong with the content of a credentials file; empty when nothing is."""
    kind = info.get("type") if isinstance(info, dict) else None
    if not isinstance(kind, str) or kind not in REQUIRED:
        kinds = ", ".join(REQUIRED)
        if isinstance(info, dict) and ("installed" in info or "web" in info):
            return f"it holds an OAuth client, not credentials made with it; its 'type' has to be one of {kinds}"
        return f"its 'type' is none of {kinds}"
    for name in REQUIRED[kind]:
        value = info.get(name)
        if not value or not isinstance(value, dict if name in _TABLES else str):
            return f"its field {name!r} is missing or malformed"
    if kind == "impersonated_service_account":
        source = info["source_credentials"]
        if source.get("type") == kind:
            return "its source_credentials are impersonated too"
        fault = _fault(source)
        return f"in its source_credentials: {fault}" if fault else ""
    return ""


def _unusable(path: Path, why: str) -> CredentialError:
    # The name alone: clients may be told why an account can't serve, and need not know this machine's folders.
    return CredentialError(f"the credentials file {path.name} can't be used: {why}", permanent=True)


def _warn(path: Path, status: os.stat_result) -> None:
    if os.name != "nt" and status.st_mode & stat.S_IROTH and path not in _warned:
        _warned.add(path)
        logger.warning(f"Every user of this machine can read the credentials file {path}. Better: chmod 600 {path}")


def _gcloud_folder(environ: Mapping[str, str]) -> Path:
    """Where the gcloud command keeps its files."""
    if folder := environ.get("CLOUDSDK_CONFIG"):
        return _at_home(folder)
    if os.name == "nt":
        return _at_home(environ.get("APPDATA", "~")) / "gcloud"
    return _at_home("~/.config/gcloud")


def _at_home(path: str) -> Path:
    try:
        return expanded(path)
    except OSError:
        return Path(path)
