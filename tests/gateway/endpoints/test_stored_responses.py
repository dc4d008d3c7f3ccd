"""Responses that are asked for while they are made, or have just been made, in another process."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from addons.gateway.endpoints.stored_responses import StoredResponses
from mapping import jsonio
from mapping.faults import Fault

WORKS = {"id": "resp_a", "status": "in_progress", "background": True}
DONE = {"id": "resp_a", "status": "completed", "background": True}


class Store:
    """What is found each time; the last stays."""

    def __init__(self, *found: Any) -> None:
        self._found = list(found)

    async def get(self, tenant: str, id: str) -> Any:
        found = self._found.pop(0) if len(self._found) > 1 else self._found[0]
        return None if found is None else (found, None)

    async def finish(self, tenant: str, id: str, response: Any) -> Any:
        return response


class Background:
    """Whether it runs, each time."""

    def __init__(self, *runs: bool) -> None:
        self._runs = list(runs)
        self.ended = 0

    async def runs(self, id: str) -> bool:
        return self._runs.pop(0)

    async def wait(self, id: str) -> None: ...

    def end_anywhere(self, id: str) -> None:
        self.ended += 1


def asked(store: Store, background: Background, what: str = "response", query: str = "") -> Any:
    """What is answered. Raises Fault."""
    given: list[bytes] = []
    exchange: Any = SimpleNamespace(
        tenant="",
        flow=SimpleNamespace(request=SimpleNamespace(path=f"/v1/responses/resp_a{query}")),
        succeed=lambda content, fields=(): given.append(content),
        waiting=lambda what: nullcontext(),
    )
    services: Any = SimpleNamespace(store=store)
    endpoint = StoredResponses(services, background).endpoints[what]  # type: ignore[arg-type]
    match: Any = SimpleNamespace(id="resp_a")

    async def run() -> None:
        if (waiting := endpoint(exchange, match)) is not None:
            await waiting

    asyncio.run(run())
    return given[0]


def test_one_that_is_finished_while_it_is_asked_for_has_not_failed() -> None:
    """It was read when it was not finished, and looked for among those that run when it was."""
    assert jsonio.loads(asked(Store(WORKS, DONE), Background(False))) == DONE
    assert jsonio.loads(asked(Store(WORKS, DONE), Background(False), "cancel")) == DONE
    assert b'"response.completed"' in asked(Store(WORKS, DONE), Background(False), query="?stream=true")


def test_one_that_nobody_makes_has_failed() -> None:
    assert jsonio.loads(asked(Store(WORKS), Background(False)))["status"] == "failed"


def test_one_that_is_made_is_told_waited_for_and_ended() -> None:
    assert jsonio.loads(asked(Store(WORKS), Background(True))) == WORKS
    assert b'"response.completed"' in asked(Store(WORKS, DONE), Background(True), query="?stream=true")
    background = Background(True)
    assert jsonio.loads(asked(Store(WORKS), background, "cancel"))["status"] == "cancelled"
    assert background.ended == 1


def test_one_that_was_deleted_meanwhile_is_not_there() -> None:
    with pytest.raises(Fault) as found:
        asked(Store(WORKS, None), Background(False))
    assert found.value.status == 404
