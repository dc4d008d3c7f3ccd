"""The job of every dialect: one answer, made of one upstream call or several beside one another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self, override

from addons.gateway.accounts.credentials.daemon_thread import in_thread
from addons.gateway.endpoints.jobs import MendableJob, candidates
from addons.gateway.exchange.job import Ask
from mapping.answer.usage import totals_in
from mapping.dialect import Answering, Kept
from mapping.faults import Fault
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.totals import Totals, add_up
from mapping.translators import StreamTranslator, WholeTranslator
from mapping.values import JSON, GeminiCall, RawTurn

MAX_HOPS = 32
"""How often an answer may be continued ("long decode")."""

MAX_AT_ONCE = 8
"""How many of the parallel calls that make up one answer are under way at a time, beside the first."""


class KeptStream(StreamTranslator):
    """A stream translator whose bytes are kept, for streams that can be asked for again.

    `inner` does the work; what it gives is added to `sent`.
    """

    def __init__(self, inner: StreamTranslator, sent: list[bytes]) -> None:
        self.inner = inner
        self.sent = sent

    @property
    @override
    def started(self) -> bool:
        return self.inner.started

    @property
    @override
    def fault(self) -> UpstreamError | None:
        return self.inner.fault

    @property
    @override
    def enough(self) -> bool:
        return self.inner.enough

    @property
    @override
    def continuation(self) -> str | None:
        return self.inner.continuation

    @override
    def feed(self, data: bytes) -> bytes:
        return self._keep(self.inner.feed(data))

    @override
    def end(self, *, needs_content: bool = False) -> bytes:
        return self._keep(self.inner.end(needs_content=needs_content))

    @override
    def cut(self, fault: Fault) -> bytes:
        return self._keep(self.inner.cut(fault))

    @override
    def open(self) -> bytes:
        return self._keep(self.inner.open())

    @override
    def keep_alive(self) -> bytes:
        return self._keep(self.inner.keep_alive())

    @override
    def again(self) -> Self:
        self.inner = self.inner.again()
        return self

    @override
    def add_answer(self, data: bytes) -> None:
        self.inner.add_answer(data)

    @override
    def remember(self) -> Any:
        return self.inner.remember()

    @override
    def totals(self) -> Totals:
        return self.inner.totals()

    @override
    def finish_reasons(self) -> Any:
        return self.inner.finish_reasons()

    def _keep(self, out: bytes) -> bytes:
        if out:
            self.sent.append(out)
        return out


class AnswerJob(MendableJob):
    """Makes the answer that an `Answering` describes. Nothing is asked before `begin`."""

    def __init__(
        self,
        answering: Answering,
        notes: Notes,
        ask: Ask,
        *,
        strict: bool,
        keep: Callable[[Kept], None] | None = None,
    ) -> None:
        """`ask` makes the parallel calls; `keep` stores what can be asked for again."""
        first, *self._parallel = answering.calls
        super().__init__(first, strict=strict)
        self.model = first.model
        self.shown_model = first.model
        self.client_model = answering.client_model
        self.streams = answering.streams
        self.content_type = answering.content_type
        self._answering = answering
        self._ahead: Callable[[Any, list[bytes]], Callable[[], None] | None] | None
        self._ahead = getattr(answering, "ahead", None)  # see `mapping.dialect.WorksAhead`
        self._estimate: Callable[[Fault], bytes | None] | None
        self._estimate = getattr(answering, "estimate", None)  # see `mapping.answer.count.Estimates`
        self.let_go: Callable[[], None] | None = None
        """Lets the next one have what this one has held since before it began."""
        self._notes = notes
        self._keep = keep if answering.keeps else None
        # Only where it may be needed: it leads back to the exchange, and what is in such a circle stays until the
        # garbage collector comes.
        self._ask = ask if self._parallel or candidates(self.body) > 1 else None
        self._at_once: asyncio.Semaphore | None = None
        self._under_way: list[asyncio.Future[bytes]] = []
        self._answer: WholeTranslator | None = None
        self._stream: KeptStream | StreamTranslator | None = None
        self._sent: list[bytes] = []
        self._spent: list[Totals] = []
        """The tokens of answers that were none and were asked for again: they are paid for too."""
        self._hops = 0
        self._further: Callable[[str], JSON | None] | None
        self._further = getattr(answering, "further", None)  # see `mapping.dialect.GoesOn`
        self._stays = True

    @override
    def begin(self) -> None:
        if not self._parallel:
            return
        waiting, self._parallel = self._parallel, []
        at_once = self._at_once = self._at_once or asyncio.Semaphore(MAX_AT_ONCE)
        # Not by create_task: mitmproxy has tasks begin at once, and these would be asked before the first call.
        loop = asyncio.get_running_loop() if waiting else None
        self._under_way += [asyncio.Task(self._ask_in_turn(call, at_once), loop=loop) for call in waiting]

    async def _ask_in_turn(self, call: GeminiCall, at_once: asyncio.Semaphore) -> bytes:
        assert self._ask is not None
        async with at_once:
            return await self._ask(call, self.check)

    @override
    def can_ask(self, body: JSON) -> bool:
        """Other calls can make the choices that one call does not, unless there are other calls already."""
        return super().can_ask(body) or not (self._under_way or self._parallel)

    @override
    def blamed(self, problem: Fault) -> Fault:
        return self._answering.blamed(problem)

    @override
    def instead_of_error(self, problem: Fault) -> bytes | None:
        return self._estimate(problem) if self._estimate else None

    @override
    def mended(self, before: JSON) -> None:
        further = self._answering.mended(before, self.body)
        if further:
            copy = replace(self.request(), method="generateContent", query="")
            self._parallel = [replace(copy, body=body, made={}) for body in further]

    @property
    @override
    def answering_model(self) -> str | None:
        return self._answering.served or self.shown_model

    @override
    def stream(self) -> StreamTranslator:
        stream = self._answering.stream()
        self._stream = KeptStream(stream, self._sent) if self._keep else stream
        return self._stream

    @override
    def stream_again(self, translator: StreamTranslator) -> StreamTranslator:
        self._spent.append(translator.totals())
        fresh = translator.again()
        if not isinstance(self._stream, KeptStream):
            self._stream = fresh
        return fresh

    @override
    def take(self, content: bytes) -> bool:
        if self._answer is None or not self._answer.continuation:
            self._answer = self._answering.whole(self._notes)
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

    @override
    def go_on(self, token: str) -> bool:
        if self._hops == MAX_HOPS or token == self.body.get("continuationToken"):
            return False
        self._hops += 1
        body = self._further(token) if self._further else None
        self._stays = body is None
        if body is None:
            self.change(continuationToken=token)
        else:
            self.ask_next(body)
        return True

    @property
    @override
    def stays(self) -> bool:
        return self._stays

    @property
    @override
    def has_others(self) -> bool:
        return bool(self._under_way or self._parallel or self._ahead)

    @property
    @override
    def others_run(self) -> bool:
        return bool(self._parallel) or not all(task.done() for task in self._under_way)

    @override
    async def others(self) -> list[bytes]:
        others = list(await asyncio.gather(*self._under_way))
        if self._ahead and (work := self._ahead(self._answer or self._stream, others)):
            await in_thread(work, "answer")
        return others

    @override
    def finish(self, others: list[bytes]) -> bytes:
        assert self._answer is not None
        for content in others:
            self._answer.add(content)
            self._answer.close()
        return self._answer.finish()

    @override
    def remember(self) -> dict[str, RawTurn]:
        return dict(self._answer.remember()) if self._answer else {}

    @override
    def totals(self) -> Totals | None:
        translator = self._answer or self._stream
        if translator is None:
            return None
        totals = translator.totals()
        return add_up([totals, *self._spent]) if self._spent else totals

    @override
    def finish_reasons(self) -> list[str]:
        translator = self._answer or self._stream
        return list(translator.finish_reasons()) if translator else []

    @override
    def ended(self) -> None:
        if self._keep is None:
            return
        if self._answer is not None:
            kept = self._answering.kept(self._answer, None)
        elif isinstance(self._stream, KeptStream):
            kept = self._answering.kept(self._stream.inner, b"".join(self._sent))
        else:
            return
        if kept is not None:
            self._keep(kept)

    @override
    def cancel(self) -> None:
        for task in self._under_way:
            task.cancel()
        if self.let_go is not None:
            self.let_go()
        # They hold whole answers, and the way back to the exchange.
        self._under_way, self._ask = [], None

    def check(self, content: bytes) -> None:
        """Read an upstream answer on trial, while it still can be asked for again. Raises UpstreamError."""
        try:
            self._answering.whole(Notes()).add(content, needs_content=True)
        except UpstreamError:
            self._spent.append(totals_in(content))
            raise
