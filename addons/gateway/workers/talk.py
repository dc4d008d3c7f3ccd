"""Lines of JSON between a worker and its parent.

What one worker says to another goes in them as a text of JSON of its own: the parent hands it on, and keeps it where it
is for later, without making objects of it, which would be many times as large.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable
from typing import Any

VERSION = 2
"""Of what the first process, the loader and the workers say to each other, and of how connections are handed
(`handed`). The first process stays when code is loaded anew: whoever changes any of it makes this one more."""
MOST = 2**26
"""Bytes of a line."""


class Talk:
    """One end of a pair of sockets."""

    def __init__(self, pair: socket.socket) -> None:
        self._pair = pair
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """Be able to say and hear things."""
        self._reader, self._writer = await asyncio.open_connection(sock=self._pair, limit=MOST)

    async def listen(self, heard: Callable[[dict[str, Any]], None]) -> None:
        """Hear each line, until the other end is gone."""
        assert self._reader is not None
        try:
            while line := await self._reader.readline():
                heard(json.loads(line))
        except (OSError, ValueError):  # gone in the middle of a line
            pass
        finally:
            self.close()

    async def flush(self) -> None:
        """Wait until all that was said has been taken, or the other end is gone."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.transport.set_write_buffer_limits(0)
            with contextlib.suppress(OSError):
                await self._writer.drain()

    def close(self) -> None:
        """Be gone."""
        if self._writer is not None:
            self._writer.close()

    def say(self, **said: Any) -> None:
        """Say a line. One that can't be said any more is lost."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(json.dumps(said).encode() + b"\n")
