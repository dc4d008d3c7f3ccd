"""Answers that are made in the background: the client has a receipt, and asks for them later.

They run in this process; after a restart they count as failed.
"""

from __future__ import annotations

import asyncio
import logging

from mitmproxy.utils import asyncio_utils

from addons.gateway.endpoints.answer_job import AnswerJob
from addons.gateway.endpoints.asking import Asking
from addons.gateway.endpoints.services import EndpointServices
from addons.gateway.exchange.facts import Facts
from mapping import jsonio
from mapping.dialect import Deferred
from mapping.faults import Fault, FaultKind

logger = logging.getLogger("antigravity")


class Background:
    """What is being made without a client that waits."""

    def __init__(self, services: EndpointServices, asking: Asking) -> None:
        self._services = services
        self._asking = asking
        self.tasks: dict[str, asyncio.Task[None]] = {}
        """By the id of the answer."""

    def start(self, exchange: Facts, job: AnswerJob, deferred: Deferred) -> None:
        """Answer with a receipt, and begin."""
        kept = deferred.kept()
        tenant, id, store = exchange.tenant, kept.id, self._services.store
        store.put(tenant, kept)

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
                job.cancel()
                self.tasks.pop(id, None)

        self.tasks[id] = asyncio_utils.create_task(work(), name=id, keep_ref=False)
        exchange.succeed(jsonio.dumps(kept.response))
