"""Texts that only this gateway can make and open: the `encrypted_content` that it hands to clients.

Fernet (AES with HMAC) from the cryptography package, which mitmproxy brings along. The key lives in the response
store, so that what was sealed before a restart can be opened after it, if the store is a file.
"""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken

from mapping import jsonio
from mapping.values import JSON

_PREFIX = "gw1."


def new_key() -> bytes:
    """A random key: 32 bytes in base64url, as Fernet takes it."""
    return Fernet.generate_key()


class Sealer:
    """Seals and opens JSON objects. `key` is one of `new_key`."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)

    def seal(self, payload: JSON) -> str:
        """A text of the base64url alphabet behind a prefix."""
        return _PREFIX + self._fernet.encrypt(jsonio.dumps(payload)).decode()

    def unseal(self, text: str) -> JSON | None:
        """The object; None for whatever this gateway did not seal."""
        if not text.startswith(_PREFIX):
            return None
        try:
            payload = jsonio.loads(self._fernet.decrypt(text[len(_PREFIX) :].encode("ascii", "replace")))
        except (InvalidToken, ValueError):
            return None
        return payload if isinstance(payload, dict) else None
