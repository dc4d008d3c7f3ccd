"""PCM -> the formats that OpenAI has for speech, piece by piece.

Rules of this module:

* What comes is what Gemini speaks: 16 bit little-endian mono PCM. `pcm` is that as it is, `wav` that behind a head.
* All else is encoded by PyAV, which brings FFmpeg in its wheels. It is an extra: where it is not installed, those
  formats are refused, and nothing is ever called what it is not.
* A head that tells the length needs all of the sound. A client that wants it as it comes gets a head that leaves the
  length open, as OpenAI does it.
* The same sound gives the same bytes with the same PyAV.

Sources: the OpenAI API reference (`CreateSpeechRequest`); RFC 9639 (FLAC), RFC 7845 (Opus in Ogg); Microsoft's
description of WAV.
"""

from __future__ import annotations

import importlib.util
import io
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

OPEN = 0xFFFFFFFF
"""The length of what has no known end."""
_HEAD = struct.Struct("<4sI4s4sIHHIIHH4sI")


class Encoder(Protocol):
    """Takes the samples in their order. There may be bytes at any time, and at the end."""

    def feed(self, pcm: bytes, /) -> bytes:
        """`pcm` holds whole samples."""

    def end(self) -> bytes:
        """The last bytes."""


class _Pcm(Encoder):
    """As it is."""

    def __init__(self, rate: int, *, whole: bool) -> None:
        self._rate = rate

    def feed(self, pcm: bytes) -> bytes:
        return pcm

    def end(self) -> bytes:
        return b""


class _Wav(Encoder):
    """A head of 44 bytes, and the samples."""

    def __init__(self, rate: int, *, whole: bool) -> None:
        self._rate = rate
        self._held = bytearray() if whole else None
        self._begun = False

    def feed(self, pcm: bytes) -> bytes:
        if self._held is not None:
            self._held += pcm
            return b""
        if self._begun:
            return pcm
        self._begun = True
        return self._head(OPEN) + pcm

    def end(self) -> bytes:
        if self._held is not None:
            return self._head(len(self._held)) + bytes(self._held)
        return b"" if self._begun else self._head(0)

    def _head(self, size: int) -> bytes:
        whole = min(size + _HEAD.size - 8, OPEN)
        return _HEAD.pack(
            *(b"RIFF", whole, b"WAVE", b"fmt ", 16, 1, 1, self._rate, self._rate * 2, 2, 16, b"data", size)
        )


@dataclass(frozen=True, slots=True)
class _Codec:
    """What PyAV calls it. `rate` of bits a second; 0: lossless."""

    container: str
    name: str
    rate: int = 0
    options: dict[str, str] = field(default_factory=dict)

    def __call__(self, rate: int, *, whole: bool) -> Encoder:
        return _Coded(self, rate, whole=whole)


class _Drain(io.RawIOBase):
    """Takes what is written, for a muxer that can't go back."""

    def __init__(self) -> None:
        self.taken = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.taken += data
        return len(data)


class _Coded(Encoder):
    """Encoded and muxed by PyAV."""

    def __init__(self, codec: _Codec, rate: int, *, whole: bool) -> None:
        import av

        self._rate = rate
        self._sink: io.BytesIO | _Drain = io.BytesIO() if whole else _Drain()
        options = {"fflags": "+bitexact", **codec.options}  # no numbers by chance, no versions
        self._container = av.open(self._sink, "w", format=codec.container, container_options=options)
        stream: Any = self._container.add_stream(codec.name, rate=rate)
        stream.layout = "mono"
        if codec.rate:
            stream.bit_rate = codec.rate
        self._stream = stream
        self._frame: Callable[..., Any] = av.AudioFrame
        self._samples = 0

    def feed(self, pcm: bytes) -> bytes:
        if pcm:
            count = len(pcm) // 2
            frame = self._frame(format="s16", layout="mono", samples=count, align=1)
            frame.planes[0].update(pcm)
            frame.sample_rate, frame.pts = self._rate, self._samples
            self._samples += count
            self._container.mux(self._stream.encode(frame))
        return self._drained()

    def end(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._sink.getvalue() if isinstance(self._sink, io.BytesIO) else self._drained()

    def _drained(self) -> bytes:
        if isinstance(self._sink, io.BytesIO):
            return b""
        taken = bytes(self._sink.taken)
        self._sink.taken.clear()
        return taken


@dataclass(frozen=True, slots=True)
class Format:
    """A value of `response_format`."""

    content_type: bytes
    make: Callable[..., Encoder]
    """Of the samples in a second, and whether all of it is wanted at once."""
    coded: bool = True
    """PyAV is needed."""
    has_length: bool = False
    """Its head tells how long it is."""


FORMATS: dict[str, Format] = {
    "mp3": Format(b"audio/mpeg", _Codec("mp3", "libmp3lame", 128_000, {"id3v2_version": "0", "write_xing": "0"})),
    "opus": Format(b"audio/ogg; codecs=opus", _Codec("ogg", "libopus", 48_000, {"page_duration": "100000"})),
    "aac": Format(b"audio/aac", _Codec("adts", "aac", 96_000)),
    "flac": Format(b"audio/flac", _Codec("flac", "flac"), has_length=True),
    "wav": Format(b"audio/wav", _Wav, coded=False, has_length=True),
    "pcm": Format(b"audio/pcm", _Pcm, coded=False),
}
PLAIN = tuple(name for name, form in FORMATS.items() if not form.coded)


def can_make(name: str) -> bool:
    """Whether a format of `FORMATS` can be made here."""
    return not FORMATS[name].coded or importlib.util.find_spec("av") is not None
