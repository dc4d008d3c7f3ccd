"""Quicker dispatch of mitmproxy's hooks: the addons that have something for a hook are found once, not each time.

mitmproxy asks each of its three dozen addons at each hook, and again for `update`; that is more than half the work of
a request. The table here holds for each hook those that have it, in mitmproxy's order, and is made anew whenever an
addon comes or goes. What is called, in what order, and what becomes of errors, stays as it is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from mitmproxy import addonmanager, exceptions, hooks

from addons.gateway.wire import compat


class HookTable:
    """In the place of an `AddonManager`'s own dispatch of asynchronous hooks."""

    def __init__(self, manager: addonmanager.AddonManager, on_change: Callable[[], None] = lambda: None) -> None:
        """`on_change` is called when an addon has come or gone."""
        self._manager: Any = manager
        self._on_change = on_change
        self._table: dict[str, list[list[Callable[..., Any]]]] = {}

    def install(self) -> None:
        """Put the table in place, where mitmproxy is as this expects. `uninstall` takes it out again."""
        if not compat.offers(compat.DISPATCH):
            return
        manager = self._manager
        manager.trigger_event = self.trigger_event
        manager.register = self._forgetting(manager.register)
        manager.remove = self._forgetting(manager.remove)
        manager.clear = self._forgetting(manager.clear)

    def uninstall(self) -> None:
        """mitmproxy's own dispatch is in its place again."""
        for name in ("trigger_event", "register", "remove", "clear"):
            self._manager.__dict__.pop(name, None)

    async def trigger_event(self, event: hooks.Hook) -> None:
        """Tell every addon in the chain; an addon's error is logged and stops only itself and its children."""
        table = self._table.get(event.name)
        if table is None:
            table = self._table[event.name] = self._look_up(event)
        if not table:
            return
        arguments = event.args()
        for functions in table:
            try:
                with addonmanager.safecall():
                    for function in functions:
                        result = function(*arguments)
                        if result is not None and inspect.isawaitable(result):
                            await result
            except exceptions.AddonHalt:
                return

    def _look_up(self, event: hooks.Hook) -> list[list[Callable[..., Any]]]:
        """Of each addon in the chain that has any: the functions for this hook, its children's included."""
        found = [[function for _, function in self._manager._iter_hooks(a, event)] for a in self._manager.chain]
        return [functions for functions in found if functions]

    def _forgetting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """The same method; the table is made anew after it."""

        def changed(*args: Any, **kwargs: Any) -> Any:
            try:
                return method(*args, **kwargs)
            finally:
                self._table.clear()
                self._on_change()

        return changed
