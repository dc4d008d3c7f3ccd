"""The legacy Completions API behind the contract of `mapping.dialect`."""

from __future__ import annotations

from typing import override

from mapping.completions.answer import CompletionsAnswer
from mapping.completions.plan import CompletionsPlan
from mapping.completions.request import translate
from mapping.completions.stream import CompletionsStream
from mapping.dialect import Answering, Given, Lookups
from mapping.openai.contract import ChoicesAnswering, ChoicesDialect, understood
from mapping.values import JSON


class Completions(ChoicesDialect):
    """`POST /v1/completions`."""

    name = "completions"

    def likeness(self, body: JSON) -> int:
        """It has a prompt."""
        return 2 if body.get("prompt") is not None and "messages" not in body and "input" not in body else 0

    def lookups(self, body: JSON) -> Lookups | None:
        """Nothing: a prompt says all."""
        return None

    @override
    def translate(self, body: JSON, given: Given) -> Answering:
        translated = understood(translate, body, given)
        assert isinstance(translated.plan, CompletionsPlan)
        return ChoicesAnswering(translated, translated.plan, given, CompletionsAnswer, CompletionsStream)


DIALECTS = (Completions(),)
