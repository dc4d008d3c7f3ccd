"""Conversations that are compacted with Anthropic's Python SDK: a summary that Gemini makes stands for them then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from anthropic.types.compaction_incomplete_turn_error import CompactionIncompleteTurnError

from mapping.request.conversation.summaries import COMPACTION_PROMPT
from tests.e2e.checked_sdk import sent
from tests.e2e.messages.sdk import MODEL, WAYS, checked_client, user
from tests.e2e.messages.test_python_tools import get_weather

if TYPE_CHECKING:
    from anthropic import Anthropic
    from anthropic.types.beta import BetaMessage

    from tests.e2e.conftest import Gateway, Upstream

TURNS: list[Any] = [
    *user("The word is marmalade."),
    {"role": "assistant", "content": "Noted."},
    *user("Go on."),
]
BETAS = ["compact-2026-09-04"]


def compacted(client: Anthropic, way: str, **body: Any) -> BetaMessage:
    asked: Any = {"model": MODEL, "max_tokens": 1000, "messages": TURNS, "betas": BETAS, **body}
    if way == "whole":
        return client.beta.messages.create(**asked)
    if way == "helper":
        with client.beta.messages.stream(**asked) as stream:
            return stream.get_final_message()
    found: Any = None
    for event in client.beta.messages.create(**asked, stream=True):
        if event.type == "message_start":
            found = event.message
        elif event.type == "content_block_start":
            found.content.append(event.content_block)
        elif event.type == "content_block_delta" and event.delta.type == "compaction_delta":
            found.content[-1].content = event.delta.content
        elif event.type == "message_delta":
            found.stop_reason = event.delta.stop_reason
    message: BetaMessage = found
    return message


@WAYS
def test_a_conversation_is_compacted_and_goes_on(gateway: Gateway, upstream: Upstream, way: str) -> None:
    with checked_client(gateway) as client:
        summary = compacted(client, way, compaction={"type": "summarize"})
        assert summary.stop_reason == "compaction"
        (block,) = summary.content
        assert block.type == "compaction"
        assert block.content
        assert sent(upstream)["contents"][-1]["parts"][-1]["text"] == COMPACTION_PROMPT
        later: Any = [summary.to_param(), *user("And now?")]
        client.beta.messages.create(model=MODEL, max_tokens=1000, messages=later)
    (content,) = sent(upstream)["contents"]
    told, asked = (part["text"] for part in content["parts"])
    assert told == f"[Summary of the conversation so far]\n{block.content}"
    assert asked == "And now?"


def test_the_edit_pauses_behind_its_summary(gateway: Gateway, upstream: Upstream) -> None:
    """The client sends the whole conversation again, and behind it the summary: that is where it begins then."""
    trigger = {"type": "input_tokens", "value": 5}
    edit = {"type": "compact_20260112", "pause_after_compaction": True, "trigger": trigger}
    with checked_client(gateway) as client:
        summary = compacted(client, "helper", context_management={"edits": [edit]})
        assert summary.stop_reason == "compaction"
        later: Any = [*TURNS, summary.to_param(), *user("And now?")]
        trigger["value"] = 1000
        answer = compacted(client, "helper", messages=later, context_management={"edits": [edit]})
    assert answer.stop_reason == "end_turn"
    assert "marmalade" not in str(sent(upstream)["contents"][0]["parts"][1:])
    assert len(sent(upstream)["contents"]) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_tool_runner_compacts(gateway: Gateway, upstream: Upstream, stream: bool) -> None:
    with checked_client(gateway) as client:
        runner = client.beta.messages.tool_runner(
            model=MODEL,
            max_tokens=1000,
            tools=[get_weather],
            messages=user('call get_weather {"city": "Zürich"}'),
            betas=BETAS,
            stream=stream,
        )
        runner.compact_before_next_turn()
        final = runner.until_done()
    assert final.content
    first = upstream.requests[0].body
    assert first["contents"][-1]["parts"][-1]["text"] == COMPACTION_PROMPT
    assert first["toolConfig"] == {"functionCallingConfig": {"mode": "NONE"}}
    assert "[Summary of the conversation so far]" in sent(upstream)["contents"][0]["parts"][0]["text"]


def test_a_turn_that_is_not_finished(gateway: Gateway, upstream: Upstream) -> None:
    use = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
    messages: Any = [*user(), {"role": "assistant", "content": [use]}]
    with checked_client(gateway) as client, pytest.raises(CompactionIncompleteTurnError):
        compacted(client, "whole", messages=messages, compaction={"type": "summarize"})
    assert not upstream.requests


def test_tokens_are_counted_as_sent(gateway: Gateway) -> None:
    asked: Any = {"model": MODEL, "messages": TURNS}
    with checked_client(gateway) as client:
        plain = client.beta.messages.count_tokens(**asked)
        compacting = client.beta.messages.count_tokens(**asked, compaction={"type": "summarize"})
    assert compacting.input_tokens == plain.input_tokens
