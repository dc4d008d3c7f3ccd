"""Speech in an answer: Gemini's raw PCM in pieces -> base64 in the format that the client asked for.

Rules of this module:

* Gemini speaks 16 bit mono PCM (`audio/L16;codec=pcm;rate=24000`, seen in recorded answers). `pcm16` is that as it is;
  `wav` is that behind a header, which needs the length, so it comes all at once at the end.
* The base64 pieces of one answer, put one behind the other, are base64 of the whole: a piece ends on three bytes.
"""

from __future__ import annotations

import io
import re
import wave
from base64 import b64decode, b64encode

from mapping.gemini.errors.upstream_errors import broken

_RATE = re.compile(r"\brate=(\d{4,6})\b")
_DEFAULT_RATE = 24000
_RAW = ("audio/l16", "audio/pcm")


class Speech:
    """Takes the pieces of one answer's audio. Raises UpstreamError when a piece is not base64.

    `audio_format` is what the client asked for, `wav` or `pcm16`; None: as Gemini gives it.
    """

    __slots__ = ("_format", "_held", "_mime")

    def __init__(self, audio_format: str | None) -> None:
        self._format = audio_format
        self._mime = ""
        self._held = bytearray()

    def add(self, mime: str, data: str) -> str:
        """The base64 that can go out now; may be empty."""
        self._mime = self._mime or mime.lower()
        try:
            self._held += b64decode(data)
        except ValueError:
            raise broken("The upstream's audio is not base64.") from None
        return "" if self._as_wav else self._release(len(self._held) // 3 * 3)

    def end(self) -> str:
        """The base64 of the rest; may be empty."""
        if self._as_wav and self._held:
            self._held = bytearray(_wav(self._held, self._rate))
        return self._release(len(self._held))

    @property
    def _as_wav(self) -> bool:
        return self._format == "wav" and self._mime.startswith(_RAW)

    @property
    def _rate(self) -> int:
        named = _RATE.search(self._mime)
        return int(named[1]) if named else _DEFAULT_RATE

    def _release(self, count: int) -> str:
        text = b64encode(self._held[:count]).decode()
        del self._held[:count]
        return text


def _wav(pcm: bytes | bytearray, rate: int) -> bytes:
    """A WAV file of 16 bit mono PCM."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(pcm)
    return file.getvalue()
