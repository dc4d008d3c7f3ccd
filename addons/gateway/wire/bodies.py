"""Bodies within bounds: those of requests as JSON, and those of the upstream's answers, piece by piece.

A few kilobytes can decompress to gigabytes; no more is ever produced than the limit allows, whatever the encoding.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Protocol

import brotli
from mitmproxy import http

from addons.gateway.http.fields import value
from mapping.dialect import Received
from mapping.faults import Fault
from mapping.gemini.errors import upstream_errors

if sys.version_info >= (3, 14):
    from compression import zstd as zstd
else:
    from backports import zstd as zstd

MAX_BYTES = 100 * 2**20
"""The largest body that is taken, of a request or of an upstream's answer, as it arrives and decompressed."""

_STEP = 2**20
_PIECE = 2**12


class TooLarge(Exception):
    """The data would decompress to more than the limit."""


def received(request: http.Request) -> Received:
    """A client's request for its dialect. Raises Fault (400, 413) for a body that can't be decompressed."""
    content = request.raw_content or b""
    if is_compressed(request):
        content = _decoded(content, _encoding(request))
    path, _, query = request.path.partition("?")
    return Received(content, value(request, b"content-type") or "", path, query)


def is_compressed(request: http.Request) -> bool:
    """Whether the body of a request, if there is one, has to be decompressed."""
    return _encoding(request) not in ("", "identity")


def _encoding(request: http.Request) -> str:
    return (value(request, b"content-encoding") or "").strip().lower()


def decompressed(message: http.Message | None) -> bytes:
    """The body of a recorded message, for those who look at it. What is broken or too large stays as it came."""
    if message is None or not (content := message.raw_content):
        return b""
    encoding = (message.headers.get("content-encoding") or "").strip().lower()
    if encoding not in _DECODERS:
        return content
    try:
        return _DECODERS[encoding](content, MAX_BYTES)
    except TooLarge:
        return content
    except (zlib.error, brotli.error, zstd.ZstdError, EOFError):  # of half a body mitmproxy gives what there is
        return message.get_content(strict=False) or b""


def _decoded(content: bytes, encoding: str) -> bytes:
    decode = _DECODERS.get(encoding)
    if decode is None:
        raise Fault(
            400,
            f"The content encoding '{encoding[:40]}' is not supported. Supported are: {', '.join(_DECODERS)}.",
            code="unsupported_value",
        )
    try:
        return decode(content, MAX_BYTES)
    except TooLarge:
        raise Fault(
            413,
            f"The request body decompresses to more than {MAX_BYTES // 2**20} MB.",
            code="request_too_large",
        ) from None
    except (zlib.error, brotli.error, zstd.ZstdError, EOFError):
        raise Fault(400, f"The request body is not valid {encoding} data.") from None


class _Decoder(Protocol):
    """Of one compressed stream."""

    @property
    def eof(self) -> bool:
        """Its end has come."""

    @property
    def unused_data(self) -> bytes:
        """What has come after that."""

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        """The next bytes, decompressed: `max_length` at most."""


def _streams(content: bytes, limit: int, begin: Callable[[], _Decoder], filling: bytes = b"") -> bytes:
    """Compressed streams one after another, as one. `filling`: bytes that may stand between and behind them.

    Behind the first one a piece at a time: what comes after a stream is copied for each, and a small body can have very
    many.
    """
    decoder = begin()
    pieces = [decoder.decompress(content, limit + 1)]
    left = limit - len(pieces[0])
    if left < 0:
        raise TooLarge
    further = decoder.unused_data
    for start in range(0, len(further), _PIECE):
        rest = further[start : start + _PIECE]
        while rest:
            if decoder.eof:
                rest = rest.lstrip(filling)
                if not rest:
                    break
                decoder = begin()
            pieces.append(decoder.decompress(rest, left + 1))
            left -= len(pieces[-1])
            if left < 0:
                raise TooLarge
            rest = decoder.unused_data
    if not decoder.eof:
        raise EOFError
    return b"".join(pieces)


