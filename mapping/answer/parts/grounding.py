"""What an answer rests on: Gemini's grounding and citation metadata -> citations with places in the answer's text.

Rules of this module (Gemini API reference, `GroundingMetadata`, `Segment`, `CitationMetadata`):

* Gemini counts UTF-8 bytes within one part, the end exclusive; a citation counts code points within the whole text
  that the client has, the end exclusive too.
* In a stream the pieces of one part come one by one; `Span` stands for the part that they make up.
* A segment names its text. Where that text is not at the place named, its place in the spans is looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mapping.values import JSON

_SOURCES = ("web", "retrievedContext", "maps")
"""The members of a grounding chunk that name a page."""


@dataclass(frozen=True, slots=True)
class Citation:
    """A page, and the place in the text that rests on it: code points, the end exclusive."""

    url: str
    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the answer as Gemini counts parts. `text` is empty for parts that are not visible text."""

    start: int
    """Where the text begins in what the client has, in code points."""
    text: str


def citations(grounding: JSON, spans: Sequence[Span], length: int) -> list[Citation]:
    """The citations of `groundingMetadata`: one for each support and each page it rests on.

    With no supports at all, each page stands for the whole text (`length` in code points).
    """
    pages = [_grounding_page(_dict(chunk)) for chunk in _list(grounding.get("groundingChunks"))]
    supports = _list(grounding.get("groundingSupports"))
    if not supports:
        return [Citation(*page, 0, length) for page in pages if page]
    found = []
    for support in map(_dict, supports):
        start, end = _place(_dict(support.get("segment")), spans, length)
        for index in _list(support.get("groundingChunkIndices")):
            page = pages[index] if type(index) is int and 0 <= index < len(pages) else None
            if page:
                found.append(Citation(*page, start, end))
    return found


def searches(grounding: JSON) -> list[str]:
    """The texts of `webSearchQueries`, in Gemini's order."""
    return [query for query in _list(grounding.get("webSearchQueries")) if query and isinstance(query, str)]


def pages(grounding: JSON) -> list[tuple[str, str]]:
    """Address and title of the pages that were found, each once."""
    found = [_grounding_page(_dict(chunk)) for chunk in _list(grounding.get("groundingChunks"))]
    return list({page[0]: page for page in found if page}.values())


def addresses(grounding: JSON) -> list[str]:
    """The addresses of the pages that were found, each once."""
    return [url for url, _ in pages(grounding)]


def recited(metadata: JSON, spans: Sequence[Span]) -> list[Citation]:
    """The citations of `citationMetadata` that name a page. Their bytes count through the texts of all parts."""
    sources = _list(metadata.get("citationSources")) or _list(metadata.get("citations"))
    texts = [span for span in spans if span.text]
    found = []
    for source in map(_dict, sources):
        if page := _page(source):
            start = _through(texts, _number(source.get("startIndex")))
            end = _through(texts, _number(source.get("endIndex")))
            found.append(Citation(*page, start, max(start, end)))
    return found


def _through(texts: Sequence[Span], offset: int) -> int:
    """The place of a byte, counted through the texts; the end for what lies behind it."""
    place = 0
    for span in texts:
        data = span.text.encode()
        place = span.start + _code_points(data, offset)
        if offset <= len(data):
            break
        offset -= len(data)
    return place


def _page(source: JSON) -> tuple[str, str] | None:
    """Address and title; without a title the address stands for it."""
    url, title = source.get("uri"), source.get("title")
    if not url or not isinstance(url, str):
        return None
    return url, title if title and isinstance(title, str) else url


def _grounding_page(chunk: JSON) -> tuple[str, str] | None:
    return next((page for name in _SOURCES if (page := _page(_dict(chunk.get(name))))), None)


def _place(segment: JSON, spans: Sequence[Span], length: int) -> tuple[int, int]:
    part, first, last = (_number(segment.get(name)) for name in ("partIndex", "startIndex", "endIndex"))
    told = segment.get("text")
    text = told if isinstance(told, str) else ""
    if part < len(spans) and spans[part].text:
        span = spans[part]
        data = span.text.encode()
        if not text or data[first:last] == text.encode():
            return span.start + _code_points(data, first), span.start + _code_points(data, max(first, last))
    for span in spans if text else ():
        at = span.text.find(text)
        if at >= 0:
            return span.start + at, span.start + at + len(text)
    return 0, length


def _code_points(data: bytes, offset: int) -> int:
    """How many characters begin before the byte at `offset`."""
    return len(data[:offset].decode(errors="ignore"))


def _number(value: Any) -> int:
    """Gemini leaves out a zero."""
    return value if type(value) is int and value > 0 else 0


def _dict(value: Any) -> JSON:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
