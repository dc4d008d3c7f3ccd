"""addons.gateway.wire.direct.listeners: which hooks anybody listens to, with mitmproxy's own addons and others."""

from __future__ import annotations

import asyncio
import itertools
import types
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import addonmanager, addons, options
from mitmproxy.addons.dumper import Dumper
from mitmproxy.proxy.layers.http import HttpRequestHook
from mitmproxy.test import tflow
from mitmproxy.tools.dump import DumpMaster

from addons.gateway.wire.direct.listeners import FLOW_HOOKS, HOOKS, IDLE, Listeners
from addons.gateway.wire.dispatch import HookTable


class Own:
    """In the gateway's place: it listens to everything, and is told directly."""

    name = "own"

    def __init__(self) -> None:
        self.addons = [addon(request=print, client_connected=print, next_layer=print)]

    def request(self, flow: object) -> None: ...

    def next_layer(self, layer: object) -> None: ...


def run(test: Callable[[DumpMaster, Listeners], Awaitable[None] | None]) -> None:
    """With all of mitmdump's addons, as the gateway has them."""

    async def inside() -> None:
        master = DumpMaster(options.Options(), with_termlog=False)
        own = Own()
        master.addons.add(own)
        master.options.update(flow_detail=0)
        listeners = Listeners(master.addons, master.options, own, lambda: False)
        table = HookTable(master.addons, listeners.forget)
        table.install()
        try:
            result = test(master, listeners)
            if result is not None:
                await result
        finally:
            table.uninstall()

    asyncio.run(inside())


def heard(listeners: Listeners) -> set[str]:
    return {hook for hook in HOOKS if listeners.hears(hook)} | ({"next_layer"} if listeners.touches_layers else set())


def test_by_default_nobody_listens() -> None:
    def test(_: DumpMaster, listeners: Listeners) -> None:
        assert heard(listeners) == set()
        assert not listeners.request

    run(test)


REQUEST, HEADS = {"request"}, {"requestheaders"}
ASKED_FOR: dict[str, tuple[Any, set[str]]] = {
    "anticache": (True, REQUEST),
    "anticomp": (True, REQUEST),
    "block_list": (["/~all/444"], REQUEST),
    "flow_detail": (1, {"response", "error"}),
    "map_remote": (["|//a/|//b/"], REQUEST),
    "map_local": (["|//a/|FOLDER"], REQUEST),
    "modify_body": (["/a/b"], {"request", "response"}),
    "modify_headers": (["/a/b"], {"requestheaders", "responseheaders"}),
    "proxyauth": ("any", HEADS),
    "save_stream_file": ("FOLDER/saved.flow", {"request", "response", "error"}),
    "hardump": ("FOLDER/saved.har", {"response", "error"}),
    "stickyauth": (".*", REQUEST),
    "stickycookie": (".*", {"request", "response"}),
    "upstream_auth": ("user:word", HEADS),
}


@pytest.mark.parametrize(("name", "row"), ASKED_FOR.items(), ids=ASKED_FOR.keys())
def test_an_addon_that_an_option_asks_for(name: str, row: tuple[Any, set[str]], tmp_path: Path) -> None:
    value, hooks = row
    if isinstance(value, str):
        value = value.replace("FOLDER", str(tmp_path))
    elif isinstance(value, list):
        value = [item.replace("FOLDER", str(tmp_path)) for item in value]

    async def test(master: DumpMaster, listeners: Listeners) -> None:
        before = getattr(master.options, name)
        assert heard(listeners) == set()
        master.options.update(**{name: value})
        listeners.forget()
        assert heard(listeners) >= hooks
        assert listeners.request is bool(hooks & {"request", "requestheaders"})
        assert not listeners.touches_layers
        master.options.update(**{name: before})
        listeners.forget()
        assert heard(listeners) == set()

    run(test)


def test_every_default_addon_that_has_a_hook_is_known() -> None:
    """Else it would be heard always, and the gateway slow."""
    known = {f"mitmproxy.addons.{name}" for name in IDLE} | {"mitmproxy.addons.serverplayback.ServerPlayback"}
    for known_addon in addonmanager.traverse([*addons.default_addons(), Dumper()]):
        kind = type(known_addon)
        if any(callable(getattr(known_addon, hook, None)) for hook in (*HOOKS, "update")):
            assert f"{kind.__module__}.{kind.__qualname__}" in known


def test_every_class_of_the_table_is_there() -> None:
    there = {f"{type(one).__module__}.{type(one).__qualname__}" for one in [*addons.default_addons(), Dumper()]}
    assert {f"mitmproxy.addons.{name}" for name in IDLE} <= there


def module(**functions: Any) -> types.ModuleType:
    """A script, as mitmproxy loads one."""
    made = types.ModuleType("script")
    vars(made).update(functions)
    return made


_numbers = itertools.count()


def addon(**members: Any) -> types.SimpleNamespace:
    """An object with hooks."""
    return types.SimpleNamespace(name=f"addon{next(_numbers)}", **members)


def listens(*_: object) -> None:
    """A hook."""


OTHERS: dict[str, tuple[Any, set[str]]] = {
    "nothing": (module(), set()),
    "a script": (module(request=listens), {"request"}),
    "a script with addons": (module(addons=[addon(response=listens)]), {"response"}),
    "an object": (addon(error=listens, client_connected=listens), {"error", "client_connected"}),
    "children": (addon(addons=[addon(request=listens)]), {"request"}),
    "a module of that name": (module(request=types), set()),
    "updates": (addon(update=listens), set(FLOW_HOOKS)),
    "layers": (module(next_layer=listens), {"next_layer"}),
    "TLS to upstreams": (module(tls_start_server=listens), {"next_layer"}),
    "TLS that failed": (module(tls_failed_server=listens), {"next_layer"}),
    "TLS from clients": (module(tls_established_client=listens), {"next_layer"}),
    "other hooks": (module(running=listens, websocket_message=listens, server_connect=listens), set()),
}


@pytest.mark.parametrize(("other", "hooks"), OTHERS.values(), ids=OTHERS.keys())
def test_other_addons_come_and_go(other: Any, hooks: set[str]) -> None:
    def test(master: DumpMaster, listeners: Listeners) -> None:
        assert heard(listeners) == set()
        master.addons.add(other)
        assert heard(listeners) == hooks
        master.addons.remove(other)
        assert heard(listeners) == set()

    run(test)


def test_recordings_are_told_of_requests() -> None:
    async def inside() -> None:
        master = DumpMaster(options.Options(), with_termlog=False, with_dumper=False)
        loaded = False
        listeners = Listeners(master.addons, master.options, object(), lambda: loaded)
        assert not listeners.request
        loaded = True
        assert listeners.request

    asyncio.run(inside())


def test_a_flow_that_is_stopped_is_waited_for() -> None:
    class Stops:
        def request(self, flow: Any) -> None:
            flow.intercept()

    async def test(master: DumpMaster, listeners: Listeners) -> None:
        master.addons.add(Stops())
        flow = tflow.tflow()
        telling = asyncio.ensure_future(listeners.tell(HttpRequestHook(flow)))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not telling.done()
        flow.resume()
        await telling

    run(test)
