"""An answer without content says so, and says what to do: whole and streamed, in every dialect."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from mapping.chat import dialect as chat
from mapping.completions import dialect as completions
from mapping.completions.plan import CompletionsPlan
from mapping.notes import Notes
from mapping.request.plan import Plan
from mapping.responses import dialect as responses
from mapping.responses.request.echo import echo
from mapping.values import JSON

THOUGHT = {"text": "Hm.", "thought": True}
FILTERED = "Gemini's filter held the answer back; word the request otherwise"

ANSWERS: dict[str, tuple[str, list[JSON], int, str | None]] = {
    "thoughts took all": ("MAX_TOKENS", [THOUGHT], 100, "max_tokens: all 100 tokens were thoughts; raise LIMIT"),
    "no room": ("MAX_TOKENS", [], 0, "max_tokens: no room for an answer; raise LIMIT"),
    "nothing": ("STOP", [], 0, "stop: nothing came; ask again"),
    "an empty text": ("STOP", [{"text": ""}], 0, "stop: nothing came; ask again"),
    "thoughts alone": ("STOP", [THOUGHT], 7, "stop: nothing but thoughts came; ask again"),
    "filtered": ("SAFETY", [], 0, f"SAFETY: {FILTERED}"),
    "recitation": ("RECITATION", [THOUGHT], 7, f"RECITATION: {FILTERED}"),
    "a text": ("STOP", [{"text": "Hi"}], 0, None),
    "a text that was cut": ("MAX_TOKENS", [{"text": "Hi"}], 0, None),
    "a call": ("STOP", [{"functionCall": {"name": "f", "args": {}}}], 0, None),
    "a picture": ("STOP", [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}], 0, None),
}
DIALECTS: dict[str, tuple[type[Any], type[Any], Plan, str]] = {
    "chat": (chat.ChatAnswer, chat.ChatStream, Plan("gpt-x", "gemini-3.8-flash"), "max_tokens"),
    "completions": (
        completions.CompletionsAnswer,
        completions.CompletionsStream,
        CompletionsPlan("gpt-x", "gemini-3.8-flash"),
        "max_tokens",
    ),
    "responses": (
        responses.ResponsesAnswer,
        responses.ResponsesStream,
        responses.ResponsesPlan("gpt-x", "gemini-3.8-flash", echo=echo({}, reasoning={}, text={})),
        "max_output_tokens",
    ),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("reason", "parts", "thoughts", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_without_content_says_so(
    dialect: str, streamed: bool, reason: str, parts: list[JSON], thoughts: int, expected: str | None
) -> None:
    whole, stream, plan, limit = DIALECTS[dialect]
    notes, numbers = Notes(), itertools.count(1)
    given = {"created": 0, "mint": lambda prefix: f"{prefix}{next(numbers)}", "notes": notes}
    if dialect == "responses":
        given |= {"seal": json.dumps, "response_id": "resp_1"}
    data = {
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": reason}],
        "usageMetadata": {"promptTokenCount": 5, "thoughtsTokenCount": thoughts},
    }
    made = (stream if streamed else whole)(plan, **given)
    if streamed:
        made.feed(b"data: " + json.dumps(data).encode() + b"\r\n\r\n")
        made.end()
    else:
        made.add(json.dumps(data).encode())
        made.finish()
    assert [detail for code, detail in notes if code == "empty"] == (
        [] if expected is None else [expected.replace("LIMIT", limit)]
    )
    assert len(made.finish_reasons()) == 1
