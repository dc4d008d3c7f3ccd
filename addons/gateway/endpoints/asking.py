"""Further upstream calls of an exchange, and calls of answers that are made in the background.

Each is an exchange of its own, with failover of its own, and is shown and saved like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Protocol

from addons.gateway.endpoints.jobs import RawJob
from addons.gateway.endpoints.services import EndpointServices
from addons.gateway.exchange.exchange import Exchange, Exchanges
from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.job import Ask, Check
from mapping.faults import Fault
from mapping.values import GeminiCall


class Opener(EndpointServices, Exchanges, Protocol):
    """What opens exchanges of the gateway's own."""

    async def carry(self, exchange: Exchange, result: asyncio.Future[bytes]) -> bytes:
        """Have such an exchange go its way, and wait for `result`. Raises what that holds."""

    def open_inner(self, outer: Facts, result: asyncio.Future[bytes]) -> Exchange:
        """A call that is a part of the exchange `outer`. It counts as under way until it is closed.

        `result` will hold the upstream's answer, or a Fault.
        """


class Asking:
    """Makes such calls."""

    def __init__(self, services: Opener) -> None:
        self._services = services

    def of(self, outer: Facts, blamed: Callable[[Fault], Fault]) -> Ask:
        """What asks for an exchange. `blamed`: see `Job.blamed`."""
        return partial(self._ask, outer, blamed)

    async def _ask(self, outer: Facts, blamed: Callable[[Fault], Fault], call: GeminiCall, check: Check) -> bytes:
        """See `Ask`."""
        services = self._services
        result: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        exchange = services.open_inner(outer, result)
        exchange.conversation = outer.goes_on_with(services.affinity, services.pool, call.body)
        exchange.job = RawJob(call, check, strict=services.options.strict, blamed=blamed)
        try:
            return await services.carry(exchange, result)
        finally:
            services.close(exchange)
