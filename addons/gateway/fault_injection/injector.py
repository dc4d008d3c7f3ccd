"""Where a request meets what was ordered for it: before it is understood (errors, delays), or by its job (the rest).

A gateway has one of these while `[faults] enabled` is set.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from addons.gateway.endpoints import model_request
from addons.gateway.endpoints.answer_job import AnswerJob
from addons.gateway.endpoints.services import EndpointServices
from addons.gateway.exchange.exchange import Exchange
from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.job import Ask
from addons.gateway.fault_injection.grammar import STATUS, OrderError
from addons.gateway.fault_injection.job import FaultyJob
from addons.gateway.fault_injection.order import Order
from addons.gateway.fault_injection.sources import AskedFor, Commanded, Sources
from addons.gateway.http.routes import SOCKET, Match
from addons.gateway.settings.settings import FaultSettings
from mapping import dialects
from mapping.dialect import Answering, Dialect
from mapping.faults import Fault
from mapping.notes import Notes

type Endpoint = Callable[[Facts, Match], Awaitable[None] | None]
type Begin = Callable[[], Awaitable[None] | None]


class FaultInjector:
    """See the module. Raises OrderError for rules that order no fault.

    `shared`: the folder of the workers of this machine, who count turns together; None: there is one.
    """

    def __init__(self, settings: FaultSettings, shared: Path | None = None) -> None:
        self.settings = settings
        told = hashlib.sha256(repr(settings).encode()).hexdigest()
        counts = shared / f"faults-{told[:12]}.json" if shared else None  # other settings begin anew
        self.sources = Sources(settings.rules, settings.seed, counts)

    def command(self, text: str, count: int) -> Commanded:
        """Order a fault for the next so many model calls; 0: for all. Raises OrderError."""
        self.sources.commanded = commanded = Commanded(text, count)
        return commanded

    def begin(
        self, exchange: Facts, match: Match, services: EndpointServices, endpoint: Endpoint
    ) -> Awaitable[None] | None:
        """See `exchange.services.Services.begin`; `endpoint` does that without a fault. Raises Fault."""
        begin = partial(endpoint, exchange, match)
        is_none = exchange.is_own or exchange.is_poll or match.endpoint.name == SOCKET  # its requests come later
        if is_none or (exchange.caller.fault is None and self.sources.are_idle):
            return begin()
        order = self._order(exchange, dialects.named(match.endpoint.name), services)
        if order is None or not order.turn:
            return begin()
        if dialects.named(match.endpoint.name) is None and not order.shown:
            order.nothing_done(exchange.notes)
            return begin()
        exchange.fault_order = order
        exchange.notes.add("fault", order.text)
        delay = order.one("delay")
        if delay is not None:
            return self._begin_later(exchange, delay.numbers["seconds"], order, begin)
        return self._begin_now(order, begin)

    def job(
        self, exchange: Facts, answering: Answering, notes: Notes, ask: Ask, *, strict: bool, keep: Any
    ) -> AnswerJob:
        """The job of a request that is understood."""
        order = exchange.fault_order
        if not isinstance(order, Order) or not isinstance(exchange, Exchange) or answering.deferred is not None:
            if isinstance(order, Order) and not order.shown:
                order.nothing_done(notes)
            return AnswerJob(answering, notes, ask, strict=strict, keep=keep)
        return FaultyJob(answering, notes, ask, order=order, exchange=exchange, strict=strict, keep=keep)

    # --- inside

    def _order(self, exchange: Facts, dialect: Dialect | None, services: EndpointServices) -> Order | None:
        text = exchange.caller.fault
        names: tuple[str, ...] = ()
        if dialect is not None:
            # The request has to be right: else it is answered as ever. And the log names its model.
            _, name, model = model_request.read(exchange, services, dialect)
            names = (name, model)
        if text is not None:
            try:
                return self.sources.by_header(exchange.tenant, text)
            except OrderError as e:
                raise Fault(400, f"X-Antigravity-Fault: {e}", code="invalid_value") from None
        return self.sources.for_model_call(AskedFor(exchange.path, names)) if names else None

    async def _begin_later(self, exchange: Facts, seconds: float, order: Order, begin: Begin) -> None:
        with exchange.waiting("delay on demand"):
            await asyncio.sleep(seconds)
        if (waiting := self._begin_now(order, begin)) is not None:
            await waiting

    def _begin_now(self, order: Order, begin: Begin) -> Awaitable[None] | None:
        if order.one(STATUS) is not None:
            raise order.end()
        return begin()
