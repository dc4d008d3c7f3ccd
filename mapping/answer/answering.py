"""An understood request of a dialect whose answers a model generates: see `mapping.dialect.Answering`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from mapping.answer.blame import blame
from mapping.dialect import Answering, Deferred, Given, Kept
from mapping.faults import Fault
from mapping.notes import Notes
from mapping.request import prewarm
from mapping.request.plan import Plan, Translated
from mapping.translators import StreamTranslator, WholeTranslator
from mapping.values import JSON, GeminiCall

_NO_FACTS = ("model", "options", "served", "paths")
"""Members of a plan that no member of a request decides."""


class GeneratedAnswering[P: Plan](Answering, ABC):
    """What chat, completions and responses have in common; each says how whole and streamed answers are made."""

    def __init__(self, translated: Translated, plan: P, given: Given) -> None:
        """`plan` is that of `translated`, with its own type."""
        self.translated = translated
        self.plan = plan
        self.given = given
        self._calls: list[GeminiCall] | None = None

    @property
    def calls(self) -> list[GeminiCall]:
        """Made when they are asked for first."""
        if self._calls is None:
            self._calls = self.translated.calls(self.given.notes)
        return self._calls

    @property
    def client_model(self) -> str:
        """As the client named it."""
        return self.plan.client_model

    @property
    def served(self) -> str | None:
        """As the reader of the answer has found out."""
        return self.plan.served

    @property
    def streams(self) -> bool:
        """The client asked for a stream."""
        return self.plan.stream

    @property
    def keeps(self) -> bool:
        """Nothing is stored."""
        return False

    @property
    def deferred(self) -> Deferred | None:
        """The client waits."""
        return None

    def facts(self) -> JSON:
        """The members of the plan, as JSON."""
        return {f.name: _plain(getattr(self.plan, f.name)) for f in fields(self.plan) if f.name not in _NO_FACTS}

    def unasked(self) -> tuple[Any, bytes] | None:
        """An empty answer for a client that wants nothing but a warm cache."""
        if not self.plan.prewarm:
            return None
        if self.streams:
            stream = self.stream()
            return stream, stream.feed(prewarm.EMPTY_STREAM) + stream.end()
        whole = self.whole(self.given.notes)
        whole.add(prewarm.EMPTY)
        return whole, whole.finish()

    def mended(self, before: JSON, now: JSON) -> Sequence[JSON]:
        """JSON that may come in fences now; choices that one call does not make any more."""
        config, was = now.get("generationConfig", {}), before.get("generationConfig", {})
        if "responseMimeType" in was and "responseMimeType" not in config:
            self.plan.json_by_sentence = True
        if "candidateCount" in was and "candidateCount" not in config:
            self.plan.one_choice_per_call()
            return [now] * (was["candidateCount"] - 1)
        return ()

    def blamed(self, fault: Fault) -> Fault:
        """By what is known of the request."""
        return blame(fault, self.plan)

    @abstractmethod
    def whole(self, notes: Notes) -> WholeTranslator:
        """A translator of whole answers."""

    @abstractmethod
    def stream(self) -> StreamTranslator:
        """A translator of a streamed answer."""

    def kept(self, translator: Any, events: bytes | None) -> Kept | None:
        """Nothing: what is not stored can't be asked for again."""
        return None


def _plain(value: Any) -> Any:
    """A member of a plan as JSON."""
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, dict) and any(not _is_json(member) for member in value.values()):
        return {name: repr(member) for name, member in value.items()}
    return value


def _is_json(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | list | dict)
