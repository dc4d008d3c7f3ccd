"""One candidate of a Gemini answer: its parts and metadata as they come, told to a writer.

Rules of this module (Gemini API reference, `Candidate` and `Part`; the oddities are seen in recorded answers):

* Members of a wrong type count as missing.
* An empty text says nothing, but the thought signature on it does.
* A call is told only when it is complete. Clients run what they get.
* The finish reason is kept until the answer is over: text may follow it.
* The parts are kept as they came, so that the next request can replay the turn. Only a call whose arguments came in
  pieces is kept as one part, because requests take no pieces.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mapping.answer.finish import Ending
from mapping.answer.parts import logprobs
from mapping.answer.parts.calls import CallMaker
from mapping.answer.parts.fences import Unfence
from mapping.answer.parts.function_args import PartialArguments
from mapping.answer.parts.grounding import Citation, Span, citations, recited
from mapping.answer.writer import Writer
from mapping.gemini.errors.upstream_errors import broken
from mapping.notes import Notes
from mapping.request.plan import Plan
from mapping.values import JSON


@dataclass(slots=True)
class Context:
    """What the candidates of an answer share."""

    plan: Plan
    calls: CallMaker
    notes: Notes
    live: bool
    """The writers send at once, so an answer spoilt at its end cannot be taken back."""


_NONE, _TEXT, _THOUGHT = range(3)


class Candidate:
    """What is known of one candidate. `read` takes its pieces in order; all it finds goes to `writer` at once."""

    __slots__ = (
        "_citations",
        "_context",
        "_declared_call",
        "_earlier_grounding",
        "_fences",
        "_kind",
        "_message",
        "_output",
        "_partial",
        "_recited",
        "_runs",
        "_signature",
        "_telling",
        "_told",
        "call_ids",
        "fetched",
        "grounding",
        "parts",
        "reason",
        "rich",
        "token",
        "writer",
    )

    def __init__(self, context: Context, writer: Writer) -> None:
        self.writer = writer
        self.parts: list[JSON] = []
        self.call_ids: list[str] = []
        self.reason: str | None = None
        self.token = ""
        """`continuationToken`"""
        self.fetched: JSON = {}
        """`urlContextMetadata`"""
        self.rich = False
        """There is something that the text alone does not give back: a signature, an image, code."""
        self._context = context
        self._fences = Unfence() if context.plan.json_by_sentence else None
        self._message = ""
        self._output = False
        self._declared_call = False
        self._signature = ""
        self._partial: _PartialCall | None = None
        self._told: dict[str, JSON] = {}
        """The calls of earlier events, by Gemini's id. In one event the same id can only be two calls."""
        self._telling: dict[str, JSON] = {}
        """Those of this event."""
        self._kind = _NONE
        """Of the last part, as long as the next event may go on with it."""
        self._runs: list[tuple[int, int]] = []
        """Of each part as Gemini counts them: where its text begins in the content, and where it begins in `parts`."""
        self.grounding: JSON = {}
        """`groundingMetadata` of the call that is read"""
        self._earlier_grounding: JSON = {}
        self._recited: JSON = {}
        self._citations: list[Citation] = []

    def read(self, data: JSON) -> None:
        """Take in a `Candidate`, whole or one event's piece of it."""
        if self._telling:
            self._told.update(self._telling)
            self._telling.clear()
        content = data.get("content")
        if len(data) > 2 or content is None or "index" not in data:  # of most there is no more than these two
            for name, value in data.items():
                if value and (keep := _METADATA.get(name)):
                    keep(self, value)
        parts = content.get("parts") if type(content) is dict else None
        if type(parts) is not list:
            return
        goes_on = True
        for part in parts:
            if type(part) is dict:
                self._part(part, goes_on)
                goes_on = False

    def _part(self, part: JSON, goes_on: bool) -> None:
        """`goes_on`: as the first part of an event it may be a further piece of the part before."""
        text = part.get("text")
        if type(text) is not str:
            self._other_part(part)
            return
        self.parts.append(part)
        kind = _THOUGHT if part.get("thought") is True else _TEXT
        if text:
            if kind is _TEXT:
                self._output = True
                if self._fences is None or (text := self._fences.add(text)):
                    self.writer.text(text)
            else:
                self.writer.thought(text)
        if kind is not self._kind or not goes_on:
            self._kind = kind
            self._runs.append((self.writer.length - len(text), len(self.parts) - 1))
        if len(part) > 1:
            self._sign(part)

    def _other_part(self, part: JSON) -> None:
        if "functionCall" in part:
            self._function_call(part)
            return
        name = next((name for name in part if name not in _BESIDE), None)
        if name is None:
            if self._sign(part):
                self._keep(part)
            return
        self.rich = True
        self._keep(part)
        told = _PARTS.get(name)
        if told is None:
            self._context.notes.add("part-unknown", name[:40])
        elif type(value := part[name]) is dict:
            told(self, value, part)

    def _keep(self, part: JSON) -> None:
        self._kind = _NONE
        self._runs.append((self.writer.length, len(self.parts)))
        self.parts.append(part)

    def _sign(self, part: JSON) -> bool:
        """The last signature of the text goes with the message; those of other parts only with the raw parts."""
        signature = _string(part.get("thoughtSignature"))
        if signature:
            self._signature = signature
            self.rich = True
        return bool(signature)

    # calls

    def _function_call(self, part: JSON) -> None:
        """A complete call, or a piece of one: `willContinue` says that more comes, an empty call that no more does."""
        piece = part["functionCall"]
        if type(piece) is not dict:
            return
        if _string(piece.get("name")):
            self._end_partial()
            if not (piece.get("willContinue") or "partialArgs" in piece):
                self._call(part)
                return
            self._partial = _PartialCall(part)
        elif self._partial is None:
            if piece:
                self._context.notes.add("part-unknown", "functionCall")
            return
        self._partial.arguments.add(piece.get("partialArgs"))
        if not piece.get("willContinue"):
            self._end_partial()

    def _end_partial(self) -> None:
        if self._partial is not None:
            part = self._partial.whole()
            self._partial = None
            self._call(part)

    def _close_fences(self) -> None:
        if self._fences is not None and (text := self._fences.end()):
            self.writer.text(text)

    def _call(self, part: JSON) -> None:
        told = part["functionCall"]
        if id := _string(told.get("id")):
            if self._told.get(id) == told:  # the client would run the tool twice
                self._context.notes.add("call-repeated", told["name"][:60])
                return
            self._telling[id] = told
        self._close_fences()
        self._keep(part)
        call = self._context.calls.make(part["functionCall"], _string(part.get("thoughtSignature")) or None)
        self.call_ids.append(call.id)
        self._output = True
        self._declared_call |= call.declared
        self.writer.call(call)

    # other parts

    def _inline_data(self, blob: JSON, part: JSON) -> None:
        mime, data = _string(blob.get("mimeType")), _string(blob.get("data"))
        kind = mime.partition("/")[0]
        if part.get("thought") is True:
            self._context.notes.add("image-thought")
        elif not data or kind not in ("image", "audio"):
            self._context.notes.add("part-unknown", f"inlineData {mime[:40]}".rstrip())
        else:
            self._output = True
            (self.writer.image if kind == "image" else self.writer.audio)(mime, data)

    def _executable_code(self, code: JSON, part: JSON) -> None:
        if text := _string(code.get("code")):
            self._output = True
            self.writer.code(_string(code.get("language")), text)

    def _code_result(self, result: JSON, part: JSON) -> None:
        if text := _string(result.get("output")):
            self._output = True
            self.writer.code_result(_string(result.get("outcome")), text)

    def _file_data(self, file: JSON, part: JSON) -> None:
        if uri := _string(file.get("fileUri")):
            self._output = True
            self.writer.file(_string(file.get("mimeType")), uri)

    def _kept_only(self, value: JSON, part: JSON) -> None:
        """Parts that the next request needs and the client has no use for."""

    # beside the parts

    def _finish_reason(self, value: Any) -> None:
        self.reason = _string(value) or self.reason

    def _finish_message(self, value: Any) -> None:
        self._message = _string(value)

    def _continuation(self, value: Any) -> None:
        self.token = _string(value)

    def _logprobs(self, value: Any) -> None:
        if self._context.plan.logprobs and (entries := logprobs.entries(value)):
            self.writer.logprobs(entries)

    def _grounded(self, value: Any) -> None:
        """Later events may leave out what earlier ones told."""
        if type(value) is dict:
            self.grounding = {**self.grounding, **{name: item for name, item in value.items() if item}}

    def _fetched(self, value: Any) -> None:
        if type(value) is dict:
            self.fetched = value

    def _cited(self, value: Any) -> None:
        if type(value) is dict:
            self._recited = value

    # the end

    def stop(self) -> None:
        """It ended here, and well, whatever comes behind."""
        self.reason, self.token, self._partial = "STOP", "", None

    @property
    def is_empty(self) -> bool:
        """It ended well, and has nothing but thoughts: agents would take it for the end of their task."""
        return self.reason == "STOP" and not self._output and self._partial is None

    def ending(self) -> Ending:
        """How it ended. A call in pieces that only lacks its end mark is complete; one cut by a limit is not."""
        if self.reason == "STOP":
            self._end_partial()
        elif self._partial is not None:
            self._context.notes.add("call-cut", self._partial.name)
        return Ending(
            reason=self.reason,
            message=self._message,
            output=self._output,
            sent=self._output and self._context.live,
            calls=bool(self.call_ids),
            declared_call=self._declared_call,
        )

    def finish(self, reason: str) -> None:
        """Tell the writer what belongs after the last part, and OpenAI's finish reason."""
        self._close_fences()
        self._cite()
        if self._citations:
            self.writer.annotations(self._citations)
        google: JSON = {}
        if self._signature:
            google["thought_signature"] = self._signature
        if grounding := self.grounding or self._earlier_grounding:
            google["grounding_metadata"] = grounding
        if google:
            self.writer.extra_content(google)
        self.writer.finish(reason)

    def next_hop(self) -> None:
        """A further upstream call goes on with the answer; its metadata refers to its own parts."""
        self._cite()
        self._earlier_grounding = self.grounding or self._earlier_grounding
        self.grounding = {}
        self._recited = {}
        self._kind = _NONE
        self._runs.clear()
        self.reason = None
        self.token = ""

    def _cite(self) -> None:
        if self.grounding or self._recited:
            spans = self._spans()
            self._citations += citations(self.grounding, spans, self.writer.length)
            self._citations += recited(self._recited, spans)

    def _spans(self) -> list[Span]:
        borders = [*(first for _, first in self._runs), len(self.parts)]
        return [
            Span(start, "".join(_visible(part) for part in self.parts[first:end]))
            for (start, first), end in zip(self._runs, borders[1:], strict=True)
        ]


