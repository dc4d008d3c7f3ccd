"""What exchanges cost, where the settings want to know: see `pricing`, which is loaded when the first one is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.steps import Steps
from addons.gateway.exchange.summary import Summary
from addons.gateway.money.budget import Budget
from addons.gateway.money.days import Costs
from addons.gateway.observers import Observers
from mapping.late import late

if TYPE_CHECKING:
    from addons.gateway.money import pricing
else:
    pricing = late("addons.gateway.money.pricing")


class Money:
    """See the module. `today`: what was counted today."""

    def __init__(self, observers: Observers, steps: Steps, today: Callable[[], Costs]) -> None:
        self.budget = Budget(today)
        self._steps = steps
        observers.put("telling what an exchange has cost", self._price)

    def show(self, exchange: Facts) -> None:
        """See `exchange.services.Pricing`."""
        prices = exchange.settings.prices
        if prices.header and prices.enabled:
            self._steps.run("showing what an answer has cost", pricing.show, exchange)

    def admit(self, exchange: Facts) -> None:
        """A request has come, and is about to be understood. Raises Fault where the budget is used up."""
        limit = exchange.settings.limits.budget_per_day
        if limit is not None:
            self.budget.check(limit, exchange.method, exchange.endpoint)

    def _price(self, exchange: Facts, summary: Summary) -> None:
        if exchange.settings.prices.enabled:
            pricing.price(exchange, summary)
            if summary.cost:
                self.budget.spend(summary.cost, summary.time)
