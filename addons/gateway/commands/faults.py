"""`antigravity.fault`, `antigravity.fault.off`, `antigravity.faults`: what is to go wrong with the next requests."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mitmproxy import command, exceptions
from mitmproxy.log import ALERT

if TYPE_CHECKING:
    from addons.gateway.fault_injection.injector import FaultInjector
    from addons.gateway.gateway import Gateway

logger = logging.getLogger("antigravity")


class FaultCommands:
    """Faults on demand."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    @command.command("antigravity.fault")
    def fault(self, what: str, count: int = 1) -> None:
        """
        Let a fault happen to the next model calls, so many of them (0: all), instead of what the rules of the settings
        say. For instance: antigravity.fault "429;retry-after=2", antigravity.fault "ok, cut;after=3" 2.
        """
        from addons.gateway.fault_injection.grammar import OrderError

        if count < 0:
            raise exceptions.CommandError("The count is how many requests meet it, or 0 for all.")
        try:
            self._injector().command(what, count)
        except OrderError as e:
            raise exceptions.CommandError(str(e)) from None
        logger.log(ALERT, self._state())

    @command.command("antigravity.fault.off")
    def off(self) -> None:
        """
        End what antigravity.fault has begun. The rules of the settings count again.
        """
        self._injector().sources.commanded = None
        logger.log(ALERT, self._state())

    @command.command("antigravity.faults")
    def faults(self) -> Sequence[str]:
        """
        The kinds of faults that can be ordered, and what is ordered now.
        """
        from addons.gateway.fault_injection import grammar

        return [self._state(), *grammar.explained()]

    def _injector(self) -> FaultInjector:
        if self._gateway.fault_injector is None:
            raise exceptions.CommandError("Faults are off: the settings need [faults] enabled = true.")
        return self._gateway.fault_injector

    def _state(self) -> str:
        commanded = self._injector().sources.commanded
        if commanded is None or commanded.over:
            return "No fault is ordered by command."
        left = commanded.left
        return f"{commanded.text}: for {'all' if left is None else left} model call{'' if left == 1 else 's'}."
