"""`antigravity.hold`, `step` and `letgo`: a stream, event by event."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mitmproxy import command, exceptions

from addons.gateway.breakpoints import stops
from addons.gateway.commands.found import ID_BEGINS, found
from addons.gateway.shared.opening import WORKER

if TYPE_CHECKING:
    from addons.gateway.exchange.exchange import Exchange
    from addons.gateway.gateway import Gateway


class BreakpointCommands:
    """Streams that are under way."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    @command.command("antigravity.hold")
    def hold(self, flows: str) -> str:
        """
        Hold the stream of an exchange that is under way: what comes from now on waits, until antigravity.step or
        antigravity.letgo.
        """
        exchange = self._running(flows)
        if exchange.sent_stream or (exchange.job is not None and exchange.job.streams):
            exchange.held.close()
            stops.speak(exchange)
            return f"{exchange.id} is held."
        raise exceptions.CommandError("Only streams can be held; what has a whole answer, mitmproxy's intercept stops.")

    @command.command("antigravity.step")
    def step(self, flows: str, count: int = 1) -> str:
        """
        Let the client of a stream that is held have the next event, or so many.
        """
        exchange = self._held(flows)
        given = exchange.held.step(count)
        exchange.nudge()
        return f"{given} sent, {exchange.held.waiting} wait."

    @command.command("antigravity.letgo")
    def let_go(self, flows: str) -> str:
        """
        Let a stream that is held go on.
        """
        exchange = self._held(flows)
        waited = exchange.held.waiting
        if seconds := exchange.held.let_go():
            exchange.notes.add("held", f"{seconds:.1f} s")
        exchange.nudge()
        return f"{waited} sent."

    def _held(self, spec: str) -> Exchange:
        exchange = self._running(spec)
        if not exchange.held.closed:
            raise exceptions.CommandError(f"{exchange.id} is not held.")
        return exchange

    def _running(self, spec: str) -> Exchange:
        """The one exchange under way that a person means. Raises CommandError."""
        running = [one for one in self._gateway.exchanges.values() if not (one.inner or one.is_own)]
        if spec.strip().startswith(ID_BEGINS):
            meant = [one for one in running if one.id.startswith(spec.strip())]
        else:
            ids = {flow.id for flow in found(spec)}
            meant = [one for one in running if one.flow.id in ids]
        if len(meant) != 1:
            here = f" in worker {worker}, and each holds its own" if (worker := os.environ.get(WORKER)) else ""
            raise exceptions.CommandError(
                f"This takes one exchange that is under way; {spec} means {len(meant)}{here}."
            )
        return meant[0]
