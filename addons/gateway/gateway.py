"""The gateway: what lasts from one request to the next, and where each kind of request begins."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from mitmproxy import http

from addons.gateway import jobs
from addons.gateway.accounts.account import Account
from addons.gateway.accounts.address import Address
from addons.gateway.accounts.affinity import Affinity, Conversation
from addons.gateway.accounts.cooldowns import Cooldowns
from addons.gateway.accounts.pool import Pool
from addons.gateway.callers import Caller, Gatekeeper, take
from addons.gateway.exchange import Exchange, new_id
from addons.gateway.exchange_log import ExchangeLog
from addons.gateway.generate import Dialect, GenerateJob
from addons.gateway.model_map import ModelMap
from addons.gateway.record.replay import Replays
from addons.gateway.record.seeds import Recordings
from addons.gateway.record.trace import Recorder, Trace
from addons.gateway.responses_api import ResponsesApi
from addons.gateway.routes import Match
from addons.gateway.settings import AccountSettings, Settings, load, proxy_keys
from addons.gateway.status import page as status_page
from addons.gateway.status.metrics import CONTENT_TYPE, Metrics
from addons.gateway.status.statistics import Statistics
from addons.gateway.steps import Steps
from addons.gateway.storage.database import Database
from addons.gateway.storage.memory import TurnMemory
from addons.gateway.storage.sealing import Sealer, new_key
from addons.gateway.storage.state import StateStore
from addons.gateway.storage.store import ResponseStore
from addons.gateway.summary import Summary
from addons.gateway.wire import inner_call
from addons.gateway.wire.bodies import json_body
from mapping import chat, completions, errors
from mapping.gemini import JSON, GeminiCall, Recall
from mapping.responses.input_items import Unseal

logger = logging.getLogger("antigravity")

MODEL_LIST_AGE = 600.0
"""Seconds for which a fetched list of models is good."""

KEEP_STATISTICS_EVERY = 5.0
"""Seconds of work that may be missing from the statistics after a sudden end."""


class Gateway:
    """Made once per process; `use` gives it settings, and gives it new ones when they change."""

    def __init__(self, *, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._made: list[tuple[Path, AccountSettings, Account]] = []
        self.folder = Path()
        """Where relative paths of the settings begin."""
        self.exchanges: dict[str, Exchange] = {}
        self.memory = TurnMemory()
        self.address = Address("https", "generativelanguage.googleapis.com", 443)
        self._only_accounts: list[Account] | None = None
        self.recorder: Recorder | None = None
        self.recordings: Recordings | None = None
        """What is being replayed (`-S`)."""
        self.log = ExchangeLog()
        self.steps = Steps()
        self._models: tuple[float, list[dict[str, Any]]] | None = None
        self.pool = Pool([])
        self.cooldowns = Cooldowns()
        self.affinity = Affinity()
        self.metrics = Metrics(self)
        self.statistics = Statistics()
        self.responses = ResponsesApi(self)
        self.replays = Replays(self)
        self._endpoints: dict[str, Callable[[Exchange, Match], Awaitable[None] | None]] = {
            "chat": self._begin_chat,
            "completions": self._begin_completions,
            "health": self._show_health,
            "metrics": self._show_metrics,
            "status": self._show_status,
            "status_json": self._show_status_json,
            "models": self._begin_models,
            "model": self._begin_models,
            **self.responses.endpoints,
        }
        self.database: Database
        self.store: ResponseStore
        self.state: StateStore
        self.sealer: Sealer
        self._keeping: asyncio.TimerHandle | None = None
        """Until the statistics are kept."""
        self._stored_in: tuple[Path | None, float, int] | None = None
        self.use(Settings())

    def use(self, settings: Settings) -> None:
        """Serve by these settings from now on; requests under way end as they began."""
        self.settings = settings
        self.options = settings.translation.options()
        self.gatekeeper = Gatekeeper(
            settings.proxy.effective_auth_mode,
            proxy_keys(settings, self._environ),
            allow_lan=settings.proxy.allow_lan_access,
            allowed_origins=settings.proxy.allowed_origins,
            allowed_hosts=settings.proxy.allowed_hosts,
        )
        self.model_map = ModelMap(settings.models.mapping, settings.models.default)
        accounts = [self._account(entry) for entry in settings.accounts]
        self._made = [(self.folder, entry, made) for entry, made in zip(settings.accounts, accounts, strict=True)]
        accounts = accounts if self._only_accounts is None else self._only_accounts
        self.pool = Pool(
            accounts,
            strategy=settings.routing.strategy,
            cooldown=settings.retry.cooldown,
            cooldowns=self.cooldowns,
        )
        self._models = None
        self._open_store()
        self.log.use(settings.log, self.folder)
        if self.recorder:
            self.recorder.keep = settings.trace.keep

    def close_store(self) -> None:
        """Write what is to be written; `use` opens the store again."""
        self._keep_statistics()
        self.database.close()
        self._stored_in = None

    def _open_store(self) -> None:
        """Open the store that the settings name, if it is not the one that is open."""
        settings = self.settings.responses
        path = self.folder / settings.store.expanduser() if settings.store else None
        wanted = (path, settings.max_age, settings.max_size)
        if self._stored_in is not None:
            if wanted == self._stored_in:
                return
            self._keep_statistics()
            self.database.close()
        self._stored_in = wanted
        try:
            self._store_in(Database(path))
        except (OSError, sqlite3.Error) as e:
            logger.warning(f"Responses can't be stored in {path}, nor cooldowns, and are kept in memory: {e}")
            self.database.close()
            self._store_in(Database(None))
        self.cooldowns.keep_in(self.state)
        if not self.statistics.last():
            self.statistics.restore(self.state.kept("statistics"))

    def _store_in(self, database: Database) -> None:
        settings = self.settings.responses
        self.database = database
        self.store = ResponseStore(database, max_age=settings.max_age, max_bytes=settings.max_size)
        self.state = StateStore(database)
        self.sealer = Sealer(self.store.secret(new_key))

    def record(self, wanted: bool) -> None:
        """Begin or end to record exchanges."""
        self.recorder = Recorder(self.settings.trace.keep) if wanted else None

    def use_only(self, accounts: list[Account]) -> None:
        """Serve from these accounts, whatever the settings say: the demo asks nobody else."""
        self._only_accounts = accounts
        self.use(self.settings)

    def _account(self, entry: AccountSettings) -> Account:
        """The account of an entry: the same as before, token and all, if nothing about it has changed."""
        for folder, known, account in self._made:
            if known == entry and folder == self.folder:
                return account
        return Account.from_settings(entry, self._environ, self.folder)

    def look_at_credentials(self) -> None:
        """An account whose credentials have changed gets another chance."""
        for account in self.pool.accounts:
            if account.credential.look():
                account.refused = None
                logger.info(f"Account {account.label}: its credentials have changed")

    def load(self, path: Path | None) -> Settings:
        """Read the settings file. Raises SettingsError."""
        self.folder = path.parent if path else Path()
        return load(path, self._environ)

    # --- exchanges

    def open(self, flow: http.HTTPFlow, request: http.Request) -> Exchange:
        """A request has arrived. Its credentials are taken off before anybody else sees it."""
        peer = flow.client_conn.peername
        caller, fields = take(request.headers.fields, peer[0] if peer else "")
        if fields is not request.headers.fields:
            request.data.headers = http.Headers(fields)
        exchange = Exchange(self, flow, caller, new_id(), is_poll=status_page.is_poll(request))
        if not exchange.is_poll:
            exchange.trace = self._new_trace()
        self.exchanges[flow.id] = exchange
        return exchange

    def of(self, flow: http.HTTPFlow) -> Exchange | None:
        return self.exchanges.get(flow.id)

    def close(self, exchange: Exchange) -> None:
        """An exchange is over, and does not count as under way any more."""
        self.exchanges.pop(exchange.flow.id, None)
        if exchange.trace:
            self.steps.run("letting go of a replay", self.replays.over, exchange)

    def tell(self, summary: Summary, *, quietly: bool) -> None:
        """An exchange has ended. `quietly`: it is not worth a word."""
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

    def _new_trace(self) -> Trace | None:
        return Trace(self.recorder) if self.recorder else None

    def begin(self, exchange: Exchange, match: Match) -> Awaitable[None] | None:
        """Find out what an admitted request wants. What is returned, if anything, has to be awaited."""
        return self._endpoints[match.endpoint.name](exchange, match)

    def asker(self, exchange: Exchange) -> jobs.Ask:
        """What makes further upstream calls for an exchange."""
        return partial(self._ask, exchange)

    async def _ask(self, outer: Exchange, call: jobs.Call, check: jobs.Check) -> bytes:
        """Make an upstream call that is a part of the exchange `outer`, with failover. Raises OpenAIError."""
        flow = inner_call.new_flow(self)
        result: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        nobody = Caller([], "", None, "127.0.0.1")
        exchange = Exchange(self, flow, nobody, outer.id, inner=True, pool=outer.pool, result=result)
        exchange.conversation = self.conversation_of(outer, call.body)
        exchange.trace = self._new_trace()
        exchange.job = jobs.RawJob(call, check, strict=self.options.strict)
        self.exchanges[flow.id] = exchange
        try:
            return await inner_call.InnerCall(exchange, self).run(result)
        finally:
            self.close(exchange)

    def model_request(self, exchange: Exchange) -> tuple[JSON, str, str]:
        """The body of a model call, the model that the client named, and the Gemini model for it."""
        body = json_body(exchange.flow.request)
        if not isinstance(body, dict):
            raise errors.OpenAIError(400, "The request body must be a JSON object.")
        name = body.get("model")
        if name is None:
            raise errors.missing("model")
        if not isinstance(name, str):
            raise errors.wrong_type("model", "a string", name)
        model = self.model_map.resolve(name)
        exchange.job = _NotYet(model, name)
        if self.pool.sticky:
            exchange.conversation = self.affinity.named(exchange.tenant, body, exchange.flow.request.headers)
        return body, name, model

    def conversation_of(self, exchange: Exchange, body: JSON | None) -> Conversation | None:
        """What an exchange that asks with a Gemini body goes on with; None where conversations don't count."""
        if not (exchange.pool or self.pool).sticky:
            return None
        if exchange.conversation is None and body:
            exchange.conversation = self.affinity.begun_like(exchange.tenant, body)
        return exchange.conversation

    def _begin_chat(self, exchange: Exchange, match: Match) -> Awaitable[None] | None:
        body, name, model = self.model_request(exchange)
        if body.get("messages") is None and body.get("input") is not None:
            return self.responses.chat_with_input(exchange, partial(self._chat_dialect, exchange))
        call = chat.translate(body, model=model, client_model=name, **self._translation(exchange))
        exchange.job = GenerateJob(call, self._chat_dialect(exchange, call), exchange.notes, self.asker(exchange))
        return None

    def _chat_dialect(self, exchange: Exchange, call: GeminiCall) -> Dialect:
        created, mint = exchange.seeds.now(), exchange.seeds.mint
        return Dialect(
            whole=lambda notes: chat.ChatAnswer(call.plan, created=created, mint=mint, notes=notes),
            stream=lambda: chat.ChatStream(call.plan, created=created, mint=mint, notes=exchange.notes),
        )

    def _begin_completions(self, exchange: Exchange, match: Match) -> None:
        body, name, model = self.model_request(exchange)
        call = completions.translate(body, model=model, client_model=name, **self._translation(exchange))
        plan, created, mint = call.plan, exchange.seeds.now(), exchange.seeds.mint
        assert isinstance(plan, completions.CompletionsPlan)
        dialect = Dialect(
            whole=lambda notes: completions.CompletionsAnswer(plan, created=created, mint=mint, notes=notes),
            stream=lambda: completions.CompletionsStream(plan, created=created, mint=mint, notes=exchange.notes),
        )
        exchange.job = GenerateJob(call, dialect, exchange.notes, self.asker(exchange))

    def _translation(self, exchange: Exchange) -> dict[str, Any]:
        """What every translation of a request takes beside the request."""
        return {
            "options": self.options,
            "recall": self.recall(exchange),
            "notes": exchange.notes,
        }

    def recall(self, exchange: Exchange) -> Recall:
        """What looks up remembered turns for an exchange; what it finds is part of the record."""
        look_up = self.memory.recall(exchange.tenant)
        return exchange.trace.watching(look_up) if exchange.trace else look_up

    def unseal(self, exchange: Exchange) -> Unseal:
        """What opens encrypted texts for an exchange; what it finds is part of the record."""
        unseal = self.sealer.unseal
        return exchange.trace.opening(unseal) if exchange.trace else unseal

    def _begin_models(self, exchange: Exchange, match: Match) -> None:
        wanted = match.id or None
        names = list(self.model_map.exact)
        if wanted and self.model_map.stands_for_another(wanted):
            names.append(wanted)
        exchange.job = job = jobs.ModelListJob(names, wanted, exchange.notes, self._keep_models)
        if self._models and self._models[0] > time.monotonic():
            exchange.succeed(job.answer(self._models[1]))

    def _show_health(self, exchange: Exchange, match: Match) -> None:
        exchange.succeed(b'{"status":"ok"}')

    def _show_metrics(self, exchange: Exchange, match: Match) -> None:
        exchange.succeed(self.metrics.text(), [(b"Content-Type", CONTENT_TYPE)])

    def _show_status(self, exchange: Exchange, match: Match) -> None:
        status_page.show(exchange)

    def _show_status_json(self, exchange: Exchange, match: Match) -> None:
        status_page.show_json(exchange)

    def _keep_models(self, models: list[dict[str, Any]]) -> None:
        self._models = (time.monotonic() + MODEL_LIST_AGE, models)


class _NotYet(jobs.Job):
    """Stands for a request whose translation has not succeeded: errors name its model."""

    def __init__(self, model: str, client_model: str) -> None:
        self.model = model
        self.shown_model = model
        self.client_model = client_model

    def request(self) -> jobs.Call:
        raise AssertionError("there is nothing to ask yet")

    def take(self, content: bytes) -> bool:
        raise AssertionError("nothing was asked")


@cache
def shared_gateway() -> Gateway:
    """The gateway of this process. It outlives a reload of the script: open connections go on with it."""
    return Gateway()
