"""The Responses API behind the contract of `mapping.dialect`: making responses, compacting, counting tokens."""

from __future__ import annotations

from functools import partial
from typing import Any, override

from mapping import faults, jsonio
from mapping.answer.answering import GeneratedAnswering
from mapping.answer.count import CountAnswering
from mapping.dialect import Answering, Deferred, Given, Kept, Lookups
from mapping.faults import Fault
from mapping.notes import Notes
from mapping.openai.contract import OpenAIDialect, understood
from mapping.request.plan import Translated
from mapping.responses import comparison, objects, signs_of_life, stored
from mapping.responses.answer.answer import ResponsesAnswer
from mapping.responses.answer.stream import ResponsesStream
from mapping.responses.plan import ResponsesPlan
from mapping.responses.request.input_list import listed_items
from mapping.responses.request.request import translate
from mapping.translators import StreamTranslator, WholeTranslator
from mapping.values import JSON


def referred(body: JSON) -> Lookups:
    """What a request refers to. Raises Fault (400) for what can't be meant."""
    previous = body.get("previous_response_id")
    if previous is not None:
        if not isinstance(previous, str):
            raise faults.wrong_type("previous_response_id", "a string", previous)
        if body.get("conversation") is not None:
            raise faults.bad_value(
                "previous_response_id", "previous_response_id and conversation can't be used together."
            )
    compared = comparison.wanted(body)
    compare = partial(comparison.compare, body) if compared is not None else None
    return Lookups(previous, stored.referenced(body), compared, compare)


def understand(body: JSON, given: Given) -> Translated:
    """The translation of a Responses request; its plan is a `ResponsesPlan`. Raises Fault."""
    if given.history is None:
        raise Fault(
            400,
            f"Previous response with id '{body['previous_response_id'][:100]}' not found.",
            code="previous_response_not_found",
            param="previous_response_id",
        )
    more = partial(translate, history=given.history, unseal=given.unseal, resolve=given.items.get)
    return understood(more, body, given)


class ResponsesAnswering(GeneratedAnswering[ResponsesPlan]):
    """Answers with a Response object, or the events of one."""

    chat_shape = True
    """The object may have `choices` too, where the settings say so."""

    def __init__(self, body: JSON, translated: Translated, given: Given) -> None:
        plan = translated.plan
        assert isinstance(plan, ResponsesPlan)
        super().__init__(translated, plan, given)
        self.body = body
        if given.compared is not None:
            plan.compared = given.compared
            plan.echo[comparison.NAME] = comparison.options(body)
        # The id first, then the time: so they stand in saved exchanges.
        self.response_id = given.mint("resp_", 16)
        self.created = given.now()
        self._sources: dict[str, Any] = {
            "created": self.created,
            "mint": given.mint,
            "seal": given.seal,
            "response_id": self.response_id,
            "clock": given.now,
        }
        if self._in_background and not plan.store:
            raise faults.unsupported_value("background", "background needs store: the answer is asked for later.")

    @property
    @override
    def keeps(self) -> bool:
        return self.plan.store or self.given.keeps_here

    @property
    @override
    def deferred(self) -> Deferred | None:
        return _Background(self) if self._in_background else None

    @property
    def _in_background(self) -> bool:
        return self.body.get("background") is True and not self.plan.stream and not self.plan.prewarm

    @override
    def whole(self, notes: Notes) -> WholeTranslator:
        chat_shape = self.chat_shape and self.given.chat_shape
        return ResponsesAnswer(self.plan, notes=notes, chat_shape=chat_shape, **self._sources)

    @override
    def stream(self) -> StreamTranslator:
        return ResponsesStream(self.plan, notes=self.given.notes, **self._sources)

    def kept(self, translator: Any, events: bytes | None) -> Kept | None:
        """The response, the items of its request, and all that is needed to go on from it."""
        if not self.keeps:
            return None
        kept = self.record(translator.response())
        kept.stored = self.plan.store
        kept.output_items = translator.stored_output()
        kept.events = events
        return kept

    def record(self, response: JSON) -> Kept:
        """What is stored of a response that has no output yet."""
        mint = self.given.mint_hidden or self.given.mint
        items = listed_items(self.body, mint=mint, resolve=self.given.items.get)
        return Kept(self.response_id, response, items, [], previous=self.body.get("previous_response_id"))


class _Background:
    """See `mapping.dialect.Deferred`."""

    def __init__(self, answering: ResponsesAnswering) -> None:
        self._answering = answering
        of: dict[str, Any] = {"response_id": answering.response_id, "created": answering.created}
        self._unfinished = partial(objects.in_progress, answering.plan, **of)
        self._failed = partial(objects.failed, answering.plan, **of)

    def unfinished(self, status: Any) -> JSON:
        return self._unfinished(status=status)

    def failed(self, fault: Fault) -> JSON:
        return self._failed(error=fault)

    def kept(self) -> Kept:
        return self._answering.record(self.unfinished("queued"))


class CompactAnswering(ResponsesAnswering):
    """Answers with the output of a response, under another kind of object."""

    chat_shape = False

    @property
    @override
    def keeps(self) -> bool:
        return False

    @override
    def whole(self, notes: Notes) -> WholeTranslator:
        return Compaction(super().whole(notes))

    @override
    def kept(self, translator: Any, events: bytes | None) -> Kept | None:
        return None


class Compaction:
    """A whole answer that is shown as a compaction."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def finish(self) -> bytes:
        """The `response.compaction` object."""
        self._inner.finish()
        response = self._inner.response()
        return jsonio.dumps(
            {
                "id": response["id"],
                "object": "response.compaction",
                "created_at": response["created_at"],
                "output": response["output"],
                "usage": response["usage"],
            }
        )


class _ResponsesDialect(OpenAIDialect):
    """What the paths of the Responses API have in common."""

    @override
    def lookups(self, body: JSON) -> Lookups | None:
        return referred(body)

    def likeness(self, body: JSON) -> int:
        """None: they are known by their path alone."""
        return 0

    @override
    def without_keep_alives(self, stream: bytes) -> bytes:
        return signs_of_life.removed(stream)


class Responses(_ResponsesDialect):
    """`POST /v1/responses`."""

    name = "responses"

    def likeness(self, body: JSON) -> int:
        """It has an input, or goes on from an earlier response."""
        told = body.get("input") is not None or body.get("previous_response_id") is not None
        return 2 if told and body.get("messages") is None else 0

    @override
    def translate(self, body: JSON, given: Given) -> Answering:
        return ResponsesAnswering(body, understand(body, given), given)


class Compact(_ResponsesDialect):
    """`POST /v1/responses/compact`: a summary that stands for the conversation from then on."""

    name = "compact"

    @override
    def translate(self, body: JSON, given: Given) -> Answering:
        translated = understand(stored.with_trigger(body), given)
        translated.plan.stream = False
        translated.method = "generateContent"
        return CompactAnswering(body, translated, given)


class InputTokens(_ResponsesDialect):
    """`POST /v1/responses/input_tokens`, by Gemini's countTokens."""

    name = "input_tokens"

    @override
    def translate(self, body: JSON, given: Given) -> Answering:
        translated = understand(body, given)
        return CountAnswering(translated, given, _counted)


def _counted(tokens: int) -> bytes:
    return jsonio.dumps({"object": "response.input_tokens", "input_tokens": tokens})


DIALECTS = (Responses(), Compact(), InputTokens())
