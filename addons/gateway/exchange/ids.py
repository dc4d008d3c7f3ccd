"""New ids. The translation takes this as an argument, because it has no randomness of its own."""

from __future__ import annotations

import os


def mint(prefix: str, size: int = 12) -> str:
    """A fresh id: the prefix, and `size` random bytes in hexadecimal."""
    return prefix + os.urandom(size).hex()


def new_id() -> str:
    """A request id."""
    return mint("req_", 16)
