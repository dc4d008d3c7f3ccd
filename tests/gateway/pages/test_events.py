"""addons.gateway.pages.events: what came when, folded and cut."""

from __future__ import annotations

from typing import Any

import pytest

from addons.gateway.cases.exchanges import TakenCall, TakenExchange, TakenPiece
from addons.gateway.pages import events


def taken(count: int, *, arrived: bool = True, pieces: int = 0) -> TakenExchange:
    chunks = [
        b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"%d"}}]}\n\n' % n
        for n in range(count)
    ]
    sizes = [sum(map(len, chunks[: n + 1])) for n in range(count)]
    record: dict[str, Any] = {"endpoint": "chat", "streamed": True}
    if arrived:
        record["arrived"] = [[size, n * 2.0 if n > 1 else n * 0.5] for n, size in enumerate(sizes)]
    call = TakenCall({}, {}, {}, pieces=[TakenPiece(0.1 * n, "text", 3) for n in range(pieces)])
    return TakenExchange(record, "POST", "/v1/chat/completions", {}, b"", {}, "", [call], sent=b"".join(chunks))


def test_kinds_times_and_gaps() -> None:
    [client, gemini] = events.listed(taken(4, pieces=3), everything=False, texts=True)
    assert [(one.number, one.at, one.gap, one.kind, one.size) for one in client.first] == [
        (1, 0.0, False, "content", 1),
        (2, 0.5, False, "content", 1),
        (3, 4.0, True, "content", 1),
        (4, 6.0, True, "content", 1),
    ]
    assert client.first[0].text.startswith('{"object":"chat.completion.chunk"')
    assert (client.title, gemini.title, gemini.count) == ("To the client", "From Gemini, attempt 1", 3)


@pytest.mark.parametrize(
    ("count", "everything", "parts", "left_out"),
    [
        (50, False, (50, 0, 0), 0),
        (51, False, (20, 1, 30), 0),
        (2000, False, (20, 1000, 30), 950),
        (2000, True, (20, 1950, 30), 0),
    ],
)
def test_many_are_folded(count: int, everything: bool, parts: tuple[int, ...], left_out: int) -> None:
    [found] = events.listed(taken(count), everything=everything, texts=True)
    assert (len(found.first), len(found.middle), len(found.last)) == parts
    assert (found.left_out, found.count) == (left_out, count)


def test_what_is_not_known_is_not_told() -> None:
    [found] = events.listed(taken(2, arrived=False), everything=False, texts=False)
    assert [(one.at, one.text) for one in found.first] == [(None, ""), (None, "")]
    assert events.listed(taken(0), everything=False, texts=True) == []
