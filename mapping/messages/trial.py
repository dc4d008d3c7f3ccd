"""How the Messages API is tried. See `mapping.trial`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mapping import jsonio
from mapping.messages.errors import TYPES
from mapping.openai.trial import SCHEMA, no_stream_wanted, payloads
from mapping.trial import Ask, Wrong
from mapping.values import JSON


class MessagesTrial:
    """Blocks of most types; settings of all kinds; a stream; a summary."""

    def samples(self) -> Sequence[JSON]:
        """Four."""
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
        document = {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "x"},
            "title": "t",
        }
        use = {"type": "tool_use", "id": "toolu_1", "name": "run", "input": {"a": "x"}}
        result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "18 C"}]}
        messages: list[JSON] = [
            {"role": "user", "content": [{"type": "text", "text": "Hi"}, image, document]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": "abc"}, use]},
            {"role": "user", "content": [{**result, "is_error": False}, {"type": "text", "text": "And?"}]},
            {"role": "system", "content": "Be brief."},
        ]
        summary = {"role": "assistant", "content": [{"type": "compaction", "content": "Before."}]}
        compacting = {"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 1}}
        tool = {"name": "run", "description": "Runs.", "input_schema": SCHEMA}
        settings: JSON = {
            "system": [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}],
            "tools": [tool, {"type": "web_search_20250305", "name": "web_search"}],
            "thinking": {"type": "adaptive", "display": "omitted"},
            "output_config": {"effort": "low"},
            "metadata": {"user_id": '{"session_id":"s"}'},
        }
        numbers: JSON = {"temperature": 0.5, "top_p": 0.9, "top_k": 5, "stop_sequences": ["END"]}
        found: list[JSON] = [
            {"messages": messages, **settings, "stream": True},
            {"messages": messages, **settings, "tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
            {"messages": messages[:1], "system": "Be kind.", **numbers, "thinking": {"type": "disabled"}},
            {"messages": [summary, messages[0]], "compaction": {"type": "summarize"}, "stream": True},
            {"messages": messages, **settings, "context_management": {"edits": [compacting]}, "stream": True},
        ]
        return [{"model": "m", "max_tokens": 100, **body} for body in found]

    def request(self, ask: Ask) -> JSON:
        """One message."""
        body: dict[str, Any] = {"model": ask.model, "max_tokens": 1024, "stream": ask.stream}
        body["messages"] = [{"role": "user", "content": ask.text}]
        if ask.tool is not None:
            body["tools"] = [{"name": ask.tool["name"], "input_schema": ask.tool["parameters"]}]
        return body

    def check_whole(self, request: JSON, answer: bytes) -> None:
        """It has ended."""
        no_stream_wanted(request)
        _check_message(jsonio.loads(answer))

    def check_stream(self, request: JSON, answer: bytes) -> bool:
        """Blocks come one after another, and the last event is an end."""
        events = [jsonio.loads(text) for text in payloads(answer)]
        told = [event for event in events if event["type"] != "ping"]
        if len(told) != 1 and [event["type"] for event in events[:2]] != ["message_start", "ping"]:
            raise Wrong("a stream with another beginning")
        opened, count = None, 0
        for event in told:
            kind = event["type"]
            if kind == "content_block_start":
                if opened is not None or event["index"] != count:
                    raise Wrong("blocks that are not one after another")
                opened, count = count, count + 1
            elif kind in ("content_block_delta", "content_block_stop"):
                if event["index"] != opened:
                    raise Wrong("a piece of a block that is not open")
                opened = None if kind == "content_block_stop" else opened
            elif opened is not None:
                raise Wrong("a block that is not closed")
        last = told[-1]
        if last["type"] == "error":
            self.check_error(jsonio.dumps(last))
            return False
        if last["type"] != "message_stop" or not count:
            raise Wrong("a stream without an end, or without content")
        ended = told[-2]
        _check_message({**told[0]["message"], **ended["delta"], "content": [ended], "usage": ended["usage"]})
        return True

    def check_error(self, answer: bytes) -> None:
        """The body of an error of any status."""
        found = jsonio.loads(answer)
        error = found.get("error")
        if found.get("type") != "error" or not isinstance(error, dict):
            raise Wrong("an error of another shape than Anthropic's")
        if error.get("type") not in TYPES.values() or not error.get("message"):
            raise Wrong("an error without a type or a message")


def _check_message(message: JSON) -> None:
    if message["type"] != "message" or not message["content"] or not message["stop_reason"]:
        raise Wrong("a message without content or an end")
    if type(message["usage"]["input_tokens"]) is not int or type(message["usage"]["output_tokens"]) is not int:
        raise Wrong("a message without numbers")


class CountTrial(MessagesTrial):
    """The same requests; a number for an answer, whatever becomes of Gemini's, and never a stream."""

    def check_whole(self, request: JSON, answer: bytes) -> None:
        """The number."""
        found = jsonio.loads(answer)
        if set(found) != {"input_tokens"} or type(found["input_tokens"]) is not int:
            raise Wrong("no number of tokens")

    def check_stream(self, request: JSON, answer: bytes) -> bool:
        """Raises."""
        raise Wrong("a stream")


TRIALS = {"messages": MessagesTrial(), "count_tokens": CountTrial()}
