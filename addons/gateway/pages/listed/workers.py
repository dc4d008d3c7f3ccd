"""The exchanges of all workers of this machine, for a page of any of them: whoever is asked asks the others.

A worker that does not answer within `inside.LIMIT` has its exchanges left out. What another worker has recorded comes
as flows, without secrets as every record is.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mitmproxy import http
from mitmproxy.io import tnetstring

from addons.gateway.accounts.pool import Pool
from addons.gateway.exchange.facts import Facts
from addons.gateway.pages import running
from addons.gateway.pages.listed.known import Knowing, KnownExchanges, ids_beginning, known_here
from addons.gateway.pages.running import RunningExchange
from addons.gateway.record.replay import Replays
from addons.gateway.status.statistics import Statistics
from addons.gateway.workers.inside import Worker
from mapping.values import JSON


class RecordingGateway(Knowing, Protocol):
    """What has exchanges, and can do something with them: the gateway."""

    replays: Replays


@dataclass(slots=True)
class GatewaySeen:
    """The gateway, as if some exchanges of other workers were its own."""

    statistics: Statistics
    """Its own, or where a page is about more those of all."""
    pool: Pool
    replays: Replays
    exchanges: Mapping[str, Facts]
    flows: dict[str, Sequence[http.HTTPFlow]]
    own: RecordingGateway

    def kept(self, id: str) -> Sequence[http.HTTPFlow]:
        """See `RecordingGateway`."""
        return self.own.kept(id) or self.flows.get(id, ())


class Together:
    """See the module."""

    def __init__(self, gateway: RecordingGateway, worker: Worker) -> None:
        self._gateway = gateway
        self._worker = worker
        worker.answer("exchange", self._flows)
        worker.answer("ids", lambda beginning: ids_beginning(gateway, beginning))
        worker.answer("running", self._running)
        worker.answer("exchanges", lambda words: known_here(gateway, words).plain())

    async def seen(self, *ids: str) -> GatewaySeen:
        """The gateway with the exchanges of these ids, whoever recorded them."""
        gateway = self._gateway
        seen = GatewaySeen(gateway.statistics, gateway.pool, gateway.replays, gateway.exchanges, {}, gateway)
        await self._add(seen, ids)
        return seen

    async def seen_with_all(self, ids: Sequence[str], others: Callable[[GatewaySeen], Sequence[str]]) -> GatewaySeen:
        """The same, with what all have counted, and with further exchanges, which are found in that."""
        seen = await self.seen(*ids)
        seen.statistics = Statistics()
        seen.statistics.restore(self._gateway.statistics.plain())
        for told in await self._worker.gather("counts"):
            if told.answer is not None:
                seen.statistics.add(told.answer)
        await self._add(seen, others(seen))
        return seen

    async def ids_beginning(self, beginning: str) -> list[str]:
        """The ids of all exchanges that begin so."""
        told = await self._worker.gather("ids", beginning)
        return [*ids_beginning(self._gateway, beginning), *(id for one in told for id in one.answer or ())]

    async def _add(self, seen: GatewaySeen, ids: Iterable[str]) -> None:
        async def add(id: str) -> None:
            for told in await self._worker.gather("exchange", id):
                if told.answer:
                    seen.flows[id] = _read(told.answer)

        await asyncio.gather(*(add(id) for id in ids if id and not seen.kept(id)))

    async def under_way(self, id: str) -> RunningExchange | None:
        """An exchange that another worker is at; None: none is."""
        if running.find(self._gateway.exchanges, id) or self._gateway.kept(id):
            return None
        for told in await self._worker.gather("running", id):
            if told.answer:
                return RunningExchange(told.answer["record"], _read(told.answer["flows"]), told.answer["line"])
        return None

    async def known(self, words: Sequence[str], asking: Facts) -> KnownExchanges:
        """The exchanges of all. See `known_here`."""
        others = await self._worker.gather("exchanges", list(words))
        return known_here(self._gateway, words, asking).with_others(one.answer for one in others if one.answer)

    def _flows(self, id: str) -> list[str]:
        return _written(self._gateway.kept(id))

    def _running(self, id: str) -> JSON | None:
        if (facts := running.find(self._gateway.exchanges, id)) is None:
            return None
        taken = running.taken(facts)
        return {"record": taken.record, "flows": _written(taken.flows), "line": taken.line}


def _written(flows: Sequence[http.HTTPFlow]) -> list[str]:
    return [base64.b64encode(tnetstring.dumps(flow.get_state())).decode() for flow in flows]


def _read(states: Sequence[str]) -> list[http.HTTPFlow]:
    read: list[Any] = [tnetstring.loads(base64.b64decode(state)) for state in states]
    return [made for state in read if isinstance(made := http.HTTPFlow.from_state(state), http.HTTPFlow)]
