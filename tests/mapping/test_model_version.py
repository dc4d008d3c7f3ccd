"""`modelVersion` and `modelStatus` of an answer: which model it was that answered."""

from __future__ import annotations

from typing import Any

import pytest

from mapping import jsonio
from mapping.chat import dialect as chat
from mapping.chat.answer import ChatAnswer
from mapping.chat.stream import ChatStream
from mapping.gemini.models import is_same
from mapping.notes import Notes
from mapping.request.plan import Translated
from mapping.values import Options, nothing_remembered


@pytest.mark.parametrize(
    ("asked", "served", "same"),
    [
        ("gemini-3.8-flash", "gemini-3.8-flash", True),
        ("gemini-3.8-flash", "gemini-3.8-flash-001", True),
        ("gemini-2.5-flash-001", "gemini-2.5-flash", True),
        ("gemini-3-flash", "gemini-3-flash-preview", True),
        ("gemini-2.5-flash", "gemini-2.5-flash-preview-09-2025", True),
        ("gemini-2.5-flash-preview", "gemini-2.5-flash-preview-05-20", True),
        ("gemini-2.5-pro", "gemini-3.8-flash", False),
        ("gemini-2.5-flash", "gemini-2.5-flash-lite", False),
        ("gemini-3-flash", "gemini-3.8-flash", False),
        ("gemini-flash-latest", "gemini-3.8-flash", False),
    ],
)
def test_same(asked: str, served: str, same: bool) -> None:
    assert is_same(asked, served) is same
    assert is_same(served, asked) is same


def call(model: str, notes: Notes, *, stream: bool = False) -> Translated:
    body = {"model": "x", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    given = {"options": Options(), "recall": nothing_remembered, "notes": notes}
    return chat.translate(body, model=model, client_model="x", **given)


def answer(**more: Any) -> bytes:
    content = {"role": "model", "parts": [{"text": "hi"}]}
    return jsonio.dumps({"candidates": [{"content": content, "finishReason": "STOP"}], **more})


CASES: list[tuple[dict[str, Any], str | None, list[tuple[str, str]]]] = [
    ({}, None, []),
    ({"modelVersion": "gemini-2.5-pro-001"}, None, []),
    ({"modelVersion": "gemini-3.8-flash"}, "gemini-3.8-flash", [("served", "gemini-3.8-flash")]),
    ({"modelVersion": "models/gemini-3.8-flash"}, "gemini-3.8-flash", [("served", "gemini-3.8-flash")]),
    ({"modelVersion": "x" * 1000}, "x" * 128, [("served", "x" * 128)]),
    ({"modelVersion": 7}, None, []),
    ({"modelStatus": {"modelStage": "DEPRECATED"}}, None, [("retires", "deprecated")]),
    ({"modelStatus": {"retirementTime": "2026-12-01T00:00:00Z"}}, None, [("retires", "2026-12-01")]),
    ({"modelStatus": {"modelStage": "STABLE"}}, None, []),
    ({"modelStatus": [1]}, None, []),
]


@pytest.mark.parametrize(("members", "served", "noted"), CASES)
def test_whole(members: dict[str, Any], served: str | None, noted: list[tuple[str, str]]) -> None:
    notes = Notes()
    plan = call("gemini-2.5-pro", notes).plan
    ChatAnswer(plan, created=0, mint=lambda prefix: prefix, notes=notes).add(answer(**members))
    assert plan.served == served
    assert list(notes) == noted


@pytest.mark.parametrize(("members", "served", "noted"), CASES)
def test_streamed_it_is_known_with_the_first_event(
    members: dict[str, Any], served: str | None, noted: list[tuple[str, str]]
) -> None:
    notes = Notes()
    plan = call("gemini-2.5-pro", notes, stream=True).plan
    stream = ChatStream(plan, created=0, mint=lambda prefix: prefix, notes=notes)
    assert stream.feed(b"data: " + answer(**members) + b"\n\n")
    assert plan.served == served
    assert list(notes) == noted


def test_what_the_gateway_knows_of_the_end_stays() -> None:
    notes = Notes()
    notes.add("retires", "2026-12-01 then gemini-3.8-flash")
    plan = call("gemini-2.5-pro", notes).plan
    data = answer(modelStatus={"retirementTime": "2026-12-01T00:00:00Z"})
    ChatAnswer(plan, created=0, mint=lambda prefix: prefix, notes=notes).add(data)
    assert list(notes) == [("retires", "2026-12-01 then gemini-3.8-flash")]
