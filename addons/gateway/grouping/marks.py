"""The short coloured mark of a conversation, by its id: the same everywhere and after a restart.

No red and no black: those look like errors, and like nothing on a dark ground.
"""

from __future__ import annotations

import zlib

MARKS = "🟢🔵🟡🟣🟠🟤🟩🟦🟨🟪🟧🟫"


def mark(conversation: str | None) -> str:
    """One character; empty for what is in no conversation."""
    return MARKS[zlib.crc32(conversation.encode()) % len(MARKS)] if conversation else ""
