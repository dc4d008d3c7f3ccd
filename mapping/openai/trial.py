"""How dialects of OpenAI's API are tried: what they have in common. See `mapping.trial`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mapping import jsonio
from mapping.trial import Wrong
from mapping.values import JSON

SCHEMA: JSON = {
    "type": "object",
    "properties": {"a": {"type": ["string", "null"], "enum": ["x", None]}},
    "$defs": {},
}


class OpenAITrial:
    """The errors of them all."""

    def check_error(self, answer: bytes) -> None:
        """OpenAI's error object, all its members there."""
        check_error(jsonio.loads(answer).get("error"))


class ChoicesTrial(OpenAITrial):
    """Dialects whose answers hold choices."""

    def check_whole(self, request: JSON, answer: bytes) -> None:
        """Each choice has ended."""
        no_stream_wanted(request)
        choices = jsonio.loads(answer)["choices"]
        self._check_ends(request, [(choice["index"], choice["finish_reason"]) for choice in choices])

    def check_stream(self, request: JSON, answer: bytes) -> bool:
        """Each choice ends, or an error is the last event."""
        *chunks, last = payloads(answer)
        choices = [choice for chunk in map(jsonio.loads, chunks) for choice in chunk["choices"]]
        ends = [(choice["index"], choice["finish_reason"]) for choice in choices if choice["finish_reason"]]
        if last == b"[DONE]":
            self._check_ends(request, ends)
            if {choice["index"] for choice in choices} != {index for index, _ in ends}:
                raise Wrong("a choice that does not finish")
            return True
        check_error(jsonio.loads(last).get("error"))
        if len(ends) == self.count(request):
            raise Wrong("a broken stream that looks complete")
        return False

    def count(self, request: JSON) -> int:
        """The most choices that an answer to the request has."""
        count: int = request.get("n", 1)
        return count

    def _check_ends(self, request: JSON, ends: Sequence[tuple[int, str | None]]) -> None:
        """Each choice has one finish reason. There may be fewer than asked for: a blocked prompt has one."""
        finished = sorted(index for index, reason in ends if reason)
        if not ends or finished != list(range(len(ends))) or len(ends) > self.count(request):
            raise Wrong("choices that are missing or have no finish reason")


def payloads(stream: bytes) -> list[bytes]:
    """The data of the events of a stream."""
    return [line[6:] for line in stream.split(b"\n") if line.startswith(b"data: ")]


def no_stream_wanted(request: JSON) -> None:
    """Raises `Wrong` if a stream was asked for."""
    if request.get("stream"):
        raise Wrong("no stream, though one was asked for")


def check_error(error: Any) -> None:
    """The member `error`."""
    if not isinstance(error, dict) or set(error) != {"message", "type", "param", "code"} or not error["message"]:
        raise Wrong("an error of another shape than OpenAI's")
