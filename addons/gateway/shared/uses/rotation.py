"""Turns of the rotation, counted by all workers: an account that one has asked is not the next of another.

Each worker tells the others whose turn it was, and all count it. Turns are told once, and may be lost; a worker that is
new, or may have missed some, takes over how the accounts stand from another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from addons.gateway.accounts.account import Account, PoolNews
from addons.gateway.accounts.pool import take_turn
from addons.gateway.shared.hub import Hub

MOST_ASKED = 5
"""How often the others are asked until an answer comes without a turn in between."""


class SharedRotation:
    """See the module. `accounts`: those of the settings, as they stand."""

    def __init__(self, hub: Hub, news: PoolNews, accounts: Callable[[], Iterable[Account]]) -> None:
        self._hub = hub
        self._accounts = accounts
        self._asking = 0
        """How often the others are asked yet; 0: no answer is waited for."""
        self._number = 0
        """Of the question."""
        self._quiet = True
        """Nobody had a turn since they were asked."""
        news.turn = self._tell
        hub.on("turn", self._heard)
        hub.on("standing?", self._asked)
        hub.on("standing", self._told)
        hub.on_missed(self.ask)

    def ask(self) -> None:
        """Ask the others how the accounts stand."""
        self._ask(MOST_ASKED)

    def _ask(self, times: int) -> None:
        self._asking, self._quiet = times, True
        self._number += 1
        self._hub.say("standing?", [self._hub.me, self._number])

    def _tell(self, served: Account, ready: Sequence[Account]) -> None:
        """Whose turn it was, among those that were ready; None: all."""
        self._quiet = False
        all_were = len(ready) == sum(1 for _ in self._accounts())
        self._hub.say("turn", [served.label, None if all_were else [account.label for account in ready]])

    def _heard(self, body: Any) -> None:
        self._quiet = False
        label, ready = body
        accounts = {account.label: account for account in self._accounts()}
        served = accounts.get(label)
        if served is not None:
            names = accounts if ready is None else ready
            take_turn(served, [accounts[name] for name in names if name in accounts])

    def _asked(self, question: Any) -> None:
        self._hub.say("standing", [question, {account.label: account.credit for account in self._accounts()}])

    def _told(self, body: Any) -> None:
        question, credits = body
        if question != [self._hub.me, self._number] or not self._asking:
            return
        if not self._quiet and self._asking > 1:  # which turns are in that answer can't be told
            self._ask(self._asking - 1)
            return
        self._asking = 0
        for account in self._accounts():
            account.credit = credits.get(account.label, account.credit)
