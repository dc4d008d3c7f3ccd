"""What an answer of the gateway must be: OpenAI's types in pydantic's strict mode, and the rules that types cannot say.

OpenAI's SDKs take nearly anything, because they build their objects without validation; a member that is missing shows
only in an application, or in a client of another language. Source of the rules: the OpenAI API reference, and what
clients were seen to need.
"""

from __future__ import annotations

import base64
import json
import struct
import traceback
from collections.abc import Callable
from typing import Any

from openai.types import CreateEmbeddingResponse, ImageEditStreamEvent, ImageGenStreamEvent, ImagesResponse, Model
from openai.types.audio import (
    Transcription,
    TranscriptionDiarized,
    TranscriptionStreamEvent,
    TranscriptionVerbose,
    TranslationVerbose,
)
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter

from tests.e2e import response_checks

_MODELS = TypeAdapter(list[Model])
_IMAGE_EVENT: TypeAdapter[Any] = TypeAdapter(ImageGenStreamEvent | ImageEditStreamEvent)
_TRANSCRIPT_EVENT: TypeAdapter[Any] = TypeAdapter(TranscriptionStreamEvent)
_TRANSCRIPTS: dict[str, TypeAdapter[Any]] = {
    "json": TypeAdapter(Transcription),
    "transcribe": TypeAdapter(TranscriptionDiarized | TranscriptionVerbose),
    "translate": TypeAdapter(TranslationVerbose),
}
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


type Check = Callable[[str, int, str, bytes], None]
"""Raises for a wrong answer: its path, its status, its content type, its body."""


class Wire:
    """The answers that came, and what was wrong with them. `check` knows what is right; by default OpenAI's."""

    def __init__(self, check: Check | None = None) -> None:
        self._check = check or check_answer
        self.count = 0
        self.problems: list[str] = []

    def take(self, path: str, status: int, content_type: str, body: bytes) -> None:
        self.count += 1
        try:
            self._check(path, status, content_type, body)
        except Exception as e:
            *_, where = traceback.extract_tb(e.__traceback__)
            told = f"{path} {status}: {type(e).__name__}: {str(e).strip() or where.line}"
            self.problems.append(f"{told}\n{body[:4000].decode(errors='replace')}")

    def verify(self) -> None:
        assert self.count, "no answer came"
        assert not self.problems, "\n\n".join(self.problems)


def check_answer(path: str, status: int, content_type: str, body: bytes) -> None:
    """Raise for an answer of the gateway that is not what OpenAI's would be."""
    responses = "/responses" in path and not path.endswith("/chat/completions")
    if "/audio/" in path:
        check_audio(path, status, content_type, body)
        return
    if content_type.startswith("text/event-stream"):
        assert status == 200
        streams = check_images_stream if "/images/" in path else check_stream
        (response_checks.check_stream if responses else streams)(body)
        return
    assert content_type == "application/json"
    if status >= 400:
        _check_error(json.loads(body))
    elif path.endswith("/models"):
        answer = json.loads(body)
        assert answer["object"] == "list"
        _MODELS.validate_python(answer["data"], strict=True)
    elif "/models/" in path:
        Model.model_validate_json(body, strict=True)
    elif path.endswith("/embeddings"):
        check_embeddings(body)
    elif responses:
        response_checks.check_json(path, json.loads(body))
    elif "/images/" in path:
        assert ImagesResponse.model_validate_json(body, strict=True).data
    else:
        check_completion(body)


def check_audio(path: str, status: int, content_type: str, body: bytes) -> None:
    """A transcript in any form, or sound."""
    if status >= 400:
        assert content_type == "application/json"
        _check_error(json.loads(body))
    elif path.endswith("/speech"):
        assert content_type.startswith("audio/")
    elif content_type.startswith("text/event-stream"):
        *deltas, last = [json.loads(frame.removeprefix("data: ")) for frame in body.decode().split("\n\n")[:-1]]
        assert last["type"] in ("transcript.text.done", "error")
        for event in [*deltas, *([last] if last["type"] != "error" else [])]:
            _TRANSCRIPT_EVENT.validate_json(json.dumps(event), strict=True)
    elif content_type == "application/json":
        found = json.loads(body)
        _TRANSCRIPTS[found.get("task", "json")].validate_python(found)
    else:
        assert content_type == "text/plain; charset=utf-8"


def check_images_stream(body: bytes) -> None:
    """Events of images, the last of which is complete, or an error."""
    events = [json.loads(frame.partition("data: ")[2]) for frame in body.decode().split("\n\n")[:-1]]
    assert events[-1]["type"].endswith((".completed", "error"))
    for event in events:
        if event["type"] == "error":
            _check_error({"error": event["error"]})
        else:
            _IMAGE_EVENT.validate_json(json.dumps(event), strict=True)


def check_embeddings(body: bytes) -> list[list[float]]:
    """A list of embeddings, each in either form; gives the vectors."""
    answer = json.loads(body)
    for one in answer["data"]:
        if isinstance(one["embedding"], str):  # what the SDKs make of it
            data = base64.b64decode(one["embedding"], validate=True)
            one["embedding"] = list(struct.unpack(f"<{len(data) // 4}f", data))
    found = CreateEmbeddingResponse.model_validate_json(json.dumps(answer), strict=True)
    assert [one.index for one in found.data] == list(range(len(found.data)))
    assert all(one.embedding for one in found.data)
    assert found.usage.prompt_tokens == found.usage.total_tokens > 0
    return [one.embedding for one in found.data]


