"""The gateway: what lasts from one request to the next, and where each kind of request begins."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitmproxy import http

from addons.gateway.accounts.account import Account, PoolNews
from addons.gateway.accounts.address import Address
from addons.gateway.accounts.affinity import Affinity
from addons.gateway.accounts.cooldowns import Cooldowns
from addons.gateway.accounts.network import proxies
from addons.gateway.accounts.owners import Owners
from addons.gateway.accounts.pool import LONGEST_ASIDE, Pool
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
from addons.gateway.exchange.steps import Steps
from addons.gateway.exchange.summary import Summary
from addons.gateway.heap import Heap
from addons.gateway.http.callers import Caller, take, take_from_address
from addons.gateway.http.fields import headers
from addons.gateway.http.health_checks import HealthChecks
from addons.gateway.http.routes import PAGES, SOCKET, Match
from addons.gateway.log.exchange_log import ExchangeLog
from addons.gateway.models.model_lists import ModelLists, day_of
from addons.gateway.models.remarks import ModelRemarks
from addons.gateway.models.served import ServedModels
from addons.gateway.money.money import Money
from addons.gateway.observers import Observers
from addons.gateway.pages import endpoint as pages
from addons.gateway.prepared import MadeAccount, Prepared, prepare
from addons.gateway.record.recordings import Recordings
from addons.gateway.record.replay import Replays
from addons.gateway.record.server_replay import ServerReplay
from addons.gateway.record.trace import Recorder, Trace, size_of
from addons.gateway.settings.settings import Settings, load
from addons.gateway.shared.opening import SharedSource, worker_name
from addons.gateway.status.everyone import Everyone
from addons.gateway.status.kept import KeptStatistics
from addons.gateway.status.statistics import Statistics
from addons.gateway.storage.database import Database
from addons.gateway.storage.memory import TurnMemory
from addons.gateway.storage.opened import OpenStore, StorePlace
from addons.gateway.storage.refused_forms import RefusedForms
from addons.gateway.storage.sealing import Sealer
from addons.gateway.storage.state import StateStore
from addons.gateway.storage.store import KeptResponses
from addons.gateway.telemetry.telemetry import Telemetry
from addons.gateway.thread_observer import ThreadObserver
from addons.gateway.wire import inner_call
from addons.gateway.wire.direct import inner
from addons.gateway.wire.direct.peers import Surroundings
from addons.gateway.workers import inside
from mapping import dialects

if TYPE_CHECKING:
    from addons.gateway.cassettes.cassettes import Cassettes
    from addons.gateway.shared.sharing import Sharing
    from addons.gateway.trouble.troubles import Troubles

logger = logging.getLogger("antigravity")

_PAGES = PAGES.encode()
DEMO_ASIDE = 5.0
"""Seconds after which the demo's accounts are asked again at the latest: some of its models refuse them on purpose."""


