"""Whole Gemini answers -> the object with the images.

Rules of this module:

* Each call makes an image. Where some calls made none, the others count; a note says how many are missing.
* Where none did, the first says why.
"""

from __future__ import annotations

from typing import override

from mapping import jsonio
from mapping.answer.parts.calls import Mint
from mapping.answer.whole import WholeAnswers
from mapping.gemini.errors.upstream_errors import broken
from mapping.images.answer.objects import image, usage
from mapping.images.answer.reader import OneAnswer
from mapping.images.convert import Converter
from mapping.images.plan import ImagesPlan
from mapping.notes import Notes
from mapping.totals import Totals, combine
from mapping.values import JSON, RawTurn


class ImagesAnswer(WholeAnswers[OneAnswer]):
    """Gives the `ImagesResponse`. `created` is Unix time in seconds."""

    def __init__(self, plan: ImagesPlan, *, created: int, mint: Mint, notes: Notes, converter: Converter) -> None:
        super().__init__()
        self._plan = plan
        self._created = created
        self._mint = mint
        self._notes = notes
        self._converter = converter
        self._answers: list[OneAnswer] = []
        self._needs_content = False

    @override
    def add(self, data: bytes | JSON, *, needs_content: bool = False) -> None:
        """Take in a whole upstream answer; with `needs_content` one that has an image, or was held back for good."""
        self._needs_content = needs_content
        super().add(data, needs_content=needs_content)

    @property
    def pictures(self) -> list[tuple[str, str]]:
        """MIME type and base64 of the images so far."""
        return [picture for answer in self._answers for picture in answer.pictures]

    def finish(self) -> bytes:
        """The object. Raises UpstreamError where there is no image."""
        self.close()
        if not self._answers:
            raise broken("The upstream gave no answer.", code="upstream_empty")
        plan, notes = self._plan, self._notes
        found = self.pictures
        if not found:
            raise self._answers[0].problem()
        if len(found) < plan.n:
            notes.add("choice-missing", f"{plan.n - len(found)} of {plan.n} images")
        for answer in self._answers:
            answer.tell_left()
        images = [image(mime, data, plan, notes, self._converter) for mime, data in found]
        data = [{"url": one.url} if plan.as_url else {"b64_json": one.data} for one in images]
        told = images[0].members(plan)
        return jsonio.dumps({"created": self._created, "data": data, **told, "usage": usage(self.totals())})

    def remember(self) -> dict[str, RawTurn]:
        """Nothing: no request goes on from an image."""
        return {}

    def totals(self) -> Totals:
        """The tokens so far. The calls have one prompt."""
        totals = [answer.reader.usage.totals() for answer in self._answers]
        return combine(totals) if totals else Totals()

    def finish_reasons(self) -> list[str]:
        """Of each call."""
        return [reason for answer in self._answers for reason in answer.reader.finish_reasons]

    @override
    def _begin(self) -> OneAnswer:
        return OneAnswer(self._plan, self._mint, self._notes)

    @override
    def _take(self, answer: OneAnswer) -> None:
        if self._needs_content and not answer.pictures and not answer.blocked:
            raise answer.once_more()
        self._answers.append(answer)
