"""The front door: `mitmdump -s addons/antigravity.py --mode reverse:https://generativelanguage.googleapis.com@8045`.

Options and hooks, nothing else; the rooms behind it are in `addons/gateway/`, the translation is in `mapping/`.
"""

from __future__ import annotations

import asyncio
import atexit
import difflib
import gc
import logging
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

gc.freeze()  # mitmproxy is loaded: the collector need not look at it again
gc.disable()  # nor, while the rest is loaded, at that again and again: nothing of it goes away

try:
    from mitmproxy import ctx, exceptions, http
    from mitmproxy.addonmanager import Loader
    from mitmproxy.proxy import layer
    from mitmproxy.utils import asyncio_utils

    from addons.gateway.wire import compat

    compat.check()  # before what would fail on another mitmproxy in its own words

    from addons.gateway import ca_key, draining, ending, prompts, stand_in, timing, views
    from addons.gateway.accounts.network import proxies
    from addons.gateway.breakpoints import stops
    from addons.gateway.cassettes import options as cassette_options
    from addons.gateway.commands import all_commands
    from addons.gateway.demo import BuiltInDemo
    from addons.gateway.exchange.exchange import Exchange
    from addons.gateway.gateway import shared_gateway
    from addons.gateway.log import banner, terminal
    from addons.gateway.log.log_events import LogEvents
    from addons.gateway.record import recordings
    from addons.gateway.record.trace import Recorder, at_once, in_memory
    from addons.gateway.settings_file import SettingsFile
    from addons.gateway.wire import layer_setup, listening
    from addons.gateway.wire.direct.listeners import Listeners
    from addons.gateway.wire.direct.takeover import DirectWire
    from addons.gateway.wire.dispatch import HookTable
    from addons.gateway.wire.sockets import Sockets
    from addons.gateway.wire.taken import TakenPorts
    from addons.gateway.workers import inside
    from mapping import dialects
except ModuleNotFoundError as e:
    if e.name and e.name.partition(".")[0] in ("addons", "mapping", "scripts"):
        raise
    from addons.gateway import dependencies

    raise ImportError(dependencies.lacking(e.name or "?")) from None
finally:
    gc.freeze()
    gc.enable()


atexit.unregister(ending.wait_for_threads)  # as it was before the script was loaded anew: once is enough
atexit.register(ending.wait_for_threads)

YOUNG = 20_000
"""New objects after which the garbage collector looks at them; a conversation of 1000 messages has some 6000."""

logger = logging.getLogger("antigravity")

OPTIONS = "antigravity_"
"""How the names of the addon's options begin."""

AHEAD = 1.0
"""Seconds after the start until `_load_ahead`: the first request of a client need not wait for what that loads."""