class Gateway:
    """Made once per process; `use` gives it settings, and gives it new ones when they change."""

    def __init__(self, *, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._shared: SharedSource | None = None
        self.sharing: Sharing | None = None
        """What this gateway shares with other workers; None: it is alone."""
        self._made: list[MadeAccount] = []
        self.exchanges: dict[str, Exchange] = {}
        self.ending = False
        """Nothing new is taken on."""
        self.draining = False
        """The end has begun: a load balancer should send nothing more, and what comes all the same is served."""
        self.memory = TurnMemory()
        self.heap = Heap()
        self.trouble: Troubles | None = None
        """What goes wrong on demand; None: nothing does."""
        self.address = Address("https", "generativelanguage.googleapis.com", 443)
        self.direct: Surroundings | None = None
        """The quick wire, while it is installed; None: mitmproxy's layers carry everything."""
        self._only_accounts: list[Account] | None = None
        self.cassettes: Cassettes | None = None
        """A folder of recordings that may answer in Gemini's place; None: there is none."""
        self.recorder: Recorder | None = None
        self._recording = False, False
        """What the options want: see `record`."""
        self.shows_own = False
        """Whether calls for the gateway itself are in the list and in saved files."""
        self.server_replay = ServerReplay(self)
        self.recordings: Recordings | None = None
        """What is being replayed (`-S`)."""
        self.log = ExchangeLog()
        self.steps = Steps()
        self.observers = Observers(self.steps)
        self.observe = self.observers.tell
        self.money = Money(self.observers, self.steps)  # before those who tell what was spent
        self.threads = ThreadObserver(self.observers)
        self.telemetry = Telemetry(self.observers, lambda: self.address, self.kept)
        self.news = PoolNews()
        self.pool = Pool([])
        self.cooldowns = Cooldowns()
        self.affinity = Affinity()
        self.owners = Owners()
        self.models = ModelLists(lambda: self.pool.accounts, today=day_of(environ))
        self.refused_forms = RefusedForms()
        self.served = ServedModels(lambda: self.models.today())
        self.health_checks = HealthChecks()
        self.remarks = ModelRemarks(
            lambda: self.models.remarks(self.settings.models.mapping, self.settings.models.default)
        )
        self.statistics = Statistics()
        self.kept_statistics = KeptStatistics(self)
        worker = inside.current()
        self.everyone = Everyone(self, worker) if worker else None
        """All workers of this machine, if this is one of several."""
        self._goes_on = worker is None or worker.seat.greets
        """It goes on from the statistics that were kept; of several workers only the first of all does."""
        asking = Asking(self)
        self.background = Background(self, asking)
        generate, models = Generate(self, asking, self.background), Models(self)
        self.replays = Replays(self)
        self._endpoints: dict[str, Callable[[Facts, Match], Awaitable[None] | None]] = {
            **dict.fromkeys(dialects.names(), generate.begin),
            **own.endpoints(self, self.everyone),
            **pages.endpoints(self),
            SOCKET: responses_socket.begin,
            **models.endpoints,
            **Plain(self).endpoints,
            **StoredResponses(self, self.background).endpoints,
        }
        self.database: Database
        self.store: KeptResponses
        self.state: StateStore
        self.sealer: Sealer
        self._opened: StorePlace | None = None
        """The store that is open."""
        self.use(self.prepare(Settings()))

    def load(self, path: Path | None, *, store_in_memory: bool = True) -> Prepared:
        """Read the settings file, and make ready what it says; nothing is in force yet. May run on a thread.

        Raises SettingsError. `store_in_memory`: where the store can't be opened, go on with one in memory.
        """
        folder = path.parent if path else Path()
        return self.prepare(load(path, self._environ), folder, store_in_memory=store_in_memory)

    def prepare(self, settings: Settings, folder: Path = Path(), *, store_in_memory: bool = True) -> Prepared:
        """Make settings ready; see `load`."""
        return prepare(
            settings,
            folder,
            self._environ,
            model_of=self.models.model_of,
            made=self._made,
            opened=self._opened,
            store_in_memory=store_in_memory,
        )

    def use(self, prepared: Prepared) -> None:
        """Serve by these settings from now on; requests under way end as they began. Fails on nothing."""
        self.settings = settings = prepared.settings
        if self.sharing is not None and prepared.shared != self._shared:
            logger.warning("Settings: what [state] says counts from the next start on")
        self._shared = prepared.shared
        self.options = prepared.options
        self.gatekeeper = prepared.gatekeeper
        self.model_map = prepared.model_map
        if proxies.use(prepared.proxies) and self.direct is not None:
            self.direct.pool.close()  # what is open goes another way
        self._made = prepared.accounts
        self._make_pool()
        self.trouble = prepared.trouble_after(self.trouble)
        if prepared.store:
            self._use_store(prepared.store)
        self.log.use(settings.log, prepared.folder)
        self.telemetry.use(prepared.telemetry)
        wanted, in_memory = self._recording
        self.record(wanted, in_memory=in_memory)
        if self.recorder:
            self.recorder.keep(settings.trace.keep, settings.trace.keep_bytes)

    def _make_pool(self) -> None:
        made = [account for _, _, account in self._made]
        self.pool = Pool(
            made if self._only_accounts is None else self._only_accounts,
            strategy=self.settings.routing.strategy,
            cooldown=self.settings.retry.cooldown,
            cooldowns=self.cooldowns,
            longest_aside=LONGEST_ASIDE if self._only_accounts is None else DEMO_ASIDE,
            news=self.news,
        )
        self.models.forget_choice()
        if self.sharing is not None:
            self.sharing.meet(self.pool.accounts)

    def _use_store(self, opened: OpenStore) -> None:
        if self._opened is not None:
            self.kept_statistics.now()
            self.database.retire()
        self._opened = opened.place
        self.database, self.store = opened.database, opened.responses
        self.state, self.sealer = opened.state, opened.sealer
        self.cooldowns.keep_in(self.state, opened.cooldowns)
        self.owners.keep_in(self.state, opened.owners)
        self.models.keep_in(self.state, opened.models)
        if opened.statistics is not None and not self.statistics.last() and self._goes_on:
            self.statistics.restore(opened.statistics)

    def close_store(self) -> None:
        """Write what is to be written; `use` opens the store again."""
        self.kept_statistics.now()
        self.database.close()
        self._opened = None

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
        self.background.others = self.sharing.jobs(self.background.end)
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

    def record(self, wanted: bool, *, in_memory: bool) -> None:
        """Begin or end to record exchanges. `in_memory`: the last ones stay, to be looked at."""
        self._recording = wanted, in_memory
        told = self.telemetry.wants_record
        if not (wanted or told):
            self.recorder = None
            return
        if self.recorder is None:
            self.recorder = Recorder(self.settings.trace.keep, self.settings.trace.keep_bytes, self.exchanges)
        self.recorder.keeps = in_memory or told

    def kept(self, id: str) -> list[http.HTTPFlow]:
        """The flows of the exchange with this request id, the client's among them; none: it is not recorded."""
        return self.recorder.kept(id) if self.recorder else []

    def kept_ids(self) -> list[str]:
        """Of the exchanges that are recorded, the oldest first."""
        return self.recorder.ids() if self.recorder else []

    @property
    def is_demo(self) -> bool:
        """Answers are made up by the demo upstream."""
        return self._only_accounts is not None and not (self.cassettes and self.cassettes.strict)

    def use_only(self, accounts: list[Account]) -> None:
        """Serve from these accounts, whatever the settings say: the demo asks nobody else."""
        self._only_accounts = accounts
        self._make_pool()

    def look_at_credentials(self) -> None:
        """An account whose credentials have changed gets another chance."""
        for account in self.pool.accounts:
            if account.credential.look():
                self.pool.try_again(account)
                logger.info(f"Account {account.label}: its credentials have changed")

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
            exchange.trace = Trace(self.recorder, given={"options": asdict(self.options)})
        self.telemetry.meet(exchange, request)
        if self.cassettes:
            self.cassettes.watch(exchange)
        self.threads.hear(exchange, request)
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
        if self.recordings and (known := self.recordings.seeds_for(exchange.flow.request)):
            exchange.seeds = Seeds(known)
        begin, trouble = self._endpoints[match.endpoint.name], self.trouble
        return begin(exchange, match) if trouble is None else trouble.begin(exchange, match, self, begin)

    def list_models(self, *, ask: bool) -> None:
        """Tell what is wrong with the settings' models, and go on doing so. `ask`: ask the accounts for their lists."""
        self.remarks.tell()
        if ask and not self.recordings and not (self.cassettes and self.cassettes.strict):
            self.models.begin(self.address, self.remarks.tell)


@cache
def shared_gateway() -> Gateway:
    """The gateway of this process. It outlives a reload of the script: open connections go on with it."""
    return Gateway()
