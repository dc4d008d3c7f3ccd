"""addons.gateway.draining: what becomes of connections between two requests (in full: tests/e2e, with workers)."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from addons.gateway import draining


def test_a_connection_that_can_not_be_given_back_yet_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """No further file may be open for the way back: the worker is there until it may."""
    done: list[str] = []
    answers = [False, False, True]
    clients: Any = []

    def give_back(descriptor: int) -> bool:
        done.append(f"give back {descriptor}")
        return answers.pop(0)

    def abort() -> None:
        done.append("abort")
        clients.clear()

    transport = SimpleNamespace(get_extra_info=lambda name: SimpleNamespace(fileno=lambda: 7), abort=abort)
    connection = SimpleNamespace(is_between=True, transport=transport, between=None)
    handing = SimpleNamespace(give_back=give_back, stop=lambda: done.append("stop"), is_quiet=True)
    worker: Any = SimpleNamespace(handing=handing)
    gateway: Any = SimpleNamespace(exchanges={}, background=SimpleNamespace(tasks={}))
    monkeypatch.setattr(draining, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(draining, "ctx", SimpleNamespace(master=SimpleNamespace(shutdown=lambda: done.append("end"))))
    clients.append(connection)
    asyncio.run(draining.drain(worker, gateway, clients))
    assert done == ["stop", *["give back 7"] * 3, "abort", "end"]
