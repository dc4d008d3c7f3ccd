"""`context_management`: what of a long conversation is cleared before Gemini sees it."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.faults import Fault
from mapping.messages.request.clearing import PLACEHOLDER
from mapping.request.conversation import carrier
from mapping.request.signatures import text_key
from mapping.values import JSON, RawTurn
from tests.mapping.messages.request.ask import G3, HI, Asked, assistant, result, text, use, user

CLEAR_USES, CLEAR_THINKING = "clear_tool_uses_20250919", "clear_thinking_20251015"
LONG = "r" * 400


def talk(count: int) -> list[JSON]:
    """A conversation of so many calls, `c0` of the tool `f`, `c1` of `g`, and so on."""
    messages = [HI]
    for index in range(count):
        id = f"c{index}"
        messages += [assistant(use(id, "fg"[index % 2], x="a" * 40)), user(result(LONG, id))]
    return messages


def uses(**members: Any) -> JSON:
    """The edit, with a trigger that is reached."""
    edit = {"type": CLEAR_USES, "trigger": {"type": "tool_uses", "value": 2}, **members}
    return {"edits": [{name: value for name, value in edit.items() if value is not None}]}


def keep(value: int) -> JSON:
    return {"type": "tool_uses", "value": value}


def input_tokens(value: int) -> JSON:
    return {"type": "input_tokens", "value": value}


USES = [
    # edit, indices of cleared results, of cleared arguments, tokens
    (uses(), [0, 1], [], 200),
    (uses(keep=keep(1)), [0, 1, 2, 3], [], 400),
    (uses(keep=keep(0)), [0, 1, 2, 3, 4], [], 500),
    (uses(keep=keep(9)), [], [], 0),
    (uses(trigger=input_tokens(100)), [0, 1], [], 200),
    (uses(trigger=input_tokens(100_000)), [], [], 0),
    (uses(trigger=None), [], [], 0),
    (uses(trigger=keep(6)), [], [], 0),
    (uses(exclude_tools=["f"]), [1], [], 100),
    (uses(clear_at_least=input_tokens(150)), [0, 1], [], 200),
    (uses(clear_at_least=input_tokens(250)), [], [], 0),
    (uses(clear_tool_inputs=True), [0, 1], [0, 1], 220),
    (uses(clear_tool_inputs=["g"]), [0, 1], [1], 210),
    (uses(clear_tool_inputs=False), [0, 1], [], 200),
]


@pytest.mark.parametrize(("management", "results", "inputs", "tokens"), USES)
def test_old_results_are_cleared(management: JSON, results: list[int], inputs: list[int], tokens: int) -> None:
    asked = Asked({"messages": talk(5), "context_management": management})
    parts = [part for content in asked.contents for part in content["parts"]]
    told = [part["functionResponse"]["response"]["output"] for part in parts if "functionResponse" in part]
    args = [part["functionCall"]["args"] for part in parts if "functionCall" in part]
    assert told == [PLACEHOLDER if index in results else LONG for index in range(5)]
    assert [index for index, one in enumerate(args) if one == {}] == inputs
    applied = {"type": CLEAR_USES, "cleared_tool_uses": len(results), "cleared_input_tokens": tokens}
    assert asked.plan.applied_edits == ([applied] if results else [])
    assert asked.notes == ([("estimated", "context_management.edits[0]")] if results else [])


def test_a_result_that_is_cleared_takes_its_pictures_along() -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    messages = [HI, assistant(use()), user(result([text("a"), picture]))]
    asked = Asked({"messages": messages, "context_management": uses(keep=keep(0), trigger=keep(1))}, G3)
    assert [*asked.contents[2]["parts"][0]["functionResponse"]] == ["id", "name", "response"]
    assert asked.plan.applied_edits
    assert asked.plan.applied_edits[0]["cleared_input_tokens"] > 1000


SEALED = {str(index): carrier.pack(G3, text="REVG") for index in range(3)}


def thoughts(index: int) -> JSON:
    return {"type": "thinking", "thinking": "h" * 40, "signature": str(index)}


TURNS: list[JSON] = [HI]
for number in range(3):
    TURNS += [assistant(thoughts(number), text(f"a{number}")), HI]


THINKING = [
    # keep, turns that keep their signature
    ("all", [0, 1, 2]),
    ({"type": "all"}, [0, 1, 2]),
    (None, [2]),
    ({"type": "thinking_turns", "value": 2}, [1, 2]),
    ({"type": "thinking_turns", "value": 5}, [0, 1, 2]),
]


@pytest.mark.parametrize(("kept", "signed"), THINKING)
def test_old_thinking_is_cleared(kept: Any, signed: list[int]) -> None:
    management = {"edits": [{"type": CLEAR_THINKING, "keep": kept}]}
    asked = Asked({"messages": TURNS, "context_management": management}, G3, unseal=SEALED.get)
    models = [content["parts"][0] for content in asked.contents if content["role"] == "model"]
    assert [index for index, part in enumerate(models) if "thoughtSignature" in part] == signed
    cleared = 3 - len(signed)
    applied = {"type": CLEAR_THINKING, "cleared_thinking_turns": cleared, "cleared_input_tokens": 10 * cleared}
    assert asked.plan.applied_edits == ([applied] if cleared else [])


def test_a_turn_goes_on_while_tools_are_used() -> None:
    messages = [
        HI,
        assistant(thoughts(0), use("a")),
        user(result(id="a")),
        assistant(thoughts(1), use("b")),
        user(result(id="b")),
    ]
    management = {"edits": [{"type": CLEAR_THINKING}]}
    assert (
        Asked({"messages": messages, "context_management": management}, G3, unseal=SEALED.get).plan.applied_edits == []
    )


def test_both_edits() -> None:
    edits = [{"type": CLEAR_THINKING}, *uses(keep=keep(0), trigger=keep(1))["edits"]]
    messages = [*TURNS, assistant(use()), user(result(LONG))]
    asked = Asked({"messages": messages, "context_management": {"edits": edits}}, G3, unseal=SEALED.get)
    assert [edit["type"] for edit in asked.plan.applied_edits or ()] == [CLEAR_THINKING, CLEAR_USES]


NOTHING = [
    (None, None, []),
    ({}, [], []),
    ({"edits": []}, [], []),
    ({"edits": [{"type": "compact_20260112"}]}, [], []),
    ({"edits": [{"type": "newest"}]}, [], [("unknown", "context_management.edits[0].type newest")]),
    ({"newest": 1}, [], [("ignored", "context_management.newest")]),
]


@pytest.mark.parametrize(("management", "applied", "notes"), NOTHING)
def test_what_clears_nothing(management: JSON | None, applied: Any, notes: list[Any]) -> None:
    asked = Asked({"context_management": management})
    assert asked.plan.applied_edits == applied
    assert asked.notes == notes


REFUSED = [
    ([], "context_management"),
    ({"edits": {}}, "context_management.edits"),
    ({"edits": [{}]}, "context_management.edits[0].type"),
    (uses(keep="all"), "context_management.edits[0].keep"),
    (uses(keep=input_tokens(3)), "context_management.edits[0].keep.type"),
    (uses(keep={"type": "tool_uses"}), "context_management.edits[0].keep.value"),
    (uses(keep=keep(-1)), "context_management.edits[0].keep.value"),
    (uses(exclude_tools="f"), "context_management.edits[0].exclude_tools"),
    ({"edits": [{"type": CLEAR_THINKING, "keep": "some"}]}, "context_management.edits[0].keep"),
    ({"edits": [{"type": CLEAR_THINKING}] * 11}, "context_management.edits"),
]


@pytest.mark.parametrize(("management", "param"), REFUSED)
def test_refused(management: Any, param: str) -> None:
    with pytest.raises(Fault) as caught:
        Asked({"context_management": management})
    assert (caught.value.status, caught.value.param) == (400, param)


def test_messages_that_are_none_are_for_others_to_complain_of() -> None:
    for messages in ("hi", ["hi"], [{"role": "user", "content": ["hi"]}]):
        with pytest.raises(Fault) as caught:
            Asked({"messages": messages, "context_management": uses()})
        assert (caught.value.param or "").startswith("messages")


def test_what_is_nested_deeply() -> None:
    deep: Any = "a" * 40
    for _ in range(5000):
        deep = {"a": [deep]}
    messages = [HI, assistant({**use(), "input": deep}), user(result())]
    management = uses(keep=keep(0), trigger=keep(1), clear_tool_inputs=True)
    [edit] = Asked({"messages": messages, "context_management": management}).plan.applied_edits or ()
    assert edit["cleared_input_tokens"] == 1260


def test_thoughts_that_are_cleared_do_not_come_back_from_memory() -> None:
    told = [{"text": "hm", "thought": True}, {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2ln"}]
    said = [{"text": "hm", "thought": True}, {"text": "a", "thoughtSignature": "dGV4"}]
    memory = {"c1": RawTurn(G3, told, ["c1"]), text_key("a"): RawTurn(G3, said, [])}
    thinking = {"type": "thinking", "thinking": "hm", "signature": "s"}
    messages = [
        *[HI, assistant(thinking, use("c1")), user(result("r", "c1"))],
        *[assistant(thinking, text("a")), HI, assistant(thinking, text("a")), HI],
    ]
    edits = [{"type": CLEAR_THINKING, "keep": {"type": "thinking_turns", "value": 1}}]
    asked = Asked({"messages": messages, "context_management": {"edits": edits}}, G3, recall=memory.get)
    assert [content["parts"] for content in asked.contents if content["role"] == "model"] == [told[1:], said[1:], said]
