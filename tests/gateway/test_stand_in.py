"""addons.gateway.stand_in: where the hooks of a dropped script go on."""

import asyncio
from typing import Any

from mitmproxy import master, options
from mitmproxy.addons import next_layer, script

from addons.gateway import stand_in
from addons.gateway.stand_in import HOOKS, StandIn
from addons.gateway.wire.direct.listeners import Listeners


class Dropped:
    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def test_it_stands_where_scripts_do_and_goes_when_one_is_loaded() -> None:
    async def run() -> None:
        manager = master.Master(options.Options()).addons
        choosing = next_layer.NextLayer()
        manager.add(script.ScriptLoader(), choosing)
        before = list(manager.chain)
        for _ in range(2):
            stand_in.put(manager, Dropped())
        kinds = [type(addon) for addon in manager.chain]
        assert kinds.count(StandIn) == 1
        assert kinds.index(StandIn) < kinds.index(next_layer.NextLayer)
        for hook in HOOKS:
            assert callable(getattr(manager.get(StandIn.name), hook))
        stand_in.take_away(manager)
        stand_in.take_away(manager)
        assert manager.chain == before

    asyncio.run(run())


def test_nobody_else_is_asked_because_of_it() -> None:
    """The quick wire goes on, and tells the gateway directly."""

    async def run() -> None:
        made = master.Master(options.Options())
        listeners = Listeners(made.addons, made.options, object(), lambda: False)
        one = stand_in.put(made.addons, Dropped())
        listeners.forget()
        assert (listeners.request, listeners.touches_layers) == (True, True)
        listeners.add_own(one)
        assert (listeners.request, listeners.touches_layers) == (False, False)

    asyncio.run(run())
