"""The audio of Gemini's answers, in pieces -> samples.

Gemini speaks 16 bit mono PCM with 24 000 samples a second (`audio/L16;codec=pcm;rate=24000`, seen in recorded answers),
little-endian in spite of the type's name. Newer models send WAV, too, where nothing else is asked for: its head is
taken off. A sample may be cut in two between pieces.
"""

from __future__ import annotations

import re
import struct
from base64 import b64decode

from mapping.gemini.errors.upstream_errors import broken

RATE = 24_000
"""Samples a second where nothing is told."""
_RATE = re.compile(r"\brate=(\d{4,6})\b")
_RAW = ("audio/l16", "audio/pcm")
_WAV = ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave")
_MAX_HEAD = 64 * 2**10


class Samples:
    """Takes the pieces of one answer. Raises UpstreamError for what is no such sound."""

    def __init__(self) -> None:
        self.rate = 0
        """Samples a second; 0: not known yet."""
        self._held = bytearray()
        self._in_head = False

    def add(self, mime: str, data: str) -> bytes:
        """The whole samples that are there now."""
        kind = mime.lower()
        try:
            self._held += b64decode(data)
        except ValueError:
            raise broken("The upstream's audio is not base64.") from None
        if not self.rate:
            self._begin(kind)
        if self._in_head and not self._read_head():
            return b""
        count = len(self._held) // 2 * 2
        samples = bytes(self._held[:count])
        del self._held[:count]
        return samples

    def _begin(self, kind: str) -> None:
        self._in_head = self._held.startswith(b"RIFF") or kind.startswith(_WAV)
        if not self._in_head and not kind.startswith(_RAW):
            raise broken(f"The upstream speaks in another format than was asked for: {kind[:60]}.")
        named = _RATE.search(kind)
        self.rate = int(named[1]) if named else RATE

    def _read_head(self) -> bool:
        """Take off the head of a WAV file. False: it is not there as a whole."""
        held, at = self._held, 12
        while at + 8 <= len(held):
            name, size = bytes(held[at : at + 4]), struct.unpack_from("<I", held, at + 4)[0]
            if name == b"data":
                del held[: at + 8]
                self._in_head = False
                return True
            if name == b"fmt " and at + 24 <= len(held):
                kind, channels, self.rate, _, _, bits = struct.unpack_from("<HHIIHH", held, at + 8)
                if (kind, channels, bits) != (1, 1, 16):
                    raise broken("The upstream speaks in another format than 16 bit mono PCM.")
            at += 8 + size + size % 2
        if len(held) > _MAX_HEAD:
            raise broken("The upstream's audio is no WAV file, though it says so.")
        return False
