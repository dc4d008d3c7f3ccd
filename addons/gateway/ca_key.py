"""The key of mitmproxy's own certificates is read at the start without proving that it is a good one.

The proof takes longer than all else that mitmproxy does once it is loaded: 30 ms for a key of 2048 bits. It guards
against keys of strangers. This one is mitmproxy's, in a folder of the person who runs it, and signs nothing before a
client comes by TLS, which few do to a gateway.
"""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from mitmproxy import certs

from addons.gateway.wire import compat

_mitmproxys: Any = certs.load_pem_private_key


def read_quickly() -> None:
    """From now on."""
    if compat.offers(compat.CA_KEY):
        certs.load_pem_private_key = _read


def read_as_ever() -> None:
    """Leave it to mitmproxy again."""
    certs.load_pem_private_key = _mitmproxys


def _read(data: bytes, password: bytes | None) -> Any:
    """The key in a PEM file; a password for one that needs none is passed over. Raises ValueError, TypeError."""
    try:
        return load_pem_private_key(data, password, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        if password is None:
            raise
        return _read(data, None)
