"""addons.gateway.wire.dispatch: what mitmproxy's own dispatch does, only quicker."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from mitmproxy import exceptions, hooks, master, options

from addons.gateway.wire.dispatch import HookTable


class Recorder:
    """An addon that notes its calls in a list that all share."""

    def __init__(self, name: str, calls: list[str], *, children: list[Any] | None = None) -> None:
        self.name = name
        self.calls = calls
        if children is not None:
            self.addons = children

    def running(self) -> None:
        self.calls.append(self.name)


class Async(Recorder):
    async def running(self) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        self.calls.append(self.name)


class Failing(Recorder):
    def running(self) -> None:
        self.calls.append(self.name)
        raise ValueError("oops")


class Halting(Recorder):
    def running(self) -> None:
        self.calls.append(self.name)
        raise exceptions.AddonHalt


class Silent:
    name = "silent"


def chain(calls: list[str]) -> list[Any]:
    failing = Failing("failing", calls, children=[Recorder("not reached: child of failing", calls)])
    return [
        Recorder("first", calls, children=[Recorder("child", calls), Async("async child", calls)]),
        Silent(),
        failing,
        Async("async", calls),
        Halting("halting", calls),
        Recorder("not reached: after the halt", calls),
    ]


def run(quick: bool) -> list[str]:
    calls: list[str] = []

    async def go() -> None:
        made = master.Master(options.Options())
        made.addons.add(*chain(calls))
        if quick:
            HookTable(made.addons).install()
        for _ in range(2):
            await made.addons.trigger_event(hooks.RunningHook())
        await made.done()

    asyncio.run(go())
    return calls


def test_the_same_calls_in_the_same_order(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert run(quick=True) == run(quick=False)
    assert len(caplog.records) == 4
    assert run(quick=True)[:5] == ["first", "child", "async child", "failing", "async"]


def test_addons_that_come_and_go() -> None:
    calls: list[str] = []

    async def go() -> None:
        made = master.Master(options.Options())
        manager = made.addons
        table = HookTable(manager)
        table.install()
        one, two = Recorder("one", calls), Recorder("two", calls)
        manager.add(one)
        await manager.trigger_event(hooks.RunningHook())
        manager.add(two)
        await manager.trigger_event(hooks.RunningHook())
        manager.remove(one)
        await manager.trigger_event(hooks.RunningHook())
        table.uninstall()
        await manager.trigger_event(hooks.RunningHook())
        await made.done()

    asyncio.run(go())
    assert calls == ["one", "one", "two", "two", "two"]
