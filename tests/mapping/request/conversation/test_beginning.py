"""mapping.request.conversation: what all requests of a conversation have in common."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.chat import dialect as chat
from mapping.notes import Notes
from mapping.request.conversation.beginning import beginning
from mapping.values import Options, nothing_remembered

SYSTEM = {"role": "system", "content": "Be brief."}
HELLO = {"role": "user", "content": "Hello!"}
ANSWER = {"role": "assistant", "content": "Hi."}
MORE = {"role": "user", "content": "Go on."}


def of(*messages: dict[str, Any], **more: Any) -> bytes:
    call = chat.translate(
        {"model": "gemini-2.5-flash", "messages": list(messages), **more},
        model="gemini-2.5-flash",
        client_model="gemini-2.5-flash",
        options=Options(),
        recall=nothing_remembered,
        notes=Notes(),
    )
    return beginning(call.body)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (of(SYSTEM, HELLO), of(SYSTEM, HELLO, ANSWER, MORE), True),
        (of(HELLO), of(HELLO, ANSWER, MORE, ANSWER, MORE), True),
        (of(HELLO), of(HELLO, temperature=1, max_tokens=9, stream=True), True),
        (of(HELLO), of(MORE), False),
        (of(SYSTEM, HELLO), of(HELLO), False),
    ],
    ids=["a later turn", "without a system message", "other parameters", "another question", "another system message"],
)
def test_what_belongs_together(one: bytes, other: bytes, same: bool) -> None:
    assert one
    assert (one == other) is same


@pytest.mark.parametrize("body", [{}, {"contents": []}, {"systemInstruction": {"parts": [{"text": "x"}]}}])
def test_nothing_has_begun(body: dict[str, Any]) -> None:
    assert beginning(body) == b""


def test_a_large_picture_costs_little() -> None:
    def body(data: str) -> dict[str, Any]:
        return {"contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": data}}]}]}

    pictures = [
        body("x" * 10_000_000),
        body("x" * 10_000_001),
        body("y" + "x" * 9_999_999),
        body("x" * 9_999_999 + "y"),
    ]
    assert len({beginning(one) for one in pictures}) == len(pictures)
    assert all(len(beginning(one)) < 10_000 for one in pictures)
    assert beginning(pictures[0]) == beginning(body("x" * 10_000_000))
    assert len(pictures[0]["contents"][0]["parts"][0]["inlineData"]["data"]) == 10_000_000  # and stays as it is
