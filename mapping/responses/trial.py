"""How the Responses API is tried. See `mapping.trial`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mapping import jsonio
from mapping.openai.trial import OpenAITrial, no_stream_wanted, payloads
from mapping.trial import Ask, Wrong
from mapping.values import JSON


class ResponsesTrial(OpenAITrial):
    """Items of most types; instructions and a format; a stream."""

    def samples(self) -> Sequence[JSON]:
        """Three."""
        items = [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "abc"},
            {"type": "function_call", "call_id": "c1", "name": "run", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "ok"},
            {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "x"},
            {"type": "custom_tool_call_output", "call_id": "c2", "output": "done"},
        ]
        tools = [
            {"type": "function", "name": "run", "parameters": {"type": "object"}},
            {"type": "custom", "name": "patch"},
        ]
        text = {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}}
        return [
            {"model": "m", "input": items, "tools": tools, "reasoning": {"effort": "low"}, "stream": True},
            {"model": "m", "input": items, "tools": tools, "reasoning": {"effort": "low"}},
            {"model": "m", "input": "Hi", "instructions": "Be brief.", "text": text},
        ]

    def request(self, ask: Ask) -> JSON:
        """A text."""
        body: dict[str, Any] = {"model": ask.model, "stream": ask.stream, "input": ask.text}
        if ask.tool is not None:
            body["tools"] = [{"type": "function", **ask.tool}]
        return body

    def check_whole(self, request: JSON, answer: bytes) -> None:
        """It has ended."""
        no_stream_wanted(request)
        if jsonio.loads(answer)["status"] not in ("completed", "incomplete"):
            raise Wrong("an unfinished response")

    def check_stream(self, request: JSON, answer: bytes) -> bool:
        """The events are numbered, and the last one is an end."""
        events = [jsonio.loads(text) for text in payloads(answer)]
        if [event["sequence_number"] for event in events] != list(range(len(events))):
            raise Wrong("events with a gap")
        last = events[-1]
        if last["type"] == "response.failed":
            if not last["response"]["error"]["message"]:
                raise Wrong("a failure without a message")
            return False
        if last["type"] not in ("response.completed", "response.incomplete"):
            raise Wrong("a stream without an end")
        return True


class CompactTrial(ResponsesTrial):
    """The same requests; one item for an answer, and never a stream."""

    def request(self, ask: Ask) -> JSON:
        """A text."""
        return {"model": ask.model, "input": ask.text}

    def check_whole(self, request: JSON, answer: bytes) -> None:
        """The last item is the summary."""
        found = jsonio.loads(answer)
        if found["object"] != "response.compaction" or found["output"][-1]["type"] != "compaction":
            raise Wrong("no compaction")

    def check_stream(self, request: JSON, answer: bytes) -> bool:
        """Raises."""
        raise Wrong("a stream")


class InputTokensTrial(CompactTrial):
    """The same requests; a number for an answer."""

    def check_whole(self, request: JSON, answer: bytes) -> None:
        """The number."""
        found = jsonio.loads(answer)
        if found["object"] != "response.input_tokens" or type(found["input_tokens"]) is not int:
            raise Wrong("no number of tokens")


TRIALS = {"responses": ResponsesTrial(), "compact": CompactTrial(), "input_tokens": InputTokensTrial()}
