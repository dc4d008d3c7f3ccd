"""What exchanges cost, where the settings want to know: see `pricing`, which is loaded when the first one is over.

What answers in the background take is counted here, too: they are over long after their exchange."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.job import Job
from addons.gateway.exchange.steps import Steps
from addons.gateway.exchange.summary import LaterAnswer, Summary
from addons.gateway.exchange.summing import further, tokens_of
from addons.gateway.money.budget import Budget
from addons.gateway.money.days import Costs
from addons.gateway.observers import Observers
from mapping.late import late
from mapping.values import GeminiCall

if TYPE_CHECKING:
    from addons.gateway.money import pricing
else:
    pricing = late("addons.gateway.money.pricing")


class CostCounts(Protocol):
    """Where what answers take is counted: `status.statistics.Statistics`."""

    def today(self) -> Costs:
        """What the day that runs has cost until now."""

    def count_later(self, answer: LaterAnswer) -> None:
        """An answer was made in the background: it is in no exchange of a client's."""


class Money:
    """See the module. `counts`: where costs are counted, as it stands."""

    def __init__(self, observers: Observers, steps: Steps, counts: Callable[[], CostCounts]) -> None:
        self.budget = Budget(lambda: counts().today())
        self._counts = counts
        self._steps = steps
        observers.put("telling what an exchange has cost", self._price)

    def show(self, exchange: Facts) -> None:
        """See `exchange.services.Pricing`."""
        prices = exchange.settings.prices
        if prices.header and prices.enabled:
            self._steps.run("showing what an answer has cost", pricing.show, exchange)

    def admit(self, exchange: Facts) -> None:
        """A request has come that is to be paid for, and is about to be understood. Raises Fault where the budget is
        used up."""
        limit = exchange.settings.limits.budget_per_day
        if limit is not None:
            self.budget.check(limit, exchange.method, exchange.endpoint, exchange.path)

    def spend_on(self, exchange: Facts, call: GeminiCall) -> None:
        """A call is about to go up that was admitted since a recording might have answered it. Raises Fault as `admit`
        does; `exchange` may be one of the gateway's own."""
        limit = exchange.settings.limits.budget_per_day
        if limit is not None:
            method, endpoint = ("POST", call.method) if call.plain is None else (exchange.method, exchange.endpoint)
            self.budget.check(limit, method, endpoint, exchange.path)

    def made_later(self, exchange: Facts, job: Job) -> None:
        """An answer was made in the background, or not to its end: count what it took. Raises nothing."""
        self._steps.run("telling what an answer in the background took", self._count_later, exchange, job)

    def _count_later(self, exchange: Facts, job: Job) -> None:
        now, told = time.time(), None
        if exchange.settings.prices.enabled:
            told = pricing.cost(exchange, job, now)
        attempts = further(exchange, exchange.started, time.monotonic())
        if not attempts and told is None:
            return
        answer = LaterAnswer(
            job.answering_model or "", attempts[-1].account if attempts else "", now, attempts, tokens_of(job)
        )
        if told is not None:
            answer.cost, answer.cost_note = told.usd, told.note
        self._counts().count_later(answer)
        if answer.cost:
            self.budget.spend(answer.cost, now)

    def _price(self, exchange: Facts, summary: Summary) -> None:
        job = exchange.job
        if exchange.settings.prices.enabled and not (job is not None and job.later):
            pricing.price(exchange, summary)
            if summary.cost:
                self.budget.spend(summary.cost, summary.time)
