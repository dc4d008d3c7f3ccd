"""Speech behind the contract of `mapping.dialect`."""

from __future__ import annotations

import re
from typing import override

from mapping.answer.answering import GeneratedAnswering
from mapping.dialect import Answering, Given, Lookups
from mapping.faults import Fault
from mapping.gemini import sse
from mapping.notes import Notes
from mapping.openai.contract import OpenAIDialect
from mapping.speech.answer import SpeechAnswer, SpeechStream
from mapping.speech.encoders import FORMATS
from mapping.speech.request import translate
from mapping.speech.settings import SpeechPlan
from mapping.values import JSON

_VOICE = re.compile(r"\bvoice name\b", re.IGNORECASE)
"""Of what Google says of a voice that it does not have."""
_EVENTS = (b"data:", b":")
"""How a stream of events begins."""


class SpeechAnswering(GeneratedAnswering[SpeechPlan]):
    """Makes sound."""

    @property
    @override
    def content_type(self) -> bytes | None:
        return None if self.plan.events else FORMATS[self.plan.form].content_type

    @override
    def blamed(self, fault: Fault) -> Fault:
        """Google names no place where it does not know the voice."""
        blamed = super().blamed(fault)
        if blamed.param is None and blamed.status == 400 and _VOICE.search(blamed.message):
            blamed.param = "voice"
        return blamed

    @override
    def whole(self, notes: Notes) -> SpeechAnswer:
        return SpeechAnswer(self.plan, self.given.mint, notes)

    @override
    def stream(self) -> SpeechStream:
        return SpeechStream(self.plan, self.given.mint, self.given.notes)


class Speaking(OpenAIDialect):
    """`POST /v1/audio/speech`."""

    name = "speech"
    breaks_off = True

    def likeness(self, body: JSON) -> int:
        """A text and a voice."""
        return 5 if "voice" in body and "input" in body else 0

    def lookups(self, body: JSON) -> Lookups | None:
        """Nothing: the text says all."""
        return None

    @override
    def translate(self, body: JSON, given: Given) -> Answering:
        translated = translate(
            body, model=given.model, client_model=given.client_model, options=given.options, notes=given.notes
        )
        assert isinstance(translated.plan, SpeechPlan)
        return SpeechAnswering(translated, translated.plan, given)

    @override
    def without_keep_alives(self, stream: bytes) -> bytes:
        """Bare sound has none."""
        return stream.replace(sse.KEEP_ALIVE, b"") if stream.startswith(_EVENTS) else stream


DIALECTS = (Speaking(),)
