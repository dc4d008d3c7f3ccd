"""What commands give back, or write."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from mitmproxy import exceptions
from mitmproxy.log import ALERT

from mapping import jsonio
from mapping.values import JSON

logger = logging.getLogger("antigravity")


def as_asked(plain: JSON, lines: Sequence[str], as_json: bool) -> Sequence[str]:
    """What there is to tell: a line of JSON, or lines for a person."""
    return [jsonio.dumps(plain).decode()] if as_json else lines


def write(file: str, content: bytes) -> None:
    """Write a file that a person has named, and say so. Raises CommandError."""
    try:
        Path(file).write_bytes(content)
    except OSError as e:
        raise exceptions.CommandError(f"{file}: {e.strerror or e}") from None
    logger.log(ALERT, f"Written to {file}.")