def _zlib(content: bytes, limit: int, window: int) -> bytes:
    decoder = zlib.decompressobj(window)
    out = decoder.decompress(content, limit + 1)
    if len(out) > limit:
        raise TooLarge
    if not decoder.eof:
        raise EOFError
    return out


def _gzip(content: bytes, limit: int) -> bytes:
    """Member after member, as RFC 1952 lets them follow one another; zeros that fill up behind them do not count."""
    return _streams(content, limit, lambda: zlib.decompressobj(_GZIP), b"\0")


def _deflate(content: bytes, limit: int) -> bytes:
    """With the zlib header that the standard demands, or without it, as some clients send it."""
    try:
        return _zlib(content, limit, zlib.MAX_WBITS)
    except zlib.error:
        return _zlib(content, limit, -zlib.MAX_WBITS)


def _brotli(content: bytes, limit: int) -> bytes:
    decoder = brotli.Decompressor()
    pieces = [decoder.process(content, output_buffer_limit=_STEP)]
    size = len(pieces[0])
    while size <= limit and not decoder.is_finished() and not decoder.can_accept_more_data():
        pieces.append(decoder.process(b"", output_buffer_limit=_STEP))
        size += len(pieces[-1])
    if size > limit:  # a first piece can be larger than a step
        raise TooLarge
    if not decoder.is_finished():
        raise EOFError
    return b"".join(pieces)


def _zstd(content: bytes, limit: int) -> bytes:
    """Frame after frame, as RFC 8878 lets them follow one another."""
    return _streams(
        content,
        limit,
        lambda: zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 27}),
    )


_GZIP = zlib.MAX_WBITS | 16
_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}


class BodyReader:
    """Takes the body of one upstream answer, whole or streamed, as it comes.

    The upstream is asked for no compression, but something in between may compress all the same.
    """

    __slots__ = ("_decoder", "_is_gzip", "_left")

    def __init__(self, encoding: str) -> None:
        """`encoding` is the answer's Content-Encoding. Raises UpstreamError for one that is not known."""
        self._left = MAX_BYTES
        self._decoder: zlib._Decompress | None = None
        self._is_gzip = False
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity"):
            if encoding not in _WINDOWS:
                raise upstream_errors.unusable("The upstream's answer has an unknown encoding.", code=_ENCODING)
            self._decoder = zlib.decompressobj(_WINDOWS[encoding])
            self._is_gzip = encoding != "deflate"

    @property
    def inflates(self) -> bool:
        """It is compressed."""
        return self._decoder is not None

    def read(self, data: bytes) -> bytes:
        """The next bytes, decompressed. Raises UpstreamError when there are too many, or when they are broken."""
        decoder = self._decoder
        if decoder is not None:
            try:
                data = self._inflated(decoder, data)
            except zlib.error:
                raise upstream_errors.unusable("The upstream's answer is badly compressed.", code=_ENCODING) from None
        self._left -= len(data)
        if self._left < 0:
            message = f"The upstream's answer is larger than {MAX_BYTES // 2**20} MB."
            raise upstream_errors.unusable(message, code="upstream_too_large")
        return data

    def _inflated(self, decoder: zlib._Decompress, data: bytes) -> bytes:
        """Of gzip another member may follow (RFC 1952); what else comes behind the end is passed over, and not kept."""
        out = b""
        while data and len(out) <= self._left:
            if decoder.eof:
                self._is_gzip = self._is_gzip and data.startswith(_MAGIC)
                if not self._is_gzip:
                    break
                self._decoder = decoder = zlib.decompressobj(_GZIP)
            out += decoder.decompress(data, self._left - len(out) + 1)
            data = decoder.unused_data
        return out


_ENCODING = "upstream_encoding"
_MAGIC = b"\x1f"
_WINDOWS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}
"""What is decompressed: the encodings that servers use unasked."""
