"""How Chat Completions is tried. See `mapping.trial`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mapping.openai.trial import SCHEMA, ChoicesTrial
from mapping.trial import Ask
from mapping.values import JSON


class ChatTrial(ChoicesTrial):
    """Messages with parts, calls and results; settings of all kinds; a stream with its usage."""

    def samples(self) -> Sequence[JSON]:
        """Four."""
        tool = {"type": "function", "function": {"name": "run", "parameters": SCHEMA, "strict": True}}
        call = {"id": "c1", "type": "function", "function": {"name": "run", "arguments": '{"a":"x"}'}}
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}}
        audio = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
        document = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}}
        messages: list[JSON] = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Hi"}, image, audio, document]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "18 C"},
        ]
        json_schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}}
        more: JSON = {
            "tools": [tool],
            "tool_choice": "required",
            "n": 2,
            "stop": ["."],
            "seed": 7,
            "logprobs": True,
        }
        numbers: JSON = {
            "temperature": 0.5,
            "top_p": 0.9,
            "max_tokens": 100,
            "presence_penalty": 1,
            "logit_bias": {"1": 2},
        }
        extra: JSON = {
            "extra_body": {"google": {"thinking_config": {"thinking_budget": 5}}},
            "reasoning_effort": "low",
        }
        streamed: JSON = {"messages": messages[:2], "stream": True, "stream_options": {"include_usage": True}}
        found: list[JSON] = [
            streamed,
            {"messages": messages[:2]},
            {"messages": messages, **more},
            {"messages": messages[:1], **numbers, **extra},
        ]
        return [{"model": "m", **body, "response_format": json_schema} for body in found]

    def request(self, ask: Ask) -> JSON:
        """One message."""
        body: dict[str, Any] = {"model": ask.model, "stream": ask.stream}
        body["messages"] = [{"role": "user", "content": ask.text}]
        if ask.choices > 1:
            body["n"] = ask.choices
        if ask.tool is not None:
            body["tools"] = [{"type": "function", "function": ask.tool}]
        return body


TRIALS = {"chat": ChatTrial()}
