"""A streamed Gemini answer -> the events of an image stream.

Rules of this module (OpenAI API reference, `ImageGenStreamEvent`, `ImageEditStreamEvent`; the SDKs were tried with it):

* Interim images, which the model makes while it thinks, are partial images, as many as the client wants. Gemini makes
  no others.
* Each image is one `completed` event with the usage of its call, when the call is over. Nothing comes after the last.
* Errors are `{"type": "error", "error": {...}}`: the one form that both SDKs raise. A stream that ends with one has
  fewer `completed` events than images were wanted.
"""

from __future__ import annotations

from typing import Any, Self

from mapping import jsonio
from mapping.answer.parts.calls import Mint
from mapping.faults import Fault
from mapping.gemini import payload, sse
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.images.answer.objects import Image, image, usage
from mapping.images.answer.reader import OneAnswer
from mapping.images.convert import Converter
from mapping.images.errors import error_object
from mapping.images.plan import ImagesPlan
from mapping.notes import Notes
from mapping.totals import Totals, combine
from mapping.values import JSON, RawTurn


class ImagesStream:
    """See `mapping.translators.StreamTranslator`. `created` is Unix time in seconds."""

    enough = False

    def __init__(self, plan: ImagesPlan, *, created: int, mint: Mint, notes: Notes, converter: Converter) -> None:
        self.started = False
        self.fault: UpstreamError | None = None
        self._plan = plan
        self._created = created
        self._mint = mint
        self._notes = notes
        self._converter = converter
        self._parser = sse.EventParser()
        self._first = OneAnswer(plan, mint, notes)
        self._further: list[OneAnswer] = []
        self._partial = 0
        self._over = False

    @property
    def pictures(self) -> list[tuple[str, str]]:
        """MIME type and base64 of the images so far."""
        return [picture for answer in self._all for picture in answer.pictures]

    @property
    def continuation(self) -> str | None:
        """As that of the reader."""
        return self._first.reader.continuation

    def feed(self, data: bytes) -> bytes:
        """Partial images; mostly nothing."""
        if self._over:
            return b""
        out = b""
        try:
            for event in self._parser.feed(data):
                for response in payload.responses(event):
                    out += self._read(response)
        except UpstreamError as fault:
            return self._fail(fault, out)
        self.started = self.started or bool(out)
        return out

    def end(self, *, needs_content: bool = False) -> bytes:
        """The images."""
        if self._over:
            return b""
        reader, out = self._first.reader, b""
        needs_content = needs_content and not self.started
        try:
            for event in self._parser.end():
                for response in payload.responses(event, last=True):
                    out += self._read(response)
            self._parser = sse.EventParser()
            reader.end(needs_content=needs_content and not out)
            if reader.continuation is None:
                out += self._completed(needs_content=needs_content and not out)
        except UpstreamError as fault:
            return self._fail(fault, out)
        self.started = self.started or bool(out)
        return out

    def open(self) -> bytes:
        """Nothing comes before the images."""
        return b""

    def keep_alive(self) -> bytes:
        """A comment."""
        return sse.KEEP_ALIVE

    def cut(self, fault: Fault) -> bytes:
        """The error event that ends the stream."""
        self._over = True
        return _event("error", error_object(fault))

    def again(self) -> Self:
        """A stream for another attempt."""
        return type(self)(
            self._plan, created=self._created, mint=self._mint, notes=self._notes, converter=self._converter
        )

    def add_answer(self, data: bytes | JSON) -> None:
        """A further image."""
        answer = OneAnswer(self._plan, self._mint, self._notes)
        answer.reader.take(data)
        if answer.reader.continuation is not None:
            answer.reader.end()
        self._further.append(answer)

    def remember(self) -> dict[str, RawTurn]:
        """Nothing: no request goes on from an image."""
        return {}

    def totals(self) -> Totals:
        """The tokens so far. The calls have one prompt."""
        return combine(answer.reader.usage.totals() for answer in self._all)

    def finish_reasons(self) -> list[str]:
        """Of each call."""
        return [reason for answer in self._all for reason in answer.reader.finish_reasons]

    @property
    def _all(self) -> list[OneAnswer]:
        return [self._first, *self._further]

    def _read(self, response: JSON) -> bytes:
        """Take in a response; the partial images in it."""
        out = b""
        shown = _interim(response)[: self._plan.partial_images - self._partial]
        for part in shown:
            blob = part["inlineData"]
            one = image(blob["mimeType"], blob["data"], self._plan, self._notes, self._converter)
            out += self._image_event("partial_image", one, partial_image_index=self._partial)
            self._partial += 1
        self._first.reader.add(_without(response, shown) if shown else response)
        return out

    def _completed(self, *, needs_content: bool) -> bytes:
        """The images of all answers. Raises UpstreamError where there is none."""
        found = [(answer, picture) for answer in self._all for picture in answer.pictures]
        if not found:
            raise self._first.once_more() if needs_content and not self._first.blocked else self._first.problem()
        if len(found) < self._plan.n:
            self._notes.add("choice-missing", f"{self._plan.n - len(found)} of {self._plan.n} images")
        out = b""
        for answer, (mime, data) in found:
            one = image(mime, data, self._plan, self._notes, self._converter)
            out += self._image_event("completed", one, usage=usage(answer.reader.usage.totals()))
        for answer in self._all:
            answer.tell_left()
        self._over = True
        return out

    def _image_event(self, name: str, one: Image, **members: Any) -> bytes:
        about = one.members(self._plan)
        family = "image_edit" if self._plan.edit else "image_generation"
        return _event(f"{family}.{name}", {"b64_json": one.data, "created_at": self._created, **about, **members})

    def _fail(self, fault: UpstreamError, sent: bytes) -> bytes:
        if not self.started and not sent:
            self._over = True
            raise fault
        self.fault = fault
        return sent + self.cut(fault.error)


def _interim(response: JSON) -> list[JSON]:
    """The parts of a response that are images of the model's thinking."""
    candidates = response.get("candidates")
    found = candidates if isinstance(candidates, list) else []
    return [part for candidate in found for part in _parts(candidate) if _is_interim(part)]


def _parts(candidate: Any) -> list[Any]:
    content = candidate.get("content") if isinstance(candidate, dict) else None
    parts = content.get("parts") if isinstance(content, dict) else None
    return parts if isinstance(parts, list) else []


def _without(response: JSON, shown: list[JSON]) -> JSON:
    """The same response without these parts, which the client has got."""
    ids = set(map(id, shown))
    candidates = [
        {**one, "content": {**one["content"], "parts": [part for part in parts if id(part) not in ids]}}
        if (parts := _parts(one))
        else one
        for one in response["candidates"]
    ]
    return {**response, "candidates": candidates}


def _is_interim(part: Any) -> bool:
    if not isinstance(part, dict) or part.get("thought") is not True:
        return False
    blob = part.get("inlineData")
    if not isinstance(blob, dict):
        return False
    mime, data = blob.get("mimeType"), blob.get("data")
    return isinstance(mime, str) and mime.startswith("image/") and isinstance(data, str) and bool(data)


def _event(name: str, members: JSON) -> bytes:
    return b"event: %b\n" % name.encode() + sse.frame(jsonio.dumps({"type": name, **members}))
