"""Thought signatures: opaque to clients, and checked when they come back.

A signature is a nonce with its keyed hash, so that a restarted demo still knows its own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets

_NONCE = 24
_SEAL = 32
_KEY = b"demo upstream: not a secret"
_DUMMIES = (b"skip_thought_signature_validator", b"context_engineering_is_the_way_to_go")
DUMMIES = frozenset(d.decode() for d in _DUMMIES) | {base64.b64encode(d).decode() for d in _DUMMIES}
"""The placeholders that Google documents, as they are and as a client that takes them for bytes encodes them."""


def sign() -> str:
    """A new signature, in base64."""
    nonce = secrets.token_bytes(_NONCE)
    return base64.b64encode(nonce + _seal(nonce)).decode()


def genuine(signature: str) -> bool:
    """Made by `sign`, or one of the documented placeholders."""
    if signature in DUMMIES:
        return True
    text = signature.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(raw) == _NONCE + _SEAL and secrets.compare_digest(raw[_NONCE:], _seal(raw[:_NONCE]))


def _seal(nonce: bytes) -> bytes:
    return hashlib.blake2b(nonce, key=_KEY, digest_size=_SEAL).digest()
