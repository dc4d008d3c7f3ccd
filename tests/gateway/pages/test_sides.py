"""addons.gateway.pages.sides: the way of each member, on both sides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from addons.gateway.cases import exchanges
from addons.gateway.cases import files as case_files
from addons.gateway.cases.exchanges import TakenExchange
from addons.gateway.pages.sides import UNTOLD, Marks, Sides, answer_sides, request_sides
from mapping.inspect.explain_diff import at
from tests.gateway.cases.case_flows import flows_of

GOLDEN = Path(__file__).parents[2] / "cases"
ALL = sorted(path.parent.name for path in GOLDEN.glob("*/case.json"))


def taken(name: str) -> TakenExchange:
    return exchanges.from_flows(flows_of(case_files.read(GOLDEN / name)))


def ways(sides: Sides) -> set[tuple[str, str]]:
    """Which member leads to which."""
    made = {mark.id: path for path, mark in sides.made_marks.items() if mark.id}
    return {(dotted(path), dotted(made[to])) for path, mark in sides.marks.items() for to in mark.to}


def dotted(path: Any) -> str:
    return ".".join(map(str, path))


@pytest.mark.parametrize("name", ALL)
def test_every_way_leads_somewhere_and_back(name: str) -> None:
    """Of flows and of a case the same; all that is marked is there."""
    found = taken(name)
    bare = exchanges.from_case(case_files.read(GOLDEN / name))
    for make in (request_sides, answer_sides):
        sides = make(found)
        assert ways(make(bare)) == ways(sides)
        assert made_ids(sides.marks) & made_ids(sides.made_marks) == set()
        for value, marks, others in (
            (sides.value, sides.marks, sides.made_marks),
            (sides.made, sides.made_marks, sides.marks),
        ):
            back = {mark.id: mark.to for mark in others.values()}
            for path, mark in marks.items():
                at(value, path)
                assert mark.words
                assert all(mark.id in back[to] for to in mark.to)


def made_ids(marks: Marks) -> set[str]:
    return {mark.id for mark in marks.values() if mark.id}


def test_what_became_of_a_request() -> None:
    sides = request_sides(taken("chat-image-and-options"))
    assert {
        ("temperature", "generationConfig.temperature"),
        ("stop.0", "generationConfig.stopSequences.0"),
        ("messages.0.content", "systemInstruction.parts.0.text"),
        ("messages.1.content.1.image_url.url", "contents.0.parts.1.inlineData.data"),
    } <= ways(sides)
    assert {dotted(path): mark.tone for path, mark in sides.marks.items() if mark.tone != "moved"} == {
        "logit_bias": "lost",
        "messages.1.name": "lost",
    }
    assert sides.remarks[0].startswith("logit_bias: ignored=logit_bias: ")
    assert sides.made_marks["contents", 0, "parts", 0, "text"].words == ["← messages[1].content[0].text"]


def test_what_the_gateway_adds_is_said() -> None:
    sides = answer_sides(taken("chat-image-and-options"))
    added = {dotted(path) for path, mark in sides.made_marks.items() if mark.tone == "added"}
    assert {"created", "model", "choices.0.message.refusal"} <= added
    assert not any(path.startswith("choices.0.message.content") for path in added)


def test_what_geminis_error_names() -> None:
    """The members that it is about are marked; masked, nothing of its words is told."""
    found = taken("chat-image-and-options")
    error = {"error": {"code": 400, "message": "Invalid value at generation_config.stop_sequences[0]: too long."}}
    record = {"number": 1, "status": 400, "outcome": "400 INVALID_ARGUMENT"}
    failed = replace(found, calls=[replace(found.calls[0], record=record, answer=error)])
    sides = request_sides(failed)
    [blame] = sides.blames
    assert (blame.attempt, blame.message) == ("Attempt 1, 400 INVALID_ARGUMENT", error["error"]["message"])
    assert blame.names == [("stop[0]", sides.marks["stop", 0].id)]
    assert sides.marks["stop", 0].tone == "blamed"
    assert answer_sides(failed).value == error
    assert request_sides(failed, values=False).blames == []


def test_of_what_was_refused_there_is_one_side() -> None:
    sides = request_sides(taken("messages-thread"))
    assert sides.refused.startswith("thread: conversations are not kept here.")
    assert (sides.made, sides.marks, sides.made_marks) == (None, {}, {})


def test_what_would_take_long_is_not_found_out_unasked() -> None:
    found = taken("chat-image-and-options")
    messages = [{"role": "user", "content": "hi"}] * 30_000
    many = replace(found, request={**(found.request or {}), "messages": messages})
    for make in (request_sides, answer_sides):
        sides = make(many)
        assert (sides.word, sides.marks) == (UNTOLD, {})
        assert sides.value is not None
        assert make(found).word == ""
