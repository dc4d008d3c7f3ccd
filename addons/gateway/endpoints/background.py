"""Answers that are made in the background: the client has a receipt, and asks for them later.

Each runs in one process; after a restart of that it counts as failed.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from mitmproxy.utils import asyncio_utils

from addons.gateway.endpoints.answer_job import AnswerJob
from addons.gateway.endpoints.asking import Asking
from addons.gateway.endpoints.services import EndpointServices
from addons.gateway.exchange.facts import Facts
from mapping import jsonio
from mapping.dialect import Deferred
from mapping.faults import Fault, FaultKind

logger = logging.getLogger("antigravity")


class OtherWorkers(Protocol):
    """What other workers know of the answers in the background: `shared.uses.jobs`."""

    def begun(self, id: str) -> None:
        """One is made here."""

    def ended(self, id: str) -> None:
        """It is not any more."""

    async def runs(self, id: str) -> bool:
        """Whether one is made anywhere."""

    def end(self, id: str) -> None:
        """Have whoever makes it end it."""


LOOK_EVERY = 0.25
"""Seconds between two looks at an answer that another worker makes."""


class Background:
    """What is being made without a client that waits."""

    def __init__(self, services: EndpointServices, asking: Asking) -> None:
        self._services = services
        self._asking = asking
        self.tasks: dict[str, asyncio.Task[None]] = {}
        """By the id of the answer."""
        self.others: OtherWorkers | None = None
        """None: this is the only worker."""

    async def runs(self, id: str) -> bool:
        """Whether an answer is still made, here or elsewhere."""
        return id in self.tasks or (self.others is not None and await self.others.runs(id))

    def end(self, id: str) -> bool:
        """End one that is made here. False: none is."""
        task = self.tasks.get(id)
        return task is not None and task.cancel()

    def end_anywhere(self, id: str) -> None:
        """End one, wherever it is made."""
        if not self.end(id) and self.others is not None:
            self.others.end(id)

    async def wait(self, id: str) -> None:
        """Until it is not made any more."""
        if (task := self.tasks.get(id)) is not None:
            await asyncio.wait([task])
        elif self.others is not None:
            while await self.others.runs(id):  # noqa: ASYNC110 - in another process
                await asyncio.sleep(LOOK_EVERY)

    def start(self, exchange: Facts, job: AnswerJob, deferred: Deferred) -> None:
        """Answer with a receipt, and begin."""
        kept = deferred.kept()
        tenant, id, store = exchange.tenant, kept.id, self._services.store
        store.put(tenant, kept)
        job.later = True

        async def work() -> None:
            ask = self._asking.of(exchange, job.blamed)
            try:
                store.replace(tenant, id, deferred.unfinished("in_progress"))
                job.begin()
                content = await ask(job.request(), job.check)
                while not job.take(content):
                    content = await ask(job.request(), job.check)
                job.finish(await job.others())
                self._services.memory.remember(tenant, job.remember())
                job.ended()
            except asyncio.CancelledError:
                store.replace(tenant, id, deferred.unfinished("cancelled"))
                raise
            except Exception as e:
                if not isinstance(e, Fault):
                    logger.exception(f"An answer in the background failed: {id}")
                    e = Fault(500, "The gateway failed on this response.", kind=FaultKind.SERVER)
                store.replace(tenant, id, deferred.failed(e))
            finally:
                self._services.money.made_later(exchange, job)
                job.cancel()
                self.tasks.pop(id, None)
                if self.others is not None:
                    self.others.ended(id)

        if self.others is not None:
            self.others.begun(id)
        self.tasks[id] = asyncio_utils.create_task(work(), name=id, keep_ref=False)
        exchange.succeed(jsonio.dumps(kept.response))
