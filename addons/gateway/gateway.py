"""The gateway: what lasts from one request to the next, and where each kind of request begins."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, override

from mitmproxy import http

from addons.gateway.accounts.affinity import Affinity
from addons.gateway.endpoints import own, responses_socket
from addons.gateway.endpoints.asking import Asking
from addons.gateway.endpoints.background import Background
from addons.gateway.endpoints.generate import Generate
from addons.gateway.endpoints.models import Models
from addons.gateway.endpoints.plain import Plain, upload_of
from addons.gateway.endpoints.stored_responses import StoredResponses
from addons.gateway.exchange.exchange import Exchange
from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.seeds import Seeds, new_id
from addons.gateway.exchange.summary import Summary
from addons.gateway.heap import Heap
from addons.gateway.http.callers import Caller, take, take_from_address
from addons.gateway.http.fields import headers
from addons.gateway.http.health_checks import HealthChecks
from addons.gateway.http.routes import PAGES, SOCKET, Match
from addons.gateway.in_force import InForce
from addons.gateway.models.remarks import ModelRemarks
from addons.gateway.models.served import ServedModels
from addons.gateway.pages import endpoint as pages
from addons.gateway.prepared import Prepared
from addons.gateway.record.recordings import Recordings
from addons.gateway.record.replay import Replays
from addons.gateway.record.server_replay import ServerReplay
from addons.gateway.record.trace import Trace, size_of
from addons.gateway.settings.settings import Settings
from addons.gateway.shared.opening import worker_name
from addons.gateway.status.everyone import Everyone
from addons.gateway.storage.refused_forms import RefusedForms
from addons.gateway.storage.repeated import RepeatedBodies
from addons.gateway.wire import inner_call
from addons.gateway.wire.direct import inner
from addons.gateway.workers import inside
from mapping import dialects

if TYPE_CHECKING:
    from addons.gateway.shared.sharing import Sharing

logger = logging.getLogger("antigravity")

_PAGES = PAGES.encode()


class Gateway(InForce):
    """Made once per process."""

    def __init__(self, *, environ: Mapping[str, str] = os.environ) -> None:
        super().__init__(environ)
        self.ending = False
        """Nothing new is taken on."""
        self.draining = False
        """The end has begun: a load balancer should send nothing more, and what comes all the same is served."""
        self.heap = Heap()
        self.repeated = RepeatedBodies(lambda: self.heap.look_soon(0))
        self.sharing: Sharing | None = None
        """What this gateway shares with other workers; None: it is alone."""
        self.shows_own = False
        """Whether calls for the gateway itself are in the list and in saved files."""
        self.server_replay = ServerReplay(self)
        self.recordings: Recordings | None = None
        """What is being replayed (`-S`)."""
        self.affinity = Affinity()
        self.refused_forms = RefusedForms()
        self.served = ServedModels(lambda: self.models.today())
        self.health_checks = HealthChecks()
        self.remarks = ModelRemarks(
            lambda: self.models.remarks(self.settings.models.mapping, self.settings.models.default)
        )
        worker = inside.current()
        self.everyone = Everyone(self, worker) if worker else None
        """All workers of this machine, if this is one of several."""
        asking = Asking(self)
        self.background = Background(self, asking)
        generate, models = Generate(self, asking, self.background), Models(self)
        self.replays = Replays(self)
        self._endpoints: dict[str, Callable[[Facts, Match], Awaitable[None] | None]] = {
            **dict.fromkeys(dialects.names(), generate.begin),
            **own.endpoints(self, self.everyone),
            **pages.endpoints(self, worker),
            SOCKET: responses_socket.begin,
            **models.endpoints,
            **Plain(self).endpoints,
            **StoredResponses(self, self.background).endpoints,
        }
        self.use(self.prepare(Settings()))

    @override
    def use(self, prepared: Prepared) -> None:
        if self.sharing is not None and prepared.shared != self._shared:
            logger.warning("Settings: what [state] says counts from the next start on")
        super().use(prepared)

    @override
    def _make_pool(self) -> None:
        super()._make_pool()
        if self.sharing is not None:
            self.sharing.meet(self.pool.accounts)

    async def share(self) -> None:
        """Share with other workers, where the settings or the environment say so."""
        if self._shared is None or self.sharing is not None:
            return
        from addons.gateway.shared.sharing import Sharing

        try:
            self.sharing = Sharing(self._shared, worker_name(self._environ), self)
        except OSError as e:
            logger.error(f"Nothing can be shared with the other workers: {e}")
            return
        self.sharing.meet(self.pool.accounts)
        self.background.others = self.sharing.jobs(self.background.end, lambda then: self.database.when_settled(then))
        self._share_store()
        await self.sharing.start()

    def _share_store(self) -> None:
        """Keep responses where all machines find them, where there is such a place."""
        if self.sharing is not None and (shared := self.sharing.responses(self.settings.responses.max_age)):
            self.store, self.sealer = shared

    def settling(self) -> Awaitable[None] | None:
        """See `Services`."""
        return None if self.sharing is None else self.sharing.settling(self.database)

    def shared_facts(self) -> dict[str, Any] | None:
        """See `Measured`."""
        return None if self.sharing is None else self.sharing.hub.facts()

    async def share_no_more(self) -> None:
        """Let go of what is shared."""
        if self.sharing is not None:
            await self.sharing.stop()

    # --- exchanges

    def open(self, flow: http.HTTPFlow, request: http.Request) -> Exchange:
        """A request has arrived. Its credentials are taken off before anybody else sees it."""
        peer = flow.client_conn.peername
        caller, fields = take(request.headers.fields, peer[0] if peer else "")
        if fields is not request.headers.fields:
            request.data.headers = headers(fields)
        if b"key=" in request.data.path:
            request.path = take_from_address(caller, request.path)
        if b"upload_id=" in request.data.path and (upload := upload_of(request.path, self.sealer.unseal)):
            caller.tenant = upload["tenant"]
        exchange = Exchange(flow, caller, new_id(), self.settings, self.gatekeeper, services=self)
        if request.data.method != b"POST" or request.data.path.startswith(_PAGES):  # else it is for a model
            own.look_at(exchange, request, self.health_checks, shows_own=self.shows_own)
        if self.recorder and not exchange.is_own:
            exchange.trace = Trace(self.recorder, given={"options": self.plain_options})
        self.telemetry.meet(exchange, request)
        if self.cassettes:
            self.cassettes.watch(exchange)
        self.grouping.hear(exchange, request)
        self.exchanges[flow.id] = exchange
        if self.sharing is not None:
            self.sharing.load.changed()
        return exchange

    def open_inner(self, outer: Facts, result: asyncio.Future[bytes]) -> Exchange:
        """See `endpoints.asking.Opener`."""
        flow = inner_call.new_flow(self.address)
        nobody = Caller([], "", None, "127.0.0.1")
        exchange = Exchange(
            flow, nobody, outer.id, outer.settings, outer.gatekeeper,
            services=self, inner=True, pool=outer.pool, result=result,
        )  # fmt: skip
        outer.further.append(exchange)
        exchange.trace = Trace(self.recorder) if self.recorder else None
        if self.cassettes:
            self.cassettes.watch(exchange)
        self.exchanges[flow.id] = exchange
        return exchange

    async def carry(self, exchange: Exchange, result: asyncio.Future[bytes]) -> bytes:
        """See `endpoints.asking.Opener`."""
        if self.direct is not None:
            return await inner.carry(self.direct, exchange, result)
        return await inner_call.InnerCall(exchange, self).run(result)

    @property
    def busy(self) -> int:
        """See `Services`."""
        return len(self.exchanges) + (self.sharing.load.others() if self.sharing is not None else 0)

    @property
    def offline(self) -> bool:
        """See `Services`."""
        return self.server_replay.closed

    def of(self, flow: http.HTTPFlow) -> Exchange | None:
        """The exchange of a flow while it is under way; None for a flow that came otherwise, or is over."""
        return self.exchanges.get(flow.id)

    def close(self, exchange: Facts) -> None:
        """See `Services`."""
        self.exchanges.pop(exchange.flow.id, None)
        self.heap.look_soon(size_of(exchange.flow))
        job = exchange.job
        if job and job.shown_model and job.answering_model and job.answering_model != job.shown_model:
            self.served.saw(job.shown_model, job.answering_model)
        if exchange.trace:
            self.steps.run("letting go of a replay", self.replays.over, exchange)

    def tell(self, summary: Summary, *, quietly: bool) -> None:
        """See `Services`."""
        run = self.steps.run
        run("counting an exchange", self.statistics.count, summary)
        if quietly:
            return
        run("logging an exchange", self.log.write, summary)
        run("keeping the statistics", self.kept_statistics.soon)

    def begin(self, exchange: Facts, match: Match) -> Awaitable[None] | None:
        """See `Services`."""
        if not (self.offline or (self.cassettes and self.cassettes.plays)):  # what recordings answer is free
            self.money.admit(exchange)
        if self.recordings and (known := self.recordings.seeds_for(exchange.flow.request)):
            exchange.seeds = Seeds(known)
        begin, injector = self._endpoints[match.endpoint.name], self.fault_injector
        return begin(exchange, match) if injector is None else injector.begin(exchange, match, self, begin)

    def list_models(self, *, ask: bool) -> None:
        """Tell what is wrong with the settings' models, and go on doing so. `ask`: ask the accounts for their lists."""
        self.remarks.tell()
        if ask and not self.recordings and not (self.cassettes and self.cassettes.strict):
            self.models.begin(self.address, self.remarks.tell)


@cache
def shared_gateway() -> Gateway:
    """The gateway of this process. It outlives a reload of the script: open connections go on with it."""
    return Gateway()