class _PartialCall:
    """A call whose arguments come in pieces."""

    __slots__ = ("_first", "arguments")

    def __init__(self, first: JSON) -> None:
        self._first = first
        self.arguments = PartialArguments()

    @property
    def name(self) -> str:
        name: str = self._first["functionCall"]["name"]
        return name

    def whole(self) -> JSON:
        """The part as if it had come in one piece; what the first piece told besides (id, signature) stays."""
        if not self.arguments.complete:
            raise broken("The upstream's streamed function call is cut off.", code="malformed_function_call")
        told = self._first["functionCall"]
        call = {name: value for name, value in told.items() if name not in ("willContinue", "partialArgs")}
        return {**self._first, "functionCall": {**call, "args": self.arguments.args}}


_BESIDE = frozenset({"thought", "thoughtSignature", "partMetadata", "videoMetadata", "mediaResolution", "text"})
"""Members of a part that go with its content and are none. `text` is here for texts of a wrong type."""

_PARTS: dict[str, Callable[[Candidate, JSON, JSON], None]] = {
    "inlineData": Candidate._inline_data,
    "executableCode": Candidate._executable_code,
    "codeExecutionResult": Candidate._code_result,
    "fileData": Candidate._file_data,
    "functionResponse": Candidate._kept_only,
    "toolCall": Candidate._kept_only,
    "toolResponse": Candidate._kept_only,
}

_METADATA: dict[str, Callable[[Candidate, Any], None]] = {
    "finishReason": Candidate._finish_reason,
    "finishMessage": Candidate._finish_message,
    "continuationToken": Candidate._continuation,
    "logprobsResult": Candidate._logprobs,
    "groundingMetadata": Candidate._grounded,
    "citationMetadata": Candidate._cited,
    "urlContextMetadata": Candidate._fetched,
}


def _visible(part: JSON) -> str:
    text = part.get("text")
    return text if type(text) is str and part.get("thought") is not True else ""


def _string(value: Any) -> str:
    return value if type(value) is str else ""