def check_completion(body: bytes) -> None:
    """A `chat.completion` object."""
    ChatCompletion.model_validate_json(body, strict=True)
    completion = json.loads(body)
    _check_usage(completion["usage"])
    assert [choice["index"] for choice in completion["choices"]] == list(range(len(completion["choices"])))
    for choice in completion["choices"]:
        assert choice.keys() >= {"index", "message", "logprobs", "finish_reason"}
        message = choice["message"]
        assert message.keys() >= {"role", "content", "refusal"}
        assert message["content"] is not None or message.keys() & {"tool_calls", "function_call", "audio"}
        calls = message.get("tool_calls", [])
        assert calls or "tool_calls" not in message, "absent, not empty"
        for call in calls:
            _check_arguments(call["type"], call.get("function", {}).get("arguments"))
            assert "index" not in call
        assert len({call["id"] for call in calls}) == len(calls)
        if calls:
            assert choice["finish_reason"] in ("tool_calls", "length", "content_filter")


def check_stream(body: bytes) -> None:
    """The events of a streamed completion."""
    text = body.decode()
    assert text.endswith("\n\n")
    frames = [frame for frame in text[:-2].split("\n\n") if not frame.startswith(":")]
    assert all(frame.startswith("data: ") and "\n" not in frame for frame in frames)
    *frames, last = [frame.removeprefix("data: ") for frame in frames]
    chunks = [json.loads(frame) for frame in frames]
    for chunk in chunks:
        _check_chunk(chunk)
    heads = {tuple(chunk[name] for name in ("id", "object", "created", "model")) for chunk in chunks}
    assert len(heads) <= 1, "all chunks are of one completion"
    choices: dict[int, _StreamedChoice] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            index = choice["index"]
            if index not in choices:
                assert index == len(choices), "choices begin in their order"
                choices[index] = _StreamedChoice()
            choices[index].add(choice)
    _check_chunk_usage(chunks, complete=last == "[DONE]")
    if last == "[DONE]":
        assert choices
        for streamed in choices.values():
            streamed.end()
    else:
        _check_error(json.loads(last))
        assert not any(streamed.finished for streamed in choices.values())


class _StreamedChoice:
    def __init__(self) -> None:
        self.finished = ""
        self._begun = False
        self._calls: list[tuple[str, str]] = []

    def add(self, choice: dict[str, Any]) -> None:
        assert not self.finished, "nothing follows the finish reason"
        delta = choice["delta"]
        if not self._begun:
            assert delta == {"role": "assistant", "content": "", "refusal": None}
            self._begun = True
        else:
            assert "role" not in delta
            assert delta or choice["finish_reason"], "an empty delta says nothing"
            assert delta.get("content", True), "an empty delta says nothing"
        for call in delta.get("tool_calls", ()):
            self._call(call)
        self.finished = choice["finish_reason"] or ""
        assert not self.finished or delta == {}

    def _call(self, call: dict[str, Any]) -> None:
        if call["index"] == len(self._calls):
            kind = call["type"]
            assert call["id"]
            assert call[kind]["name"]
            self._calls.append((kind, call[kind].get("arguments", "")))
        else:
            # Clients join the strings of later deltas to those of earlier ones.
            assert call.keys() == {"index", "function"}
            assert call["function"].keys() == {"arguments"}
            kind, arguments = self._calls[call["index"]]
            self._calls[call["index"]] = kind, arguments + call["function"]["arguments"]

    def end(self) -> None:
        assert self.finished
        for kind, arguments in self._calls:
            _check_arguments(kind, arguments)
        if self._calls:
            assert self.finished in ("tool_calls", "length", "content_filter")


def _check_chunk(chunk: dict[str, Any]) -> None:
    custom = [
        call
        for choice in chunk["choices"]
        for call in choice["delta"].get("tool_calls", ())
        if call.get("type") == "custom"
    ]
    for call in custom:  # OpenAI sends them, the SDK's types know only functions
        call["type"] = "function"
    ChatCompletionChunk.model_validate(chunk, strict=True)
    for call in custom:
        call["type"] = "custom"
    for choice in chunk["choices"]:
        assert choice.keys() >= {"index", "delta", "logprobs", "finish_reason"}


def _check_chunk_usage(chunks: list[dict[str, Any]], *, complete: bool) -> None:
    """Without `include_usage` no chunk mentions usage; with it all do, and the last has it, and no choice."""
    asked = any("usage" in chunk for chunk in chunks)
    for i, chunk in enumerate(chunks):
        if asked and complete and i == len(chunks) - 1:
            assert chunk["choices"] == []
            _check_usage(chunk["usage"])
        else:
            assert chunk["choices"], "clients take the first choice without looking"
            assert ("usage" in chunk) == asked
            assert chunk.get("usage") is None


def _check_usage(usage: dict[str, Any]) -> None:
    prompt, completion, total = (usage[name] for name in _COUNTS)
    assert total == prompt + completion
    for count in (prompt, completion, *_details(usage, "prompt"), *_details(usage, "completion")):
        assert isinstance(count, int)
        assert count >= 0
    assert usage["completion_tokens_details"]["reasoning_tokens"] <= completion


def _details(usage: dict[str, Any], kind: str) -> list[Any]:
    return list(usage[f"{kind}_tokens_details"].values())


def _check_arguments(kind: str, arguments: Any) -> None:
    if kind == "function":
        assert isinstance(json.loads(arguments), dict)


def _check_error(answer: dict[str, Any]) -> None:
    assert answer.keys() == {"error"}
    error = answer["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    assert error["message"]
    assert isinstance(error["type"], str)
    for name in ("param", "code"):
        assert error[name] is None or isinstance(error[name], str)
