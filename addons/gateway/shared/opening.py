"""Where the shared state is: what the settings and the environment say of it.

* `[state] url`: a Valkey or Redis, with `[state] key` to seal what is private there.
* Otherwise `ANTIGRAVITY_SHARED`, which whoever starts several workers sets: a folder on this machine, theirs alone.
* Otherwise nothing is shared, and none of this is opened.

`ANTIGRAVITY_WORKER` is the number of a worker among those that were started together.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from addons.gateway.settings.settings import Settings, SettingsError, secret

if TYPE_CHECKING:
    from addons.gateway.shared.contract import SharedPlace
    from addons.gateway.shared.vault import Vault

FOLDER = "ANTIGRAVITY_SHARED"
WORKER = "ANTIGRAVITY_WORKER"
KEY_FILE = "key"
SHORTEST_SECRET = 16
"""Characters; `openssl rand -base64 32` makes 44."""


@dataclass(frozen=True, slots=True)
class SharedSource:
    """What is to be opened."""

    url: str | None
    key: str
    prefix: str
    folder: Path | None
    """Of the workers of this machine, if there are several."""
    answer_within: float
    """Seconds that a request waits for it at most."""

    def open(self) -> tuple[SharedPlace, Vault]:
        """The place, not connected yet, and what seals values there. Raises OSError."""
        from addons.gateway.shared.vault import Vault  # this and the places are loaded where something is shared only

        if self.url is not None:
            from addons.gateway.shared.valkey_place import ValkeyPlace

            return ValkeyPlace(self.url, self.prefix), Vault(self.key.encode())
        from addons.gateway.shared.sqlite_place import SqlitePlace

        assert self.folder is not None
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return SqlitePlace(self.folder), Vault(_folder_key(self.folder))


def source_of(settings: Settings, environ: Mapping[str, str]) -> SharedSource | None:
    """What the settings name; None: nothing is shared. Raises SettingsError."""
    state = settings.state
    url = secret(state.url, environ)
    folder = Path(environ[FOLDER]) if environ.get(FOLDER) else None
    if url is None:
        return SharedSource(None, "", "", folder, state.answer_within) if folder else None
    try:
        from addons.gateway.shared import valkey_address
    except ImportError as e:
        raise SettingsError(f"state.url: the package {e.name} is missing (pip install redis)") from None
    if problem := valkey_address.problem(url):
        raise SettingsError(f"state.url: {problem}")
    key = secret(state.key, environ) or ""
    if len(key) < SHORTEST_SECRET:
        raise SettingsError(
            f"state.key: a secret of at least {SHORTEST_SECRET} characters is needed, the same for all gateways that "
            "share this: conversations and tokens are sealed with it (openssl rand -base64 32 makes one)"
        )
    return SharedSource(url, key, state.prefix, folder, state.answer_within)


def worker_name(environ: Mapping[str, str]) -> str:
    """The name of this worker: its number, if it has one, and what no other has, this one after a restart included."""
    return f"{environ.get(WORKER) or 0}-{uuid4().hex[:12]}"


def _folder_key(folder: Path) -> bytes:
    """The key of a folder: the first worker makes it."""
    path = folder / KEY_FILE
    made = folder / f"{KEY_FILE}.{uuid4().hex}"
    handle = os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(handle, secrets.token_bytes(32))
    finally:
        os.close(handle)
    try:
        os.link(made, path)  # whole, and only if it is not there
    except FileExistsError:
        pass
    finally:
        made.unlink()
    return path.read_bytes()
