"""mapping.inspect.prompt_cache: what the prompts of two turns have in common, and what broke it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.inspect.prompt_cache.beginning import Beginning, common
from mapping.inspect.prompt_cache.report import ACCOUNT, PromptTurn, minimum, report
from mapping.inspect.prompt_cache.sections import sections
from mapping.values import JSON

FLASH = "gemini-3.8-flash"


def said(role: str, *parts: Any) -> JSON:
    return {"role": role, "parts": [{"text": part} if isinstance(part, str) else part for part in parts]}


def tool(name: str, **more: Any) -> JSON:
    return {"name": name, "description": f"Does {name}.", **more}


REQUEST: JSON = {
    "systemInstruction": {"parts": [{"text": "You help. Today is 2026-11-28. Be kind."}]},
    "tools": [{"functionDeclarations": [tool("read"), tool("write"), tool("run")]}, {"googleSearch": {}}],
    "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
    "contents": [
        said("user", "What is in the file?"),
        said("model", {"functionCall": {"name": "read", "args": {"path": "a"}}, "thoughtSignature": "c2ln"}),
        said("user", {"functionResponse": {"name": "read", "response": {"text": "abc"}}}),
        said("model", "It says abc."),
        said("user", "And then?"),
    ],
    "generationConfig": {"temperature": 1},
}


def changed(change: Any) -> JSON:
    request = deepcopy(REQUEST)
    change(request)
    return request


def compared(after: JSON, model: str = FLASH, before: JSON = REQUEST) -> Beginning:
    return common(sections(FLASH, before), sections(model, after))


def declarations(request: JSON) -> list[JSON]:
    found: list[JSON] = request["tools"][0]["functionDeclarations"]
    return found


def system(text: str) -> Any:
    return lambda request: request["systemInstruction"]["parts"].__setitem__(0, {"text": text})


BREAKS: list[tuple[str, Any, str, int, list[str]]] = [
    ("reordered", lambda r: declarations(r).reverse(), "tools", 10, [
        "tools were reordered: read, write, run, googleSearch -> run, write, read, googleSearch"]),
    ("added", lambda r: declarations(r).append(tool("list")), "tools", -1, ["tool list was added"]),
    ("removed", lambda r: declarations(r).pop(0), "tools", 9, ["tool read was removed"]),
    ("several", lambda r: declarations(r).__delitem__(slice(2)), "tools", 10, ["tools read, write were removed"]),
    ("tool changed", lambda r: declarations(r)[1].update(description="Writes."), "tools", -1,
     ["tool write was changed: description"]),
    ("members", lambda r: declarations(r).__setitem__(0, dict(reversed(tool("read").items()))), "tools", 2,
     ["tool read was changed: its members were reordered"]),
    ("no tools", lambda r: r.pop("tools"), "tools", 0, ["tools read, write, run, googleSearch were removed"]),
    ("choice", lambda r: r["toolConfig"]["functionCallingConfig"].update(mode="ANY"), "tool choice", 35, [
        """the tool choice changed: '{"functionCallingConfig":{"mode":"AUTO"}}' -> """
        """'{"functionCallingConfig":{"mode":"ANY"}}'"""]),
    ("date", system("You help. Today is 2026-11-29. Be kind."), "system", 28,
     ["the date in the system message changed at byte 28: '2026-11-28' -> '2026-11-29'"]),
    ("system", system("You help. Today is Saturday."), "system", 19,
     ["the system message changed at byte 19: '2026-11-28. Be kind.' -> 'Saturday.'"]),
    ("no system", lambda r: r.pop("systemInstruction"), "system", 0, ["the system message was removed"]),
    ("more system", lambda r: r["systemInstruction"]["parts"].append({"text": "More."}), "system", 39,
     ["the system message changed: it has more parts, from byte 39 on"]),
    ("rewritten", lambda r: r["contents"].__setitem__(3, said("model", "It says xyz.")), "message 4", 8,
     ["message 4 was rewritten at byte 8: 'abc.' -> 'xyz.'"]),
    ("signature", lambda r: r["contents"][1]["parts"][0].update(thoughtSignature="b3Ro"), "message 2", 73,
     ["message 2 was rewritten: thoughtSignature is another, at byte 73"]),
    ("no signature", lambda r: r["contents"][1]["parts"][0].pop("thoughtSignature"), "message 2", 52,
     ["message 2 was rewritten: thoughtSignature is gone, at byte 52"]),
    ("cut", lambda r: r["contents"].__delitem__(slice(1, 3)), "message 2", 0,
     ["history was cut: messages 2-3 are gone"]),
    ("cut at the beginning", lambda r: r["contents"].__delitem__(slice(4)), "message 1", 0,
     ["history was cut: messages 1-4 are gone"]),
    ("compacted", lambda r: r["contents"].__setitem__(slice(0, 4), [said("user", "A summary.")]), "message 1", 0,
     ["history was cut: messages 1-4 became 1 message of 10 bytes"]),
    ("put in", lambda r: r["contents"].insert(2, said("user", "Psst")), "message 3", 0,
     ["1 message came in before message 3"]),
    ("role", lambda r: r["contents"].__setitem__(4, said("model", "And then?")), "message 5", 0,
     ["message 5 was replaced: by model, and not by user"]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "section", "at", "words"), [row[1:] for row in BREAKS], ids=[r[0] for r in BREAKS])
def test_each_kind_of_break(change: Any, section: str, at: int, words: list[str]) -> None:
    found = compared(changed(change))
    assert [one.words for one in found.broken] == words
    assert found.section == section
    assert found.at == at or at < 0
    assert found.share < 1
    after = [row.name for row in found.rows]
    assert all(row.same == 0 for row in found.rows[after.index(section) + 1 :] if section in after)


TEXTS = [
    ("at 10:15:07 today", "at 10:15:09 today",
     "the time in the system message changed at byte 10: '10:15:07' -> '10:15:09'"),
    ("2026-11-28T10:15:07Z.", "2026-11-29T08:00:00Z.",
     "the date and time in the system message changed at byte 9: '2026-11-28T10:15:07Z' -> '2026-11-29T08:00:00Z'"),
    ("Sat Nov 28 2026, fine", "Sun Nov 29 2026, fine",
     "the date in the system message changed at byte 1: 'Sat Nov 28 2026' -> 'Sun Nov 29 2026'"),
    ("November 9, 2026!", "November 10, 2026!",
     "the date in the system message changed at byte 9: 'November 9, 2026' -> 'November 10, 2026'"),
    ("session 0b5c7a52-3c0f-4f0e-9d55-5f9d6f0c1a11.", "session 7d1f4a52-3c0f-4f0e-9d55-5f9d6f0c1a11.",
     "the id in the system message changed at byte 8: '0b5c7a52-3c0f-4f0e-9d55-5f9d6f0c1a11' -> "
     "'7d1f4a52-3c0f-4f0e-9d55-5f9d6f0c1a11'"),
    ("Files: 12 in all", "Files: 127 in all", "the number in the system message changed at byte 9: '12' -> '127'"),
    ("é is here", "é was here", "the system message changed at byte 3: 'is here' -> 'was here'"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "words"), TEXTS)
def test_what_changes_by_itself_is_named(before: str, after: str, words: str) -> None:
    found = compared(changed(system(after)), before=changed(system(before)))
    assert [one.words for one in found.broken] == [words]


def test_another_model_has_another_cache() -> None:
    found = compared(REQUEST, model="gemini-2.5-pro")
    assert [one.words for one in found.broken] == ["the model changed: gemini-3.8-flash -> gemini-2.5-pro"]
    assert found.share == 0


def test_a_request_that_ends_earlier_can_be_cached_all_the_same() -> None:
    found = compared(changed(lambda r: r["contents"].__delitem__(slice(3, 5))))
    assert not found.broken
    assert found.share == 1


def test_what_is_no_part_of_the_prompt_breaks_nothing() -> None:
    found = compared(changed(lambda r: r["generationConfig"].update(temperature=0)))
    assert not found.broken
    assert found.share == 1


TEXT = st.text(max_size=20)
PART = st.one_of(
    st.builds(lambda text: {"text": text}, TEXT),
    st.builds(lambda text, sign: {"text": text, "thoughtSignature": sign}, TEXT, TEXT),
    st.builds(lambda name: {"functionCall": {"name": name, "args": {}}}, TEXT),
    st.builds(lambda data: {"inlineData": {"mimeType": "image/png", "data": data}}, TEXT),
)
CONTENT = st.builds(
    lambda role, parts: {"role": role, "parts": parts}, st.sampled_from(["user", "model"]), st.lists(PART, max_size=3)
)
REQUESTS = st.fixed_dictionaries(
    {"contents": st.lists(CONTENT, max_size=5)},
    optional={
        "systemInstruction": CONTENT,
        "tools": st.just([{"functionDeclarations": [tool("a"), tool("a")]}]),
    },
)


@given(REQUESTS, st.lists(CONTENT, max_size=4), st.lists(PART, max_size=2))
def test_a_request_to_which_something_was_only_added_is_not_broken(
    request: JSON, further: list[JSON], parts: list[JSON]
) -> None:
    after = deepcopy(request)
    if after["contents"]:
        after["contents"][-1]["parts"] += parts
    after["contents"] += further
    found = compared(after, before=request)
    assert not found.broken
    assert 0 <= found.share <= 1


@given(REQUESTS, REQUESTS)
def test_any_two_requests_can_be_compared(before: JSON, after: JSON) -> None:
    found = compared(after, before=before)
    assert 0 <= found.share <= 1
    assert all(0 <= row.same <= row.size for row in found.rows)
    assert not compared(after, before=after).broken


@pytest.mark.parametrize("request_", [None, [], {"contents": "x", "tools": 1}, {"contents": [1, {"parts": [2]}]}, {}])
def test_anything_may_have_been_sent(request_: Any) -> None:
    assert not compared(request_, before=request_).broken


def turn(number: int, request: JSON = REQUEST, **more: Any) -> PromptTurn:
    told = {"prompt": 10_000, "cached": 0, "account": "one", "model": FLASH, **more}
    return PromptTurn(f"req_{number}", 100.0 * number, 100.0 * number + 10, request=request, **told)


def test_turns_are_told_with_their_tokens() -> None:
    longer = changed(lambda r: r["contents"].append(said("model", "Then nothing.")))
    made = report([turn(1), turn(2, longer, cached=9000), turn(3, longer, cached=200), turn(4, longer)])
    assert [one.outcome for one in made.turns] == ["first", "hit", "part", "missed"]
    assert [one.could for one in made.turns][2:] == [10_000, 10_000]
    assert made.turns[1].idle == 90
    assert made.turns[3].why[0].startswith("nothing in the request broke it")
    assert made.plain()["tokens"] == {"prompt": 40_000, "cached": 9200}
    assert made.lines()[:2] == [
        "4 turns · 40,000 tokens asked · 9,200 of them cached (23 %)",
        "turn 1 · req_1 · the first turn · 10,000 tokens · cached 0 (0 %)",
    ]


def test_a_cache_belongs_to_an_account() -> None:
    """What another turn has left on the same account counts all the same."""
    made = report([turn(1), turn(2, account="two"), turn(3)])
    assert [one.could for one in made.turns] == [None, 0, 10_000]
    assert [one.broken[0].section for one in made.turns[1:]] == [ACCOUNT, ACCOUNT]
    assert made.turns[1].why == ["the account changed: one -> two; a cache belongs to one"]


def test_a_small_prompt_is_never_cached() -> None:
    made = report([turn(1), turn(2, prompt=4000), turn(3, prompt=None)])
    assert made.turns[1].why == ["the prompt is too small: gemini-3.8-flash caches prompts from 4,096 tokens on"]
    assert made.turns[2].outcome == "unknown"


@pytest.mark.parametrize(
    ("model", "tokens"),
    [("gemini-2.5-flash", 2048), ("gemini-3.8-flash", 4096), ("gemini-4-argon", 4096), ("gemini-2.0-flash", None)],
)
def test_the_smallest_prompt_that_is_cached(model: str, tokens: int | None) -> None:
    assert minimum(model) == tokens
