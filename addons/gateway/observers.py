"""Who is told of each exchange of a client that has ended, before it is recorded, counted and logged.

An observer may fill in members of the summary that it knows better than the exchange does. The client has its answer by
then, or is sent it at the same moment: an observer does not wait for anything, and what takes long it does elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable

from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.steps import FAILURES, Steps
from addons.gateway.exchange.summary import Summary

type Observer = Callable[[Facts, Summary], None]


class Observers:
    """Those of one gateway, by what each does."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._told: dict[str, Observer] = {}

    def put(self, name: str, observer: Observer | None) -> None:
        """Tell this one from now on, in place of an earlier one of the same name; None: nobody by that name.

        `name`: what can't be done if it fails, for the log (`telling what an exchange cost`).
        """
        self._told.pop(name, None)
        if observer is not None:
            self._told[name] = observer

    def tell(self, exchange: Facts, summary: Summary) -> None:
        """An exchange is over. Raises nothing."""
        for name, observer in self._told.items():
            try:  # as `Steps.run` does, without a call of its own for each
                observer(exchange, summary)
            except FAILURES as e:
                self._steps.failed(name, e)
