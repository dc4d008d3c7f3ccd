"""mapping.native.interactions: what an interaction has used, whole and streamed."""

from __future__ import annotations

import json

import pytest

from mapping.native.interactions import InteractionUsage
from mapping.totals import Totals

USED = {
    "total_input_tokens": 100,
    "total_cached_tokens": 40,
    "total_output_tokens": 20,
    "total_thought_tokens": 5,
    "total_tool_use_tokens": 7,
    "total_tokens": 132,
    "input_tokens_by_modality": [{"modality": "text", "tokens": 90}, {"modality": "audio", "tokens": 10}, 7],
    "grounding_tool_count": [{"type": "google_search", "count": 2}, {"type": "x"}, 7],
}
INTERACTION = {"id": "v1_a", "status": "completed", "usage": USED}


def as_it_should_be(totals: Totals) -> None:
    assert (totals.prompt, totals.completion, totals.cached, totals.reasoning) == (107, 25, 40, 5)
    assert totals.prompt_by == {"TEXT": 90, "AUDIO": 10}
    (call,) = totals.calls
    assert (call.searches, call.grounded) == (2, True)


def test_a_whole_one() -> None:
    usage = InteractionUsage()
    usage.whole(json.dumps(INTERACTION).encode())
    as_it_should_be(usage.totals())


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_a_stream(step: int) -> None:
    events = [
        {"event_type": "interaction.created", "interaction": {"id": "v1_a"}},
        {"event_type": "step.delta", "delta": {"type": "text", "text": 'the "usage" of words'}},
        {"event_type": "interaction.completed", "interaction": INTERACTION},
    ]
    stream = b"".join(b"event: x\ndata: " + json.dumps(event).encode() + b"\n\n" for event in events)
    usage = InteractionUsage()
    for at in range(0, len(stream), step):
        usage.feed(stream[at : at + step])
    as_it_should_be(usage.totals())


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b'{"usage": 7}', b'{"interaction": 7}', b'{"usage": {"grounding_tool_count": 7}}', b"[" * 9999],
)
def test_what_tells_nothing_is_no_error(text: bytes) -> None:
    usage = InteractionUsage()
    usage.whole(text)
    usage.feed(b"data: " + text + b"\n\n")
    assert usage.totals() == Totals()


def test_maps() -> None:
    usage = InteractionUsage()
    usage.whole(b'{"usage": {"total_input_tokens": 1, "grounding_tool_count": [{"type": "google_maps", "count": 1}]}}')
    (call,) = usage.totals().calls
    assert (call.searches, call.grounded) == (0, True)
