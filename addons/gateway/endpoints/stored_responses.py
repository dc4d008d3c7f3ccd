"""Responses that were made: asking for them again, ending those that are under way, deleting them.

A response is kept unless `store` is false: the Response object, the items of its request, and its output with all that
is needed to go on from it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from addons.gateway.endpoints.background import Background
from addons.gateway.endpoints.services import EndpointServices
from addons.gateway.exchange.facts import Facts
from addons.gateway.http import answers
from addons.gateway.http.routes import Match
from addons.gateway.storage.store import is_finished
from mapping import jsonio
from mapping.late import late
from mapping.values import JSON

if TYPE_CHECKING:
    from mapping.responses import stored
else:
    stored = late("mapping.responses.stored")

logger = logging.getLogger("antigravity")


class StoredResponses:
    """The endpoints. Each is given the exchange, and leaves a job or an answer in it."""

    def __init__(self, services: EndpointServices, background: Background) -> None:
        self._services = services
        self._background = background

    @property
    def endpoints(self) -> dict[str, Callable[[Facts, Match], Awaitable[None] | None]]:
        """The name of the endpoint in the table of routes -> what serves it. Each raises Fault (404) for an id that is
        not there, or is another tenant's."""
        return {
            "response": self.retrieve,
            "delete_response": self.delete,
            "input_items": self.input_items,
            "cancel": self.cancel,
        }

    async def retrieve(self, exchange: Facts, match: Match) -> None:
        """`GET /v1/responses/{id}`, also as the stream that it was; one that is under way is waited for then."""
        query = _query(exchange)
        streamed = stored.wants_stream(query)
        response, events = await self._settled(exchange.tenant, match.id)
        if streamed and not is_finished(response):
            with exchange.waiting("waiting for the answer in the background"):
                await self._background.wait(match.id)
            response, events = await self._settled(exchange.tenant, match.id)
        if streamed:
            exchange.succeed(stored.replay(response, events, stored.known_events(query)), [answers.STREAM_TYPE])
        else:
            exchange.succeed(jsonio.dumps(response))

    async def delete(self, exchange: Facts, match: Match) -> None:
        """`DELETE /v1/responses/{id}`: of one that is under way, too."""
        store = self._services.store
        if await store.get(exchange.tenant, match.id) is None:
            raise stored.not_found(match.id)
        self._background.end_anywhere(match.id)  # before the deletion: nothing may be stored after it
        await store.delete(exchange.tenant, match.id)
        exchange.succeed(jsonio.dumps(stored.deleted(match.id)))

    async def input_items(self, exchange: Facts, match: Match) -> None:
        """`GET /v1/responses/{id}/input_items`."""
        items = await self._services.store.input_items(exchange.tenant, match.id)
        if items is None:
            raise stored.not_found(match.id)
        exchange.succeed(jsonio.dumps(stored.asked_page(items, _query(exchange))))

    async def cancel(self, exchange: Facts, match: Match) -> None:
        """`POST /v1/responses/{id}/cancel`: of those that run in the background only."""
        response, _ = await self._settled(exchange.tenant, match.id)
        stored.check_cancellable(response)
        if not is_finished(response):
            self._background.end_anywhere(match.id)
            left = await self._services.store.finish(exchange.tenant, match.id, stored.cancelled(response))
            if left is None:
                raise stored.not_found(match.id)
            response = left
        exchange.succeed(jsonio.dumps(response))

    async def _settled(self, tenant: str, id: str) -> tuple[JSON, bytes | None]:
        """A response, and its events. One that was under way when its process ended is not any more. Raises Fault."""
        response, events = await self._found(tenant, id)
        if is_finished(response) or await self._background.runs(id):
            return response, events
        response, events = await self._found(tenant, id)  # it may have been finished before the second question
        return (response if is_finished(response) else stored.settled(response)), events

    async def _found(self, tenant: str, id: str) -> tuple[JSON, bytes | None]:
        found = await self._services.store.get(tenant, id)
        if found is None:
            raise stored.not_found(id)
        return found


def _query(exchange: Facts) -> dict[str, str]:
    return dict(parse_qsl(exchange.flow.request.path.partition("?")[2]))
