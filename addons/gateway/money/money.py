"""What exchanges cost, where the settings want to know: see `pricing`, which is loaded when the first one is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.steps import Steps
from addons.gateway.exchange.summary import Summary
from addons.gateway.observers import Observers
from mapping.late import late

if TYPE_CHECKING:
    from addons.gateway.money import pricing
else:
    pricing = late("addons.gateway.money.pricing")


class Money:
    """See the module."""

    def __init__(self, observers: Observers, steps: Steps) -> None:
        self._steps = steps
        observers.put("telling what an exchange has cost", _price)

    def show(self, exchange: Facts) -> None:
        """See `exchange.services.Pricing`."""
        prices = exchange.settings.prices
        if prices.header and prices.enabled:
            self._steps.run("showing what an answer has cost", pricing.show, exchange)


def _price(exchange: Facts, summary: Summary) -> None:
    if exchange.settings.prices.enabled:
        pricing.price(exchange, summary)
