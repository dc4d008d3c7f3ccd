"""The gateway: what lasts from one request to the next, and where each kind of request begins."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, replace
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any

from mitmproxy import http

from addons.gateway.accounts.account import Account
from addons.gateway.accounts.address import Address
from addons.gateway.accounts.affinity import Affinity
from addons.gateway.accounts.cooldowns import Cooldowns
from addons.gateway.accounts.pool import LONGEST_ASIDE, Pool
from addons.gateway.endpoints import jobs
from addons.gateway.endpoints.background import Background
from addons.gateway.endpoints.generate import Generate
from addons.gateway.endpoints.stored_responses import StoredResponses
from addons.gateway.exchange.exchange import Exchange
from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.job import Ask, Check, Job
from addons.gateway.exchange.seeds import Seeds, new_id
from addons.gateway.exchange.steps import Steps
from addons.gateway.exchange.summary import Summary
from addons.gateway.http.callers import Caller, take
from addons.gateway.http.routes import Match, is_own
from addons.gateway.log.exchange_log import ExchangeLog
from addons.gateway.models.model_lists import ModelLists, utc_today
from addons.gateway.models.model_map import MAX_NAME
from addons.gateway.models.served import ServedModels
from addons.gateway.record.recordings import Recordings
from addons.gateway.record.replay import Replays
from addons.gateway.record.server_replay import ServerReplay
from addons.gateway.record.trace import Recorder, Trace
from addons.gateway.settings.prepared import MadeAccount, Prepared, prepare
from addons.gateway.settings.settings import Settings, load
from addons.gateway.status import page as status_page
from addons.gateway.status.metrics import CONTENT_TYPE, Metrics
from addons.gateway.status.statistics import Statistics
from addons.gateway.storage.database import Database
from addons.gateway.storage.memory import TurnMemory
from addons.gateway.storage.opened import OpenStore, Place
from addons.gateway.storage.refused_forms import RefusedForms
from addons.gateway.storage.sealing import Sealer
from addons.gateway.storage.state import StateStore
from addons.gateway.storage.store import ResponseStore
from addons.gateway.wire import inner_call
from addons.gateway.wire.bodies import json_body
from mapping import faults
from mapping.dialects import all_dialects
from mapping.faults import Fault
from mapping.gemini import models_list
from mapping.gemini.model_classes import retiring
from mapping.gemini.models import model_info, split_variant
from mapping.responses.request.input_items import Unseal
from mapping.values import JSON, GeminiCall, Options, Recall

logger = logging.getLogger("antigravity")

DEMO_ASIDE = 5.0
"""Seconds after which the demo's accounts are asked again at the latest: some of its models refuse them on purpose."""

MODEL_LIST_AGE = 600.0
"""Seconds for which a fetched list of models is good."""

KEEP_STATISTICS_EVERY = 5.0
"""Seconds of work that may be missing from the statistics after a sudden end."""