class Antigravity:
    """The addon: mitmproxy's hooks, each handed on to the gateway."""

    name = "antigravity"

    def __init__(self) -> None:
        self.gateway = shared_gateway()
        self.settings_file = SettingsFile(self.gateway)
        self.demo = BuiltInDemo()
        self.hook_table: HookTable | None = None
        self.log_events: LogEvents | None = None
        self.wire: DirectWire | None = None
        self.stops = stops.Stops(self.gateway.of)
        self.worker = inside.current()
        self.addons = [*all_commands(self.gateway), Sockets(), TakenPorts()]
        self.ready = asyncio.Event()

    # --- options

    def load(self, loader: Loader) -> None:
        """The script is loaded, also once more when its file has changed: the options and the views are made known."""
        terminal.prepare()
        views.register(timing.TIMELINE, prompts.TOKENS)
        ca_key.read_quickly()
        loader.add_option(
            "antigravity_config", str, "", "Settings file (TOML) of the OpenAI gateway. Reloaded when it changes."
        )
        loader.add_option(
            "antigravity_demo", bool, False, "Serve from the built-in demo upstream: no account, no network."
        )
        loader.add_option(
            "antigravity_trace",
            str,
            "auto",
            "Record both sides of every exchange. auto: when somebody can see or save them. "
            "on: /healthz and the gateway's other own paths too.",
            choices=("auto", "on", "off"),
        )
        loader.add_option(
            "antigravity_pages",
            bool,
            False,
            "Keep the last exchanges for their pages (/exchanges) under mitmdump too; mitmweb and mitmproxy do.",
        )
        cassette_options.add(loader)
        loader.add_option(
            "antigravity_list_models",
            bool,
            True,
            "Ask the accounts at the start, and twice a day, which models they have, so that names like gpt-4o lead to "
            "the newest one.",
        )
        loader.add_option(
            "antigravity_wire",
            str,
            "auto",
            "How connections are carried. auto: by the quick wire, where nothing asks for mitmproxy's layers. "
            "layers: always by mitmproxy's layers, for comparison; new connections follow.",
            choices=("auto", "layers"),
        )

    def configure(self, updated: set[str]) -> None:
        """Options have changed, or are read for the first time. Raises OptionsError for settings that can't be used,
        but not at the start: there mitmproxy ends by itself because of what the log says."""
        self._check_choices(updated)
        if self.wire:
            self.wire.follow_options(updated)
        if "connection_strategy" in updated and ctx.options.connection_strategy != "lazy":
            # Eager would dial the upstream for each client, /healthz included, and hang up when that fails.
            ctx.options.connection_strategy = "lazy"
        if "mode" in updated:
            self.gateway.address = listening.upstream_of(ctx.options.mode) or self.gateway.address
        if updated & {"antigravity_trace", "antigravity_pages", "save_stream_file", "hardump"}:
            self.gateway.record(Recorder.wanted(), in_memory=in_memory(), at_once=at_once())
            self.gateway.shows_own = ctx.options.antigravity_trace == "on"
        if updated & {"termlog_verbosity", "flow_detail"}:
            banner.quiet_down()
            self.gateway.log.follow_options()
        if "server_replay" in updated:
            self.gateway.recordings = recordings.load(ctx.options.server_replay)
            self.gateway.server_replay.follow_options()
        if "antigravity_config" in updated and not self.settings_file.use(
            ctx.options.antigravity_config, starting=self.hook_table is None
        ):
            self._refuse_settings()

    def _check_choices(self, updated: set[str]) -> None:
        """mitmproxy takes any text where it offers a choice of some."""
        for name, option in ctx.options.items():
            value = option.current()
            if name in updated and name.startswith(OPTIONS) and option.choices and value not in option.choices:
                problem = f"The option {name} can't be {value!r}. It can be {', '.join(map(repr, option.choices))}."
                if self.hook_table:
                    raise exceptions.OptionsError(problem)
                logger.error(problem)

    def _refuse_settings(self) -> None:
        """The log has the reason. At the start that ends mitmproxy by itself, and without a traceback."""
        if self.hook_table:
            raise exceptions.OptionsError("The settings of the gateway can't be used; the reason is in the log.")

    # --- life

    # mitmproxy calls these two without waiting when it reloads a changed script, so they must not be coroutines.

    def running(self) -> None:
        """mitmproxy has started. What has to be waited for goes on in a task, `start`."""
        stand_in.take_away(ctx.master.addons)
        for name in sorted(name for name in ctx.options.deferred if name.startswith(OPTIONS)):
            near = difflib.get_close_matches(name, ctx.options.keys(), n=1, cutoff=0.0)[0]
            logger.error(f"There is no option {name}; did you mean {near}?")
        self.gateway.server_replay.install()
        self.stops.install()
        listeners = Listeners(ctx.master.addons, ctx.options, self, lambda: self.gateway.server_replay.loaded)
        self.wire = DirectWire(self.gateway, listeners)
        self.log_events = LogEvents(ctx.master)
        self.log_events.follow()
        self.hook_table = HookTable(ctx.master.addons, self._addons_changed)
        self.hook_table.install()
        Recorder.show_comments()
        cassette_options.open_cassette(self.gateway, self.settings_file.path and self.settings_file.path.parent)
        asyncio_utils.create_task(self.start(), name="start of the gateway", keep_ref=True)

    def _addons_changed(self) -> None:
        """An addon has come or gone."""
        if self.wire:
            self.wire.listeners.forget()
        if self.log_events and not ctx.master.event_loop.is_closed():
            ctx.master.event_loop.call_soon(self.log_events.follow)  # it is in the chain when all is done

    async def start(self) -> None:
        """What the start has to wait for."""
        try:
            cassettes = self.gateway.cassettes
            if cassettes:
                await cassettes.start()
            if ctx.options.antigravity_demo and not (cassettes and cassettes.strict):
                self.gateway.use_only(await self.demo.start())
            await self.gateway.share()
        finally:
            self.ready.set()
        await listening.keep_to_loopback(self.gateway)
        if self.wire:
            await self.wire.install()
        listening.show_in_mitmweb()
        self.settings_file.watch()
        if self.worker is None or self.worker.seat.greets:
            banner.show(self.gateway, self.settings_file.path, demo=self.demo.running)
            self.gateway.log.root = banner.where(self.gateway).base_url.removesuffix("/v1")
        self.gateway.list_models(ask=ctx.options.antigravity_list_models)
        # Hardly anything of a request needs the collector: while a long conversation is made of many objects, it would
        # go through them in vain.
        gc.set_threshold(YOUNG, 10, 10)
        self.gateway.heap.begin()
        asyncio.get_running_loop().call_later(AHEAD, _load_ahead)
        if self.worker and self.wire:
            draining.begin(self.worker, self.gateway, self.wire.clients)

    def done(self) -> Awaitable[None] | None:
        """mitmproxy ends, or reloads the script; only the end is an end for what is under way."""
        if self.hook_table and ctx.master.should_exit.is_set():
            return self._end()
        self._close()
        if self.wire:
            self.wire.listeners.add_own(stand_in.put(ctx.master.addons, self))
        return None

    async def _end(self) -> None:
        try:
            await ending.end(self.gateway)
            await self.gateway.telemetry.end()
            if self.gateway.everyone:
                await self.gateway.everyone.end()
            await self.gateway.share_no_more()
        finally:
            self._close()

    def _close(self) -> None:
        if self.hook_table:
            self.hook_table.uninstall()
            self.gateway.server_replay.uninstall()
            self.stops.uninstall()
        if self.wire:
            self.wire.uninstall()
        if self.log_events:
            self.log_events.uninstall()
        ca_key.read_as_ever()
        self.settings_file.unwatch()
        self.gateway.models.end()
        if self.gateway.cassettes:
            self.gateway.cassettes.close()
        self.gateway.close_store()
        self.demo.stop()

    # --- traffic

    def next_layer(self, nextlayer: layer.NextLayer) -> None:
        """A client has connected: what it sends is read by the gateway's own HTTP layer."""
        layer_setup.install(nextlayer, self.gateway)

    def http_connect_upstream(self, flow: http.HTTPFlow) -> None:
        """mitmproxy's layers ask a proxy for a tunnel. This flow is in no list, and in no file."""
        proxies.authorize(flow)

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """The exchange was opened before any hook (`wire/stream.py`); it may only have to be kept from the record."""
        _keep_from_record(self.gateway.of(flow))

    def request(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """A request is there as a whole: it is answered, or becomes the first call to Gemini. A flow that has no
        exchange is one that somebody replays."""
        if exchange := self.gateway.of(flow):
            if not self.ready.is_set():
                return self._once_ready(exchange)
            if stops.wanted(exchange):
                return self._stop_first(exchange)
            if (waiting := exchange.on_request()) is not None:
                return _later(exchange, waiting)
            _keep_from_record(exchange)
            return None
        return self.replay(flow) if self.gateway.replays.concerns(flow) else None

    async def _stop_first(self, exchange: Exchange) -> None:
        """A person wants to see the client's request before it is made into a call to Gemini."""
        await stops.stop_request(exchange)
        if (waiting := exchange.on_request()) is not None:
            await waiting
        _keep_from_record(exchange)

    async def _once_ready(self, exchange: Exchange) -> None:
        """A client was quicker than the start."""
        await self.ready.wait()
        if (waiting := exchange.on_request()) is not None:
            await waiting
        _keep_from_record(exchange)

    async def replay(self, flow: http.HTTPFlow) -> None:
        """A flow that came otherwise than over a connection to the gateway. `mitmdump -C` sends some very early."""
        await self.ready.wait()
        await self.gateway.replays.answer(flow)
        raise exceptions.AddonHalt  # it is answered; a server replay after this would answer it once more

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """The head of an answer: the upstream's, of each attempt, or the gateway's own."""
        if exchange := self.gateway.of(flow):
            exchange.on_response_headers()

    async def response(self, flow: http.HTTPFlow) -> None:
        """The answer that the client is to get, or has got as a stream; another attempt may still take its place."""
        if exchange := self.gateway.of(flow):
            await exchange.on_response()
            _keep_from_record(exchange)

    def error(self, flow: http.HTTPFlow) -> None:
        """There is nobody to answer any more: the client has left, or its request was refused before it was read."""
        if exchange := self.gateway.of(flow):
            exchange.client_left()
            _keep_from_record(exchange)


def _load_ahead() -> None:
    """What need not be done before the first request: in a thread, since somebody may be served meanwhile."""
    asyncio.get_running_loop().run_in_executor(None, dialects.named, dialects.USUAL).add_done_callback(_settle)


def _settle(loaded: asyncio.Future[Any]) -> None:
    """What is loaded by now stays: the collector is kept from it."""
    loaded.result()
    gc.collect()
    gc.freeze()


async def _later(exchange: Exchange, waiting: Awaitable[None]) -> None:
    """The rest of the hook, where something has to be waited for."""
    await waiting
    _keep_from_record(exchange)


def _keep_from_record(exchange: Exchange | None) -> None:
    """Health checks, an open status page: that is no traffic to look at or to save."""
    if exchange is not None and exchange.is_own:
        raise exceptions.AddonHalt


addons = [Antigravity()]
