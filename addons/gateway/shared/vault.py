"""Seals what the shared state holds of conversations and tokens, so that who can read the place can't read them.

AES-256-GCM from the cryptography package, with a key that is derived from the settings' secret. What was sealed under
one name can't be opened under another.
"""

from __future__ import annotations

import hashlib
import os
from base64 import urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12


class Vault:
    """See the module. Whoever has the same secret can open what another has sealed."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._cipher = AESGCM(self._derived(b"values"))
        self._names = self._derived(b"names")

    def seal(self, name: str, data: bytes) -> bytes:
        """The sealed data: 28 bytes longer."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, data, name.encode("utf-8", "surrogatepass"))

    def open(self, name: str, sealed: bytes) -> bytes | None:
        """The data; None for what was not sealed under this name, or with another secret."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode("utf-8", "surrogatepass"))
        except (InvalidTag, ValueError):
            return None

    def digest(self, *parts: str) -> str:
        """A name for what must not be read from a key: 32 characters, the same for everybody with the secret."""
        joined = "\0".join(parts).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(joined, digest_size=16, key=self._names).hexdigest()

    def client_key(self) -> bytes:
        """The key of a `storage.sealing.Sealer` that is the same on all machines."""
        return urlsafe_b64encode(self._derived(b"clients"))

    def _derived(self, purpose: bytes) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=b"antigravity state 1 " + purpose).derive(self._secret)
