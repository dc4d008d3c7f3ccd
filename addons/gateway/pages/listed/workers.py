"""The exchanges of all workers of this machine, for a page of any of them: whoever is asked asks the others.

A worker that does not answer within `inside.LIMIT` has its exchanges left out. What another worker has recorded comes
as flows, without secrets as every record is.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mitmproxy import http
from mitmproxy.io import tnetstring

from addons.gateway.accounts.pool import Pool
from addons.gateway.exchange.facts import Facts
from addons.gateway.pages.listed.known import Knowing, KnownExchanges, known_here
from addons.gateway.record.replay import Replays
from addons.gateway.status.statistics import Statistics
from addons.gateway.workers.inside import Worker


class RecordingGateway(Knowing, Protocol):
    """What has exchanges, and can do something with them: the gateway."""

    replays: Replays


@dataclass(slots=True)
class GatewaySeen:
    """The gateway, as if one exchange of another worker were its own."""

    statistics: Statistics
    pool: Pool
    replays: Replays
    exchanges: Mapping[str, Facts]
    flows: Mapping[str, Sequence[http.HTTPFlow]]
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
        worker.answer("exchanges", lambda words: known_here(gateway, words).plain())

    async def seen(self, *ids: str) -> GatewaySeen:
        """The gateway with the exchanges of these ids, whoever recorded them."""
        gateway, found = self._gateway, {}
        for id in ids:
            if id and not gateway.kept(id):
                for told in await self._worker.gather("exchange", id):
                    if told.answer:
                        found[id] = [_flow(state) for state in told.answer]
        return GatewaySeen(gateway.statistics, gateway.pool, gateway.replays, gateway.exchanges, found, gateway)

    async def known(self, words: Sequence[str], asking: Facts) -> KnownExchanges:
        """The exchanges of all. See `known_here`."""
        others = await self._worker.gather("exchanges", list(words))
        return known_here(self._gateway, words, asking).with_others(one.answer for one in others if one.answer)

    def _flows(self, id: str) -> list[str]:
        states = [flow.get_state() for flow in self._gateway.kept(id)]
        return [base64.b64encode(tnetstring.dumps(state)).decode() for state in states]


def _flow(state: str) -> http.HTTPFlow:
    read: Any = tnetstring.loads(base64.b64decode(state))
    made = http.HTTPFlow.from_state(read)
    assert isinstance(made, http.HTTPFlow)
    return made