class Gateway:
    """Made once per process; `use` gives it settings, and gives it new ones when they change."""

    def __init__(self, *, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._made: list[MadeAccount] = []
        self.exchanges: dict[str, Exchange] = {}
        self.ending = False
        """Nothing new is taken on."""
        self.memory = TurnMemory()
        self.address = Address("https", "generativelanguage.googleapis.com", 443)
        self._only_accounts: list[Account] | None = None
        self.recorder: Recorder | None = None
        self.shows_own = False
        """Whether calls for the gateway itself are in the list and in saved files."""
        self.server_replay = ServerReplay(self)
        self.recordings: Recordings | None = None
        """What is being replayed (`-S`)."""
        self.log = ExchangeLog()
        self.steps = Steps()
        self.pool = Pool([])
        self.cooldowns = Cooldowns()
        self.affinity = Affinity()
        self.models = ModelLists(lambda: self.pool.accounts, today=_day(environ))
        self.refused_forms = RefusedForms()
        self.served = ServedModels(lambda: self.models.today())
        self._remarked: set[str] = set()
        """What the log has said of the settings' models."""
        self.metrics = Metrics(self)
        self.statistics = Statistics()
        self.background = Background(self)
        generate = Generate(self, self.background)
        self.replays = Replays(self)
        self._endpoints: dict[str, Callable[[Facts, Match], Awaitable[None] | None]] = {
            **dict.fromkeys(all_dialects(), generate.begin),
            "health": self._show_health,
            "metrics": self._show_metrics,
            "status": self._show_status,
            "status_json": self._show_status_json,
            "models": self._begin_models,
            "model": self._begin_models,
            **StoredResponses(self, self.background).endpoints,
        }
        self.database: Database
        self.store: ResponseStore
        self.state: StateStore
        self.sealer: Sealer
        self._keeping: asyncio.TimerHandle | None = None
        """Until the statistics are kept."""
        self._opened: Place | None = None
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
        self.options = prepared.options
        self.gatekeeper = prepared.gatekeeper
        self.model_map = prepared.model_map
        self._made = prepared.accounts
        self._make_pool()
        if prepared.store:
            self._use_store(prepared.store)
        self.log.use(settings.log, prepared.folder)
        if self.recorder:
            self.recorder.keep = settings.trace.keep

    def _make_pool(self) -> None:
        made = [account for _, _, account in self._made]
        self.pool = Pool(
            made if self._only_accounts is None else self._only_accounts,
            strategy=self.settings.routing.strategy,
            cooldown=self.settings.retry.cooldown,
            cooldowns=self.cooldowns,
            longest_aside=LONGEST_ASIDE if self._only_accounts is None else DEMO_ASIDE,
        )
        self.models.forget_choice()

    def _use_store(self, opened: OpenStore) -> None:
        if self._opened is not None:
            self._keep_statistics()
            self.database.retire()
        self._opened = opened.place
        self.database, self.store = opened.database, opened.responses
        self.state, self.sealer = opened.state, opened.sealer
        self.cooldowns.keep_in(self.state, opened.cooldowns)
        self.models.keep_in(self.state, opened.models)
        if not self.statistics.last():
            self.statistics.restore(opened.statistics)

    def close_store(self) -> None:
        """Write what is to be written; `use` opens the store again."""
        self._keep_statistics()
        self.database.close()
        self._opened = None

    def record(self, wanted: bool) -> None:
        """Begin or end to record exchanges."""
        self.recorder = Recorder(self.settings.trace.keep) if wanted else None

    @property
    def is_demo(self) -> bool:
        """Answers are made up by the demo upstream."""
        return self._only_accounts is not None

    def use_only(self, accounts: list[Account]) -> None:
        """Serve from these accounts, whatever the settings say: the demo asks nobody else."""
        self._only_accounts = accounts
        self._make_pool()

    def look_at_credentials(self) -> None:
        """An account whose credentials have changed gets another chance."""
        for account in self.pool.accounts:
            if account.credential.look():
                account.aside = None
                logger.info(f"Account {account.label}: its credentials have changed")

    # --- exchanges

    def open(self, flow: http.HTTPFlow, request: http.Request) -> Exchange:
        """A request has arrived. Its credentials are taken off before anybody else sees it."""
        peer = flow.client_conn.peername
        caller, fields = take(request.headers.fields, peer[0] if peer else "")
        if fields is not request.headers.fields:
            request.data.headers = http.Headers(fields)
        exchange = Exchange(
            flow, caller, new_id(), self.settings, self.gatekeeper,
            services=self, is_poll=status_page.is_poll(request),
        )  # fmt: skip
        exchange.is_own = exchange.is_poll or (
            not self.shows_own and is_own(request.method, request.path.partition("?")[0])
        )
        if status_page.is_page(request):
            exchange.show_error = partial(status_page.refusal, request)
        if self.recorder and not exchange.is_own:
            exchange.trace = Trace(self.recorder, given={"options": asdict(self.options)})
        self.exchanges[flow.id] = exchange
        return exchange

    @property
    def busy(self) -> int:
        """See `Services`."""
        return len(self.exchanges)

    @property
    def offline(self) -> bool:
        """See `Services`."""
        return self.server_replay.closed

    def of(self, flow: http.HTTPFlow) -> Exchange | None:
        return self.exchanges.get(flow.id)

    def close(self, exchange: Facts) -> None:
        """See `Services`."""
        self.exchanges.pop(exchange.flow.id, None)
        job = exchange.job
        if job and job.shown_model and job.answering_model and job.answering_model != job.shown_model:
            self.served.saw(job.shown_model, job.answering_model)
        if exchange.trace:
            self.steps.run("letting go of a replay", self.replays.over, exchange)

    def tell(self, summary: Summary, *, quietly: bool) -> None:
        """See `Services`."""
        run = self.steps.run
        run("counting an exchange for /metrics", self.metrics.count, summary)
        if quietly:
            return
        run("logging an exchange", self.log.write, summary)
        run("counting an exchange for the status page", self.statistics.count, summary)
        run("keeping the statistics", self._keep_soon)

    def _keep_soon(self) -> None:
        """The statistics have changed, and are kept in a while."""
        if self._keeping is None and self.settings.responses.store:
            loop = asyncio.get_running_loop()
            self._keeping = loop.call_later(KEEP_STATISTICS_EVERY, self._keep_statistics)

    def _keep_statistics(self) -> None:
        if self._keeping:
            self._keeping.cancel()
            self._keeping = None
            self.steps.run("keeping the statistics", lambda: self.state.keep("statistics", self.statistics.plain()))

    def begin(self, exchange: Facts, match: Match) -> Awaitable[None] | None:
        """See `Services`."""
        if self.recordings and (known := self.recordings.seeds_for(exchange.flow.request)):
            exchange.seeds = Seeds(known)
        return self._endpoints[match.endpoint.name](exchange, match)

    def asker(self, exchange: Facts, blamed: Callable[[Fault], Fault]) -> Ask:
        """What makes further upstream calls for an exchange. `blamed`: see `Job.blamed`."""
        return partial(self._ask, exchange, blamed)

    async def _ask(self, outer: Facts, blamed: Callable[[Fault], Fault], call: GeminiCall, check: Check) -> bytes:
        """Make an upstream call that is a part of the exchange `outer`, with failover. Raises Fault."""
        flow = inner_call.new_flow(self)
        result: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        nobody = Caller([], "", None, "127.0.0.1")
        exchange = Exchange(
            flow, nobody, outer.id, outer.settings, outer.gatekeeper,
            services=self, inner=True, pool=outer.pool, result=result,
        )  # fmt: skip
        exchange.conversation = outer.goes_on_with(self.affinity, self.pool, call.body)
        exchange.trace = Trace(self.recorder) if self.recorder else None
        exchange.job = jobs.RawJob(call, check, strict=self.options.strict, blamed=blamed)
        self.exchanges[flow.id] = exchange
        try:
            return await inner_call.InnerCall(exchange, self).run(result)
        finally:
            self.close(exchange)

    def model_request(self, exchange: Facts) -> tuple[JSON, str, str]:
        """The body of a model call, the model that the client named, and the Gemini model for it."""
        body = json_body(exchange.flow.request)
        if not isinstance(body, dict):
            raise faults.Fault(400, "The request body must be a JSON object.")
        name = body.get("model")
        if name is None:
            raise faults.missing("model")
        if not isinstance(name, str):
            raise faults.wrong_type("model", "a string", name)
        exchange.asked_model = name[:MAX_NAME]
        model = self.model_map.resolve(name)
        if retirement := retiring(model, self.models.today()):
            exchange.notes.add("retires", retirement.short())
        if ":" in name:
            _, variant = split_variant(name)
            if variant == "online" or (variant == "thinking" and not model_info(model).thinks_by_default):
                exchange.notes.add("ignored", f"model:{variant}")
        exchange.job = _NotYet(model, name)
        if self.pool.sticky:
            exchange.conversation = self.affinity.named(exchange.tenant, body, exchange.flow.request.headers)
        return body, name, model

    def options_for(self, exchange: Facts, model: str) -> Options:
        """The options of the translation of a request that asks this model; they are part of the record."""
        other = self.served.instead_of(model)
        options = replace(self.options, served={model: other}) if other else self.options
        if exchange.trace:
            exchange.trace.given |= {"model": model, "options": asdict(options)}
        return options

    def recall(self, exchange: Facts) -> Recall:
        """What looks up remembered turns for an exchange; what it finds is part of the record."""
        look_up = self.memory.recall(exchange.tenant)
        return exchange.trace.watching(look_up) if exchange.trace else look_up

    def unseal(self, exchange: Facts) -> Unseal:
        """What opens encrypted texts for an exchange; what it finds is part of the record."""
        unseal = self.sealer.unseal
        return exchange.trace.opening(unseal) if exchange.trace else unseal

    def _begin_models(self, exchange: Facts, match: Match) -> None:
        wanted = match.id or None
        exchange.job = job = jobs.ModelListJob(
            lambda: self._listed_names(wanted),
            wanted,
            exchange.notes,
            lambda models: self._take_models(exchange, models),
            lambda: models_list.built_in(self.models.today()),
            for_codex="client_version" in exchange.flow.request.query,
        )
        known = self.models.of_accounts(MODEL_LIST_AGE)
        if known is not None:
            exchange.succeed(job.answer(known))

    def _listed_names(self, wanted: str | None) -> dict[str, str]:
        """The names of lists beside Gemini's own, and the models behind them; `wanted` is one that is asked for."""
        names = self.model_map.listed()
        if wanted and self.model_map.stands_for_another(wanted):
            names.append(wanted)
        return {name: self.model_map.resolve(name) for name in names}

    def _take_models(self, exchange: Facts, models: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """An account has listed its models: what there is to list now."""
        if exchange.account:
            self.models.take(exchange.account.label, models)
        return self.models.of_accounts(MODEL_LIST_AGE) or models

    def list_models(self, *, ask: bool) -> None:
        """Tell what is wrong with the settings' models, and go on doing so. `ask`: ask the accounts for their lists."""
        self._tell_of_models()
        if ask and not self.recordings:
            self.models.begin(self.address, self._tell_of_models)

    def model_remarks(self) -> list[str]:
        """What is wrong with the models that the settings name."""
        settings = self.settings.models
        return self.models.remarks(settings.mapping, settings.default)

    def _tell_of_models(self) -> None:
        for remark in self.model_remarks():
            if remark not in self._remarked:
                self._remarked.add(remark)
                logger.warning(remark)

    def _show_health(self, exchange: Facts, match: Match) -> None:
        exchange.succeed(b'{"status":"ok"}')

    def _show_metrics(self, exchange: Facts, match: Match) -> None:
        exchange.succeed(self.metrics.text(), [(b"Content-Type", CONTENT_TYPE)])

    def _show_status(self, exchange: Facts, match: Match) -> None:
        status_page.show(exchange, self)

    def _show_status_json(self, exchange: Facts, match: Match) -> None:
        status_page.show_json(exchange, self)


class _NotYet(Job):
    """Stands for a request whose translation has not succeeded: errors name its model."""

    def __init__(self, model: str, client_model: str) -> None:
        self.model = model
        self.shown_model = model
        self.client_model = client_model

    def request(self) -> GeminiCall:
        raise AssertionError("there is nothing to ask yet")

    def take(self, content: bytes) -> bool:
        raise AssertionError("nothing was asked")


def _day(environ: Mapping[str, str]) -> Callable[[], date]:
    """What tells the day. `ANTIGRAVITY_TODAY` (YYYY-MM-DD) stands still, for tests: models are retired by dates."""
    fixed = environ.get("ANTIGRAVITY_TODAY")
    if not fixed:
        return utc_today
    day = date.fromisoformat(fixed)
    return lambda: day


@cache
def shared_gateway() -> Gateway:
    """The gateway of this process. It outlives a reload of the script: open connections go on with it."""
    return Gateway()
