"""mapping.messages.count: what Gemini is asked to count, what is remembered of it, and what stands in for it."""

from __future__ import annotations

from typing import Any

import pytest

from mapping import dialects, jsonio
from mapping.dialect import Given
from mapping.faults import Fault
from mapping.gemini.count import estimated
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.messages.count import TokenCount
from mapping.notes import Notes
from mapping.values import JSON, RawTurn

MODEL = "gemini-3.8-flash"
HELLO = [{"role": "user", "content": "Hello, who are you?"}]


def count(body: JSON, remembered: dict[str, RawTurn] | None = None, model: str = MODEL) -> tuple[TokenCount, Notes]:
    notes = Notes()
    given = Given(
        model=model,
        client_model="claude-sonnet-5-5",
        mint=lambda prefix, size=12: f"{prefix}1",
        now=lambda: 0,
        seal=lambda value: "",
        notes=notes,
        recall=(remembered or {}).get,
    )
    dialect = dialects.named("count_tokens")
    assert dialect is not None
    answering = dialect.translate({"model": "claude-sonnet-5-5", "messages": HELLO, **body}, given)
    assert isinstance(answering, TokenCount)
    return answering, notes


def test_what_gemini_is_asked() -> None:
    answering, notes = count({"system": "Be brief.", "max_tokens": 5, "stream": True})
    [call] = answering.calls
    assert (call.model, call.method) == (MODEL, "countTokens")
    request: Any = call.body["generateContentRequest"] if call.body else None
    assert request["model"] == f"models/{MODEL}"
    assert request["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert request["contents"] == [{"role": "user", "parts": [{"text": "Hello, who are you?"}]}]
    assert answering.unasked() is None
    assert not answering.streams
    assert list(notes) == []


@pytest.mark.parametrize("pauses", [True, False])
def test_no_summary_is_made_to_count(pauses: bool) -> None:
    edit = {"type": "compact_20260112", "pause_after_compaction": pauses}
    edits = {"edits": [edit | {"trigger": {"type": "input_tokens", "value": 1}}]}
    answering, notes = count({"context_management": edits})
    assert [call.body for call in answering.calls] == [call.body for call in count({})[0].calls]
    assert list(notes) == []


def test_the_answer() -> None:
    answering, notes = count({})
    answer = answering.whole(notes)
    answer.add(b'{"totalTokens": 42, "promptTokensDetails": []}')
    assert answer.finish() == b'{"input_tokens":42}'


@pytest.mark.parametrize(
    "told", [b"", b"5", b"[]", b'{"totalTokens": true}', b'{"totalTokens": -1}', b'{"totalTokens": 1.5}']
)
def test_what_is_no_number(told: bytes) -> None:
    answering, notes = count({})
    with pytest.raises(UpstreamError):
        answering.whole(notes).add(told)


def test_what_was_counted_is_not_asked_again() -> None:
    answering, notes = count({"system": "Be brief."})
    answer = answering.whole(notes)
    answer.add(b'{"totalTokens": 42}')
    remembered = dict(answer.remember())
    again, notes = count({"system": "Be brief.", "max_tokens": 7}, remembered)
    unasked = again.unasked()
    assert unasked is not None
    assert unasked[1] == b'{"input_tokens":42}'
    assert list(notes) == [("counted", "")]
    assert count({}, remembered)[0].unasked() is None
    assert count({"system": "Be brief."}, remembered, "gemini-4-argon")[0].unasked() is None


@pytest.mark.parametrize(
    ("fault", "stands_in"),
    [
        (Fault(429, "Later."), True),
        (Fault(503, "No account."), True),
        (Fault(500, "Broken."), True),
        (Fault(403, "A bad key."), True),
        (Fault(400, "No picture."), False),
        (Fault(404, "No such model."), False),
        (Fault(413, "Too large."), False),
    ],
)
def test_an_estimate_stands_in_where_the_request_is_not_at_fault(fault: Fault, stands_in: bool) -> None:
    answering, notes = count({})
    told = answering.estimate(fault)
    assert (told is not None) is stands_in
    assert list(notes) == ([("estimated", "input_tokens")] if stands_in else [])
    assert not told or jsonio.loads(told) == {"input_tokens": 5}


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({}, 1),
        ({"contents": [{"parts": [{"text": "x" * 400}]}]}, 100),
        ({"contents": [{"parts": [{"text": "你好" * 20}]}]}, 30),
        ({"systemInstruction": {"parts": [{"text": "x" * 40}]}, "contents": [{"parts": [{"text": "x"}]}]}, 11),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]}]}, 258),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "audio/wav", "data": "A" * 800_000}}]}]}, 1200),
        ({"contents": [{"parts": [{"functionCall": {"name": "f", "args": {"a": "x" * 358}}}]}]}, 100),
        (
            {
                "contents": [
                    {
                        "role": "user",
                        "parts": [
                            {
                                "functionResponse": {
                                    "name": "f",
                                    "response": {"a": "x" * 394},
                                    "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA" * 900}}],
                                }
                            }
                        ],
                    }
                ]
            },
            358,
        ),
        ({"tools": [{"functionDeclarations": [{"name": "f", "description": "x" * 347}]}]}, 100),
    ],
)
def test_an_estimate(body: JSON, tokens: int) -> None:
    assert estimated(body) == tokens
