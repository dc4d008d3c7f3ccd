"""Responses that were made: asking for them again, ending those that are under way, deleting them.

A response is kept unless `store` is false: the Response object, the items of its request, and its output with all that
is needed to go on from it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from addons.gateway.endpoints.background import Background
from addons.gateway.endpoints.services import EndpointServices
from addons.gateway.exchange.facts import Facts
from addons.gateway.http import answers
from addons.gateway.http.routes import Match
from mapping import faults, jsonio
from mapping.faults import Fault
from mapping.responses import stored
from mapping.values import JSON

logger = logging.getLogger("antigravity")

UNFINISHED = ("queued", "in_progress")


class StoredResponses:
    """The endpoints. Each is given the exchange, and leaves a job or an answer in it."""

    def __init__(self, services: EndpointServices, background: Background) -> None:
        self._services = services
        self._background = background.tasks

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
        query = dict(parse_qsl(exchange.flow.request.path.partition("?")[2]))
        streamed = query.get("stream") == "true"
        found = await self._services.store.get(exchange.tenant, match.id)
        task = self._background.get(match.id)
        if streamed and found is not None and task is not None:
            await asyncio.wait([task])
            found = await self._services.store.get(exchange.tenant, match.id)
        if found is None:
            raise _not_found(match.id)
        response, events = self._settled(found[0]), found[1]
        if streamed:
            after = _number(query, "starting_after", -1)
            exchange.succeed(stored.replay(response, events, after), [answers.STREAM_TYPE])
        else:
            exchange.succeed(jsonio.dumps(response))

    async def delete(self, exchange: Facts, match: Match) -> None:
        """`DELETE /v1/responses/{id}`: of one that is under way, too."""
        store = self._services.store
        if await store.get(exchange.tenant, match.id) is None:
            raise _not_found(match.id)
        task = self._background.get(match.id)
        if task is not None:
            task.cancel()  # before the deletion: nothing may be stored after it
        await store.delete(exchange.tenant, match.id)
        exchange.succeed(jsonio.dumps({"id": match.id, "object": "response", "deleted": True}))

    async def input_items(self, exchange: Facts, match: Match) -> None:
        """`GET /v1/responses/{id}/input_items`."""
        items = await self._services.store.input_items(exchange.tenant, match.id)
        if items is None:
            raise _not_found(match.id)
        query = dict(parse_qsl(exchange.flow.request.path.partition("?")[2]))
        limit = _number(query, "limit", 20)
        if not 1 <= limit <= 100:
            raise faults.bad_value("limit", "limit has to be from 1 to 100.")
        order = query.get("order", "desc")
        if order not in ("asc", "desc"):
            raise faults.bad_value("order", "order has to be asc or desc.")
        exchange.succeed(jsonio.dumps(stored.page(items, limit=limit, order=order, after=query.get("after"))))

    async def cancel(self, exchange: Facts, match: Match) -> None:
        """`POST /v1/responses/{id}/cancel`: of those that run in the background only."""
        found = await self._services.store.get(exchange.tenant, match.id)
        if found is None:
            raise _not_found(match.id)
        response = self._settled(found[0])
        if response.get("background") is not True:
            raise Fault(400, "Only responses with background set to true can be cancelled.", param="id")
        task = self._background.get(match.id)
        if task is not None:
            task.cancel()
            response = {**response, "status": "cancelled"}
            self._services.store.replace(exchange.tenant, match.id, response)
        exchange.succeed(jsonio.dumps(response))

    def _settled(self, response: JSON) -> JSON:
        """A response that was under way when the gateway was restarted has failed."""
        if response.get("status") not in UNFINISHED or response.get("id") in self._background:
            return response
        error = {"code": "server_error", "message": "The gateway was restarted while this response was made."}
        return {**response, "status": "failed", "error": error}


def _not_found(id: str) -> Fault:
    return Fault(404, f"Response with id '{id[:100]}' not found.", param="id")


def _number(query: dict[str, str], name: str, default: int) -> int:
    try:
        return int(query.get(name, default))
    except ValueError:
        raise faults.wrong_type(name, "an integer", query[name]) from None
