"""Citations: UTF-8 bytes within a part become code points within the text."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.answer.parts.grounding import Citation, Span, addresses, citations, recited, searches

A = {"web": {"uri": "https://a.example", "title": "A"}}
B = {"web": {"uri": "https://b.example"}}


def support(start: int, end: int, *chunks: Any, part: int = 0, text: str | None = None) -> dict[str, Any]:
    segment: dict[str, Any] = {"startIndex": start, "endIndex": end, "partIndex": part}
    if text is not None:
        segment["text"] = text
    return {"segment": {name: value for name, value in segment.items() if value}, "groundingChunkIndices": list(chunks)}


def places(found: list[Citation]) -> list[tuple[int, int, str]]:
    return [(citation.start, citation.end, citation.title) for citation in found]


TEXT = [Span(0, "Zürich 🇨🇭. Lake.")]
LENGTH = len("Zürich 🇨🇭. Lake.")


@pytest.mark.parametrize(
    ("supports", "spans", "expected"),
    [
        pytest.param([support(0, 17, 0)], TEXT, [(0, 10, "A")], id="bytes"),
        pytest.param([support(18, 23, 0, text="Lake.")], TEXT, [(11, 16, "A")], id="with-its-text"),
        pytest.param([support(3, 8, 0, text="Lake.")], TEXT, [(11, 16, "A")], id="text-is-elsewhere"),
        pytest.param([support(3, 8, 0, text="gone")], TEXT, [(0, LENGTH, "A")], id="text-is-nowhere"),
        pytest.param([support(18, 999, 0)], TEXT, [(11, 16, "A")], id="end-beyond"),
        pytest.param([support(18, 0, 0)], TEXT, [(11, 11, "A")], id="no-end"),
        pytest.param([support(0, 2, 0)], TEXT, [(0, 1, "A")], id="within-a-character"),
        pytest.param([support(0, 4, 0, 1)], TEXT, [(0, 3, "A"), (0, 3, "https://b.example")], id="two-pages"),
        pytest.param([support(0, 4, 7, -1, "x", None)], TEXT, [], id="no-such-page"),
        pytest.param(
            [support(0, 2, 0, part=2)], [Span(0, "ab"), Span(2, ""), Span(9, "cd")], [(9, 11, "A")], id="part-index"
        ),
        pytest.param([support(0, 2, 0, part=9)], TEXT, [(0, LENGTH, "A")], id="no-such-part"),
        pytest.param([5, {"segment": 5, "groundingChunkIndices": 5}], TEXT, [], id="odd"),
    ],
)
def test_supports(supports: list[Any], spans: list[Span], expected: list[Any]) -> None:
    grounding = {"groundingChunks": [A, B], "groundingSupports": supports}
    assert places(citations(grounding, spans, LENGTH)) == expected


@pytest.mark.parametrize(
    ("chunk", "expected"),
    [
        pytest.param(A, [(0, 5, "A")], id="web"),
        pytest.param({"retrievedContext": {"uri": "gs://x", "title": "X"}}, [(0, 5, "X")], id="retrieved"),
        pytest.param({"maps": {"uri": "https://m.example", "title": "M"}}, [(0, 5, "M")], id="maps"),
        pytest.param({"web": {"title": "no address"}}, [], id="no-address"),
        pytest.param({"web": 5}, [], id="odd"),
        pytest.param(None, [], id="null"),
    ],
)
def test_pages_without_supports_stand_for_the_whole_text(chunk: Any, expected: list[Any]) -> None:
    assert places(citations({"groundingChunks": [chunk]}, [], 5)) == expected


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"citationSources": [{"endIndex": 3, "uri": "https://x"}]}, [(0, 2, "https://x")]),
        ({"citations": [{"startIndex": 1, "endIndex": 99, "uri": "https://x", "title": "X"}]}, [(1, 12, "X")]),
        ({"citationSources": [{"startIndex": 3, "endIndex": 5, "uri": "https://x"}]}, [(2, 12, "https://x")]),
        ({"citationSources": [{"endIndex": 3, "license": "mit"}, 5]}, []),
        ({"citationSources": 5}, []),
    ],
)
def test_recitation_counts_through_all_parts(metadata: Any, expected: list[Any]) -> None:
    spans = [Span(0, "aé"), Span(2, ""), Span(10, "bc")]
    assert places(recited(metadata, spans)) == expected


def test_what_was_searched_for_and_found() -> None:
    metadata = {"webSearchQueries": ["q", "", 1], "groundingChunks": [A, B, A, {}, 7]}
    assert searches(metadata) == ["q"]
    assert addresses(metadata) == ["https://a.example", "https://b.example"]
    assert searches({}) == addresses({}) == []
    assert searches({"webSearchQueries": {}}) == addresses({"groundingChunks": "x"}) == []
