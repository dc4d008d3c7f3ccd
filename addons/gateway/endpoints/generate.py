"""Answers that a model generates, in any of OpenAI's dialects: chat, responses, completions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, Self

from addons.gateway.endpoints.jobs import Ask, Call, MendableJob, StreamTranslator
from mapping.answer.usage import Totals, add_up, totals_in
from mapping.faults import Fault
from mapping.gemini.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.request import prewarm
from mapping.request.plan import Translated
from mapping.values import JSON, RawTurn

MAX_HOPS = 32
"""How often an answer may be continued ("long decode")."""

MAX_AT_ONCE = 8
"""How many of the calls that make up one answer are under way at a time, beside the first."""


class WholeTranslator(Protocol):
    """Whole upstream answers -> the client's. See `mapping.chat.ChatAnswer`."""

    @property
    def continuation(self) -> str | None: ...

    def add(self, data: bytes | JSON, *, needs_content: bool = False) -> None: ...

    def close(self) -> None: ...

    def finish(self) -> bytes: ...

    def remember(self) -> dict[str, RawTurn]: ...

    def totals(self) -> Totals: ...

    def finish_reasons(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """How answers of one request are made: fresh translators for whole and streamed ones."""

    whole: Callable[[Notes], WholeTranslator]
    stream: Callable[[], StreamTranslator]
    ended: Callable[[WholeTranslator | StreamTranslator, bytes | None], None] | None = None
    """Told when the answer is complete, with the bytes of the stream if it was one."""


class KeptStream:
    """A stream translator whose bytes are kept, for streams that can be asked for again."""

    def __init__(self, inner: StreamTranslator, sent: list[bytes]) -> None:
        self.inner = inner
        self.sent = sent

    @property
    def started(self) -> bool:
        return self.inner.started

    @property
    def fault(self) -> UpstreamError | None:
        return self.inner.fault

    @property
    def continuation(self) -> str | None:
        return self.inner.continuation

    def feed(self, data: bytes) -> bytes:
        return self._keep(self.inner.feed(data))

    def end(self, *, needs_content: bool = False) -> bytes:
        return self._keep(self.inner.end(needs_content=needs_content))

    def cut(self, error: Fault) -> bytes:
        return self._keep(self.inner.cut(error))

    def open(self) -> bytes:
        return self._keep(self.inner.open())

    def keep_alive(self) -> bytes:
        return self._keep(self.inner.keep_alive())

    def again(self) -> Self:
        self.inner = self.inner.again()
        return self

    def add_answer(self, data: bytes) -> None:
        self.inner.add_answer(data)

    def remember(self) -> dict[str, RawTurn]:
        return self.inner.remember()

    def totals(self) -> Totals:
        return self.inner.totals()

    def finish_reasons(self) -> list[str]:
        return self.inner.finish_reasons()

    def _keep(self, out: bytes) -> bytes:
        if out:
            self.sent.append(out)
        return out


def answer_unasked(dialect: Dialect, notes: Notes, *, streams: bool) -> bytes:
    """The answer to a request that wants nothing of Gemini (`Plan.prewarm`)."""
    if streams:
        stream = dialect.stream()
        out = stream.feed(prewarm.EMPTY_STREAM) + stream.end()
        translator: WholeTranslator | StreamTranslator = stream
    else:
        translator = whole = dialect.whole(notes)
        whole.add(prewarm.EMPTY)
        out = whole.finish()
    if dialect.ended:
        dialect.ended(translator, out if streams else None)
    return out


class GenerateJob(MendableJob):
    """One answer of a model, made of one upstream call or several beside one another."""

    def __init__(self, call: Translated, dialect: Dialect, notes: Notes, ask: Ask) -> None:
        self.call = call
        self.plan = call.plan
        self.model = call.model
        self.shown_model = call.model
        self.client_model = call.plan.client_model
        self.streams = call.plan.stream
        self._dialect = dialect
        self._notes = notes
        first = (
            Call(call.model, "streamGenerateContent", call.body, "?alt=sse", notes)
            if self.streams
            else Call(call.model, "generateContent", call.body, notes=notes)
        )
        super().__init__(first, strict=call.plan.options.strict)
        self._answer: WholeTranslator | None = None
        self._stream: KeptStream | StreamTranslator | None = None
        self._sent: list[bytes] = []
        self._spent: list[Totals] = []
        """The tokens of answers that were none and were asked for again: they are paid for too."""
        self._hops = 0
        self._ask = ask
        self._at_once = asyncio.Semaphore(MAX_AT_ONCE)
        copies = [replace(first, method="generateContent", query="")] * (call.copies - 1)
        copies += [Call(call.model, "generateContent", body, notes=notes) for body in call.further]
        self._copies = [asyncio.ensure_future(self._ask_in_turn(copy)) for copy in copies]

    async def _ask_in_turn(self, copy: Call) -> bytes:
        async with self._at_once:
            return await self._ask(copy, self.check)

    def can_ask(self, body: JSON) -> bool:
        """Other calls can make the choices that one call does not, unless there are other calls already."""
        return super().can_ask(body) or not self._copies

    def mended(self, before: JSON) -> None:
        config, was = self.body.get("generationConfig", {}), before.get("generationConfig", {})
        if "responseMimeType" in was and "responseMimeType" not in config:
            self.call.plan.json_by_sentence = True
        if "candidateCount" in was and "candidateCount" not in config:
            self.call.plan.one_choice_per_call()
            copy = replace(self.request(), method="generateContent", query="")
            further = [copy] * (was["candidateCount"] - 1)
            self._copies = [asyncio.ensure_future(self._ask_in_turn(one)) for one in further]

    @property
    def answering_model(self) -> str | None:
        return self.call.plan.served or self.shown_model

    def stream(self) -> StreamTranslator:
        stream = self._dialect.stream()
        self._stream = KeptStream(stream, self._sent) if self._dialect.ended else stream
        return self._stream

    def stream_again(self, translator: StreamTranslator) -> StreamTranslator:
        self._spent.append(translator.totals())
        fresh = translator.again()
        if not isinstance(self._stream, KeptStream):
            self._stream = fresh
        return fresh

    def take(self, content: bytes) -> bool:
        if self._answer is None or not self._answer.continuation:
            self._answer = self._dialect.whole(self._notes)
        try:
            self._answer.add(content, needs_content=self.needs_content)
        except UpstreamError:
            self._spent.append(totals_in(content))
            raise
        token = self._answer.continuation
        if token is not None and self.go_on(token):
            return False
        self._answer.close()
        return True

    def go_on(self, token: str) -> bool:
        if self._hops == MAX_HOPS or token == self.body.get("continuationToken"):
            return False
        self._hops += 1
        self.change(continuationToken=token)
        return True

    @property
    def has_others(self) -> bool:
        return bool(self._copies)

    async def others(self) -> list[bytes]:
        return list(await asyncio.gather(*self._copies))

    def finish(self, others: list[bytes]) -> bytes:
        assert self._answer is not None
        for content in others:
            self._answer.add(content)
            self._answer.close()
        return self._answer.finish()

    def remember(self) -> dict[str, RawTurn]:
        return self._answer.remember() if self._answer else {}

    def totals(self) -> Totals | None:
        translator = self._answer or self._stream
        return add_up([translator.totals(), *self._spent]) if translator else None

    def finish_reasons(self) -> list[str]:
        translator = self._answer or self._stream
        return translator.finish_reasons() if translator else []

    def ended(self) -> None:
        if self._dialect.ended is None:
            return
        if self._answer is not None:
            self._dialect.ended(self._answer, None)
        elif isinstance(self._stream, KeptStream):
            self._dialect.ended(self._stream.inner, b"".join(self._sent))

    def cancel(self) -> None:
        for task in self._copies:
            task.cancel()

    def check(self, content: bytes) -> None:
        """Read an upstream answer on trial, while it still can be asked for again. Raises UpstreamError."""
        try:
            self._dialect.whole(Notes()).add(content, needs_content=True)
        except UpstreamError:
            self._spent.append(totals_in(content))
            raise
