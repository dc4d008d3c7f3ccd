"""Conversations that are compacted with Anthropic's Python SDK: a summary that Gemini makes stands for them then."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from anthropic.types.compaction_incomplete_turn_error import CompactionIncompleteTurnError

from mapping.request.conversation.summaries import COMPACTION_PROMPT
from tests.e2e.checked_sdk import sent
from tests.e2e.conftest import TWO_ACCOUNTS, ScriptedUpstream, http_answer
from tests.e2e.messages.sdk import MODEL, WAYS, checked_client, user
from tests.e2e.messages.test_python_tools import get_weather

if TYPE_CHECKING:
    from anthropic import Anthropic
    from anthropic.types.beta import BetaMessage

    from tests.e2e.conftest import Gateway, Starter, Upstream

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


EDIT: Any = {"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 5}}


@WAYS
def test_without_the_pause_the_answer_goes_on(gateway: Gateway, upstream: Upstream, way: str) -> None:
    with checked_client(gateway) as client:
        answer = compacted(client, way, context_management={"edits": [EDIT]})
        first, second = upstream.requests
        assert first.body["contents"][-1]["parts"][-1]["text"] == COMPACTION_PROMPT
        summary, said = answer.content
        assert summary.type == "compaction"
        [content] = second.body["contents"]
        shown = f"[Summary of the conversation so far]\n{summary.content}"
        assert content["parts"] == [{"text": shown}, {"text": "Go on."}]
        assert said.type == "text"
        assert answer.stop_reason == "end_turn"
        later: Any = [*TURNS, answer.to_param(), *user("And now?")]
        client.beta.messages.create(model=MODEL, max_tokens=1000, messages=later, betas=BETAS)
    told = [part["text"] for content in sent(upstream)["contents"] for part in content["parts"]]
    assert told[0] == shown
    assert told[-1] == "And now?"
    if way != "events":
        assert [one.type for one in answer.usage.iterations or ()] == ["compaction", "message"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_what_follows_a_summary_is_tried_again(starter: Starter, stream: bool) -> None:
    """On another account, if need be: it has the summary, too, which is not made twice."""
    kind = "text/event-stream" if stream else "application/json"

    def said(text: str) -> bytes:
        answer = {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}]}
        data = json.dumps(answer)
        return http_answer((f"data: {data}\n\n" if stream else data).encode(), kind)

    busy = b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    scripted = ScriptedUpstream(said("All of it."), busy, said("Gone on."))
    gateway = starter(TWO_ACCOUNTS.replace("UPSTREAM", scripted.url))
    with checked_client(gateway) as client:
        answer = compacted(client, "helper" if stream else "whole", context_management={"edits": [EDIT]})
    scripted.close()
    summary, text = answer.content
    assert (summary.type, text.type) == ("compaction", "text")
    assert text.text == "Gone on."
    assert len(scripted.bodies) == 3
    assert scripted.bodies[1] == scripted.bodies[2]
    assert "All of it." in str(scripted.bodies[1])
    assert {"alpha@example.com", "bravo@example.com"} <= set(re.findall(r"\w+@example\.com", gateway.log))


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
