"""Transcriptions and translations behind the contract of `mapping.dialect`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import ClassVar, override

from mapping.answer.answering import GeneratedAnswering
from mapping.dialect import Answering, Given, Lookups, Received
from mapping.notes import Notes
from mapping.openai import multipart
from mapping.openai.contract import ChoicesDialect
from mapping.request.plan import Translated
from mapping.transcriptions import files, request
from mapping.transcriptions.answer import TranscriptAnswer
from mapping.transcriptions.settings import FORM, JSON_FORMATS, TEXT_TYPE, TranscriptionPlan
from mapping.transcriptions.stream import TranscriptStream
from mapping.values import JSON


class TranscriptionAnswering(GeneratedAnswering[TranscriptionPlan]):
    """Makes transcripts."""

    @property
    @override
    def content_type(self) -> bytes | None:
        return None if self.plan.stream or self.plan.form in JSON_FORMATS else TEXT_TYPE

    @override
    def whole(self, notes: Notes) -> TranscriptAnswer:
        return TranscriptAnswer(self.plan, self.given.mint, notes)

    @override
    def stream(self) -> TranscriptStream:
        return TranscriptStream(self.plan, self.given.mint, self.given.notes)


class _Hearing(ChoicesDialect):
    """Requests bring a recording. The streams of silent upstreams are kept alive with comments."""

    translated: ClassVar[Callable[..., Translated]]

    def likeness(self, body: JSON) -> int:
        """They hold a file."""
        return 0

    @override
    def read(self, received: Received) -> JSON:
        """A form, or the same as JSON. The type of a file that its bytes tell stands with it from then on."""
        body = multipart.read(received, FORM)
        file = body.get("file")
        return {**body, "file": files.with_type(file)} if isinstance(file, dict) else body

    def lookups(self, body: JSON) -> Lookups | None:
        """Nothing is stored."""
        return None

    @override
    def translate(self, body: JSON, given: Given) -> Answering:
        translated = type(self).translated(
            body, model=given.model, client_model=given.client_model, options=given.options, notes=given.notes
        )
        assert isinstance(translated.plan, TranscriptionPlan)
        return TranscriptionAnswering(translated, translated.plan, given)


class Transcriptions(_Hearing):
    """`POST /v1/audio/transcriptions`."""

    name = "transcriptions"
    translated = request.transcription

    @property
    @override
    def stands_in(self) -> Mapping[str, str]:
        return MappingProxyType({})

    @override
    def likeness(self, body: JSON) -> int:
        return 4 if files.is_file(body.get("file")) else 0


class Translations(_Hearing):
    """`POST /v1/audio/translations`. Models that only transcribe can't do it, hence the class that stands in."""

    name = "translations"
    translated = request.translation


DIALECTS = (Transcriptions(), Translations())
