"""Answers of an upstream that are cut off, at every byte of them."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.e2e.faults.conftest import ONE
from tests.e2e.faults.faulty_upstream import (
    CHUNKED,
    JSON_TYPE,
    LAST_CHUNK,
    SSE,
    SSE_TYPE,
    STREAM,
    WHOLE,
    FaultyUpstream,
    Script,
    chunk,
    head,
    whole,
)
from tests.e2e.faults.seen import ANSWER, BROKEN, EMPTY, INCOMPLETE, NOT_JSON, UNREACHABLE, sees

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway

AT_ONCE = 16
"""Requests side by side: many of them are tried again, after a pause."""
BODY = b"".join(SSE)
HALF = len(WHOLE) // 2
CUT = (
    UNREACHABLE,
    BROKEN,
    EMPTY,
    NOT_JSON,
    INCOMPLETE,
    "200, then upstream_broke_off",
    "200, then upstream_incomplete",
)
"""What may be seen of an answer that was cut off: an error in any case."""


def seen_of_cuts(gateway: Gateway, upstream: FaultyUpstream, answer: bytes, *, stream: bool) -> list[str]:
    """What is seen of an answer that is cut off before its first byte, before its second one and so on. Each request
    says where its answer is to be cut.
    """

    def cut(body: bytes) -> Script:
        found = re.search(rb"cut before byte (\d+)", body)
        assert found
        return [answer[: int(found[1])]]

    def ask(position: int) -> str:
        return sees(gateway.chat(ONE, f"cut before byte {position}", stream=stream), stream=stream)

    upstream.play_each(cut)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(ask, range(len(answer))))


@pytest.mark.parametrize(
    ("answer", "spare"),
    [
        (STREAM, 0),
        (head(SSE_TYPE, f"Content-Length: {len(BODY)}") + BODY, 0),
        (head(SSE_TYPE) + BODY, len(b"\r\n\r\n")),
    ],
    ids=["chunked", "by length", "to the end"],
)
def test_a_stream_that_is_cut_anywhere(
    patient: Gateway, faulty_upstream: FaultyUpstream, answer: bytes, spare: int
) -> None:
    """At every byte: at each end of a chunk, within the framing, within a character, within the head.

    `spare`: how many bytes may be missing at its end, which are those that end its last event.
    """
    for position, seen in enumerate(seen_of_cuts(patient, faulty_upstream, answer, stream=True)):
        if position >= len(answer) - spare:
            assert seen == ANSWER
        else:
            assert seen in CUT, position


@pytest.mark.parametrize(
    "answer",
    [
        whole(),
        head(JSON_TYPE, CHUNKED) + chunk(WHOLE[:HALF]) + chunk(WHOLE[HALF:]) + LAST_CHUNK,
        head(JSON_TYPE) + WHOLE,
    ],
    ids=["by length", "chunked", "to the end"],
)
def test_a_whole_answer_that_is_cut_anywhere(patient: Gateway, faulty_upstream: FaultyUpstream, answer: bytes) -> None:
    for position, seen in enumerate(seen_of_cuts(patient, faulty_upstream, answer, stream=False)):
        assert seen in CUT, position
