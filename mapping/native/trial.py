"""How Gemini's own paths are tried. See `mapping.trial`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mapping import jsonio
from mapping.native.request import BATCH_EMBED, COUNT, EMBED, GENERATE, STREAM
from mapping.trial import ANY_MODEL, Ask, Wrong
from mapping.values import JSON

EMBEDDING = "gemini-embedding-001"
_TURNS: list[JSON] = [
    {"role": "user", "parts": [{"text": "Hi"}, {"inline_data": {"mime_type": "image/png", "data": "eHg="}}]},
    {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}]},
    {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"b": None}, "parts": []}}]},
]
_FULL: JSON = {
    "contents": _TURNS,
    "system_instruction": {"parts": {"text": "Be brief."}},
    "tools": [
        {"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]},
        {"googleSearch": {}},
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}, "includeServerSideToolInvocations": True},
    "generationConfig": {"candidateCount": 2, "thinkingConfig": {"thinking_budget": 0}},
    "serviceTier": "flex",
}
_CONTENT: JSON = {"parts": [{"text": "Hi"}]}
_SAMPLES: dict[str, list[JSON]] = {
    GENERATE: [_FULL, {"contents": {"parts": {"text": "Hi"}}}],
    STREAM: [{**_FULL, "alt": "sse"}, _FULL],
    COUNT: [{"contents": _TURNS}, {"generateContentRequest": {"model": "models/m", **_FULL}}],
    EMBED: [{"content": _CONTENT, "taskType": "CLUSTERING", "outputDimensionality": 8}],
    BATCH_EMBED: [{"requests": [{"model": "models/m", "content": _CONTENT}, {"content": _CONTENT}]}],
}


class NativeTrial:
    """See `mapping.trial.Trial`. `method`: of the paths."""

    def __init__(self, method: str) -> None:
        self._method = method

    def samples(self) -> Sequence[JSON]:
        """What is in `_SAMPLES`."""
        model = EMBEDDING if self._method in (EMBED, BATCH_EMBED) else ANY_MODEL
        return [{"model": model, **sample} for sample in _SAMPLES[self._method]]

    def request(self, ask: Ask) -> JSON:
        """One turn; the path says whether a stream is wanted."""
        content = {"role": "user", "parts": [{"text": ask.text}]}
        model = ask.model
        if self._method in (EMBED, BATCH_EMBED):  # one that makes vectors, with the same fault
            model = f"{model}-embedding" if model.startswith("demo-") else EMBEDDING
        named: JSON = {"model": model}
        if self._method == EMBED:
            return {**named, "content": content}
        if self._method == BATCH_EMBED:
            return {**named, "requests": [{"model": f"models/{model}", "content": content}] * ask.choices}
        body: JSON = {**named, "contents": [content]}
        if ask.tool and self._method != COUNT:
            declared = {"name": ask.tool["name"], "parametersJsonSchema": ask.tool["parameters"]}
            body["tools"] = [{"functionDeclarations": [declared]}]
        return body

    def check_whole(self, request: JSON, answer: bytes) -> None:
        """It is an object, and tells of no error. A stream may be an array."""
        if self._method == STREAM:
            self.check_stream(request, answer)
            return
        value = jsonio.loads(answer)
        if not isinstance(value, dict) or value.get("error"):
            raise Wrong("an answer that is none")

    def check_stream(self, request: JSON, answer: bytes) -> bool:
        """Events of one line each and nothing between them, or an array; the last may be an error."""
        if answer.startswith(b"["):
            values = jsonio.loads(answer)
        else:
            *events, end = answer.split(b"\n\n")
            if end or any(not event.startswith(b"data: {") or b"\n" in event for event in events):
                raise Wrong("something else than events of one line")
            values = [jsonio.loads(event[6:]) for event in events]
        *chunks, last = values
        if any(chunk.get("error") for chunk in chunks):
            raise Wrong("chunks behind an error")
        if error := last.get("error"):
            _check_error(error)
            return False
        return True

    def check_error(self, answer: bytes) -> None:
        """Google's error object."""
        _check_error(jsonio.loads(answer).get("error"))


def _check_error(error: Any) -> None:
    if not isinstance(error, dict) or not {"code", "message", "status"} <= set(error) <= {
        *("code", "message", "status", "details")
    }:
        raise Wrong("an error of another shape than Google's")


TRIALS = {method: NativeTrial(method) for method in _SAMPLES}
