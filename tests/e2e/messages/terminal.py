"""A terminal in which a program runs, and somebody who reads what it shows and types.

Spaces do not count: programs move the cursor in their place.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.patience import wait_until

_SIZE = (50, 160)
"""Lines and columns."""
_COMMANDS = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[\[(][0-9;?<>=]*[A-Za-z]|\x1b.|\s")
"""What moves the cursor, changes colours and titles; and blanks."""


class Terminal:
    """The person at it."""

    def __init__(self, device: int) -> None:
        self._device = device
        self._shown = bytearray()
        self._seen = 0
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def text(self) -> str:
        """All that was shown since the last key, without blanks."""
        return _COMMANDS.sub("", bytes(self._shown[self._seen :]).decode(errors="replace"))

    def wait_for(self, words: str) -> None:
        """Until these words are shown."""
        wait_until(lambda: "".join(words.split()) in self.text)

    def type(self, line: str) -> None:
        """A line, and Return once it is there: keys that come at once with it would be pasted."""
        self._seen = len(self._shown)
        os.write(self._device, line.encode())
        self.wait_for(line[-20:])
        os.write(self._device, b"\r")

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._device, 65536)
            except OSError:
                return
            if not data:
                return
            self._shown += data


@contextmanager
def terminal(
    command: list[str], environ: dict[str, str], folder: Path
) -> Iterator[tuple[Terminal, subprocess.Popen[bytes]]]:
    """A program in a terminal; both end together."""
    device, inside = pty.openpty()
    fcntl.ioctl(device, termios.TIOCSWINSZ, struct.pack("HHHH", *_SIZE, 0, 0))
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**environ, "TERM": "xterm-256color"},
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    try:
        yield Terminal(device), process
    finally:
        process.kill()
        process.wait()
        os.close(device)
