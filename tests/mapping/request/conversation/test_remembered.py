"""Turns of which only signatures are known: what is left of a turn, and what becomes of one that a client brings."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.request.conversation.contents import Contents
from mapping.request.conversation.remembered import bare, bare_signature
from mapping.values import RawTurn
from tests.mapping.request.conversation.test_contents import G2, G3, Built, called, memory, said, user

SIGNED: dict[str, Any] = {"thoughtSignature": "c2ln"}
TEXT = RawTurn(G3, [{"text": "Hi"}, {"text": " you."}, {"text": "", **SIGNED}], [])
CALLS = RawTurn(G3, [{"text": "hm"}, called("f", {"x": 1}, "fc1", "c2ln"), called("g", {}, "fc2")], ["a", "b"])


def left(turn: RawTurn) -> RawTurn:
    found = bare(turn)
    assert found is not None
    return found


def talk(conversation: Contents) -> None:
    conversation.user([{"text": "Hello"}], "messages[0]")
    conversation.text("Hi you.", "messages[1]")
    conversation.user([{"text": "Go on"}], "messages[2]")


def test_a_text_is_signed() -> None:
    kept = left(TEXT)
    assert bare_signature(kept) == "c2ln"
    assert bare_signature(TEXT) is None
    built = Built(talk, recall=memory(**{"Hi you.": kept}))
    assert built.contents[1] == {"role": "model", "parts": [{"text": "Hi you.", **SIGNED}]}
    assert "turn-replayed" not in built.codes


def test_a_text_of_another_model_is_not() -> None:
    built = Built(talk, G2, recall=memory(**{"Hi you.": left(TEXT)}))
    assert built.contents == [user("Hello"), said("Hi you."), user("Go on")]
    assert built.codes == {"signature-foreign"}


@pytest.mark.parametrize("text", ["", "hm"])
def test_calls_keep_what_the_client_says(text: str) -> None:
    """Their ids and signatures are known again; arguments and text are the client's."""

    def feed(conversation: Contents) -> None:
        conversation.user([{"text": "Hello"}], "messages[0]")
        conversation.text(text, "messages[1]")
        conversation.call("a", "f", {"x": 1}, path="messages[1]")
        conversation.call("b", "g", {}, path="messages[1]")
        conversation.result("a", "r", path="messages[2]")
        conversation.result("b", "s", path="messages[2]")

    parts = Built(feed, recall=memory(left(CALLS))).contents[1]["parts"]
    assert parts[-2:] == [called("f", {"x": 1}, "fc1", "c2ln"), called("g", {}, "fc2")]
    assert [part["text"] for part in parts[:-2]] == [text] * bool(text)


def test_a_call_without_arguments() -> None:
    turn = RawTurn(G3, [called("g", {}, "fc2", "c2ln")], ["b"])
    assert left(turn) == turn
