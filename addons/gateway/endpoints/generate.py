"""Model calls, whatever dialect the client speaks: understand the request, and have it answered.

Everything that differs between dialects is behind `mapping.dialect`; the route says which one it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

from addons.gateway.accounts.cooldowns import Cooldowns
from addons.gateway.endpoints import model_request
from addons.gateway.endpoints.answer_job import AnswerJob
from addons.gateway.endpoints.asking import Asking
from addons.gateway.endpoints.background import Background
from addons.gateway.endpoints.services import EndpointServices
from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.seeds import mint
from addons.gateway.exchange.waiting import LARGE, Slots, others
from addons.gateway.http import answers
from addons.gateway.http.routes import Match
from addons.gateway.storage.connection_store import ConnectionStore
from addons.gateway.storage.store import KeptResponses
from addons.gateway.wire.bodies import is_compressed, received
from mapping import dialects
from mapping.answer.count import Estimates
from mapping.dialect import Answering, Dialect, Given, Kept, Lookups, Received
from mapping.faults import Fault
from mapping.gemini.errors import upstream_errors
from mapping.request.parts import long_texts
from mapping.request.parts.long_texts import LongText
from mapping.values import JSON, Options, RawTurn, Recall

LARGE_COMPRESSED = LARGE // 16
"""Bytes of a compressed body that may well be a large one."""

AT_ONCE = 4
"""Counts of tokens that are under way at a time, for each account that is ready."""


class Generate:
    """The endpoint of every dialect."""

    def __init__(self, services: EndpointServices, asking: Asking, background: Background) -> None:
        self._services = services
        self._asking = asking
        self._background = background
        self._large = asyncio.Lock()
        """Held by the one large body that is being understood."""
        self._slots = Slots()
        self._rests = Cooldowns()
        """Of counting: Google counts it apart, and who can't count can still answer."""

    def begin(self, exchange: Facts, match: Match) -> Awaitable[None] | None:
        """Leave a job or an answer in the exchange. What is returned, if anything, has to be awaited. Raises Fault."""
        dialect = dialects.named(match.endpoint.name)
        assert dialect is not None, match.endpoint.name
        if exchange.trace and dialect.id_field:
            exchange.trace.given["request_id"] = exchange.id
        request = exchange.flow.request
        size = len(request.raw_content or b"")
        if size >= LARGE or (size >= LARGE_COMPRESSED and is_compressed(request)):
            return self._begin_large(exchange, dialect)
        return self._understand(exchange, dialect, *model_request.read(exchange, self._services, dialect))

    async def _begin_large(self, exchange: Facts, dialect: Dialect) -> None:
        """The same for a large body: between the steps everybody else has a turn, the streams that are under way."""
        await self._large.acquire()
        try:
            await others()
            request = exchange.flow.request
            # zlib and its like let others go on while they work: 10 MB take them up to 100 ms
            whole = await asyncio.to_thread(received, request) if is_compressed(request) else received(request)
            came, long = await _in_steps(whole)
            read = model_request.read(exchange, self._services, dialect, came)
            await others()
            with long_texts.known(long):
                waiting = self._understand(exchange, dialect, *read)
                if waiting is not None:
                    await waiting
            await others()
        finally:
            # Not now: what follows at once, the writing of the call, is a step as long as these, and no other large
            # body is to have one in the same turn of the loop.
            asyncio.get_running_loop().call_soon(self._large.release)

    def _understand(
        self, exchange: Facts, dialect: Dialect, body: JSON, name: str, model: str
    ) -> Awaitable[None] | None:
        """See `begin`."""
        lookups = dialect.lookups(body)
        if lookups is None:
            return self._translate(exchange, dialect, body, self._given(exchange, name, model))
        return self._begin_later(exchange, dialect, body, name, model, lookups)

    async def _begin_later(
        self, exchange: Facts, dialect: Dialect, body: JSON, name: str, model: str, lookups: Lookups
    ) -> None:
        """The same, where the request refers to what is stored."""
        store, here = self._services.store, exchange.kept_here or ConnectionStore()
        history: list[JSON] | None = []
        if lookups.previous is not None:
            history = await here.history(store, exchange.tenant, lookups.previous)
        items = await here.items(store, exchange.tenant, lookups.items) if lookups.items else {}
        chat_shape = self._services.settings.responses.choices
        if exchange.trace and history is not None:
            exchange.trace.given |= {"history": history, "items": items, "chat_shape": chat_shape}
        compared = await self._compared(exchange.tenant, lookups, history or [], items)
        if exchange.trace and compared is not None:
            exchange.trace.given["compared"] = compared
        given = self._given(
            exchange, name, model, history=history, items=items, chat_shape=chat_shape, compared=compared
        )
        waiting = self._translate(exchange, dialect, body, given)
        if waiting is not None:
            await waiting

    async def _compared(
        self, tenant: str, lookups: Lookups, history: Sequence[JSON], items: Mapping[str, JSON]
    ) -> JSON | None:
        """What there is to say of the answer that a client wants its own to be compared with; None: it wants none."""
        if lookups.compared is None or lookups.compare is None:
            return None
        store, id = self._services.store, lookups.compared
        try:
            found = await store.get(tenant, id)
            inputs = await store.input_items(tenant, id) if found is not None else None
        except Fault:  # the answer does not depend on it
            return {"unavailable": True}
        return lookups.compare(history, items, found[0] if found and inputs is not None else None, inputs or [])

    def _translate(self, exchange: Facts, dialect: Dialect, body: JSON, given: Given) -> Awaitable[None] | None:
        """Translate; once more where turns are remembered elsewhere that are not remembered here."""
        memory = self._services.memory
        if memory.is_all or exchange.seeds.are_known:
            return self._answer(exchange, dialect, dialect.translate(body, given))
        missed: list[str] = []

        def recall(key: str) -> RawTurn | None:
            turn = given.recall(key)
            if turn is None:
                missed.append(key)
            return turn

        noted, needed = len(exchange.notes), exchange.seeds.mark()
        answering = dialect.translate(body, replace(given, recall=recall))
        unknown = memory.unknown(exchange.tenant, missed)
        if not unknown:
            return self._answer(exchange, dialect, answering)

        async def look() -> None:
            made = answering
            if await memory.fetch(exchange.tenant, unknown):
                exchange.notes.cut(noted)
                exchange.seeds.back_to(needed)
                made = dialect.translate(body, given)
            if (waiting := self._answer(exchange, dialect, made)) is not None:
                await waiting

        return look()

    def _given(self, exchange: Facts, name: str, model: str, **found: object) -> Given:
        services, seeds, trace = self._services, exchange.seeds, exchange.trace
        seal, unseal = services.sealer.seal, services.sealer.unseal
        return Given(
            model=model,
            client_model=name,
            mint=seeds.mint,
            now=seeds.now,
            seal=lambda payload: seeds.seal(partial(seal, payload)),
            options=self._options(exchange, model),
            notes=exchange.notes,
            recall=self._recall(exchange),
            unseal=trace.opening(unseal) if trace else unseal,
            mint_hidden=mint,
            keeps_here=exchange.kept_here is not None,
            request_id=exchange.id,
            **found,  # type: ignore[arg-type]
        )

    def _recall(self, exchange: Facts) -> Recall:
        """What is remembered now."""
        recall, trace = self._services.memory.recall(exchange.tenant), exchange.trace
        return trace.watching(recall) if trace else recall

    def _options(self, exchange: Facts, model: str) -> Options:
        """Of the translation of a request that asks this model; they are part of the record."""
        options, other = self._services.options, self._services.served.instead_of(model)
        if other:
            options = replace(options, served={model: other})
        if exchange.trace:
            given = exchange.trace.given
            given["model"], given["options"] = model, options.plain() if other else self._services.plain_options
        return options

    def _answer(self, exchange: Facts, dialect: Dialect, answering: Answering) -> Awaitable[None] | None:
        keep = partial(self._keep, exchange, self._services.store)  # the store of now, whatever the settings name later
        unasked = answering.unasked()
        if unasked is not None:
            translator, answer = unasked
            if answering.keeps and (kept := answering.kept(translator, answer if answering.streams else None)):
                keep(kept)
            if exchange.job is not None:
                exchange.job.id_field = dialect.id_field
            exchange.succeed(answer, [answers.type_of(answering.content_type, streams=answering.streams)])
            return None
        ask, strict = self._asking.of(exchange, answering.blamed), self._services.options.strict
        injector = self._services.fault_injector
        made = AnswerJob if injector is None else partial(injector.job, exchange)
        exchange.job = job = made(answering, exchange.notes, ask, strict=strict, keep=keep)
        job.breaks_off, job.id_field = dialect.breaks_off, dialect.id_field
        if answering.deferred is not None:
            self._background.start(exchange, job, answering.deferred)
        return self._count(exchange, cast(Estimates, answering), job) if hasattr(answering, "estimate") else None

    async def _count(self, exchange: Facts, answering: Estimates, job: AnswerJob) -> None:
        """A count, in its turn: by accounts that go on with their answers whatever becomes of it."""
        services = self._services
        pool = exchange.pool = (exchange.pool or services.pool).beside(job.model, self._rests)
        try:
            with exchange.waiting("waiting for other counts"):
                async with asyncio.timeout(services.settings.retry.max_wait):
                    job.let_go = await self._slots.take(answering.key, lambda: AT_ONCE * max(1, pool.ready(job.model)))
        except TimeoutError:
            if (estimate := answering.estimate(late := upstream_errors.timed_out().error)) is None:
                raise late from None
            exchange.succeed(estimate)
            return
        answering.recall = self._recall(exchange)  # who was before may have asked the same
        unasked = answering.unasked()
        if unasked is not None:
            exchange.succeed(unasked[1])

    def _keep(self, exchange: Facts, store: KeptResponses, kept: Kept) -> None:
        if exchange.kept_here is not None:
            exchange.kept_here.put(kept)
        if kept.stored:
            store.put(exchange.tenant, kept)
        self._services.grouping.made(exchange, kept.id)
        if exchange.conversation:
            self._services.affinity.made(exchange.tenant, kept.id, exchange.conversation)


def _known(value: JSON, text: bytes) -> JSON:
    """The value of a text that was parsed before."""
    return value


async def _in_steps(came: Received) -> tuple[Received, list[LongText]]:
    """The request with its body parsed, as far as that goes in steps, and the long texts in it."""
    steps = long_texts.read(came.body)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            read: long_texts.Read | None = end.value
            return (came, []) if read is None else (replace(came, loads=partial(_known, read[0])), read[1])
        await others()
