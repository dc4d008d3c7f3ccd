"""`/v1/responses` and what is around it: making responses, asking for them again, ending them.

A response is kept unless `store` is false: the Response object, the items of its request, and its output with all that
is needed to go on from it. What runs in the background runs in this process; after a restart it counts as failed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from mitmproxy.utils import asyncio_utils

from addons.gateway.endpoints.generate import Dialect, GenerateJob
from addons.gateway.endpoints.jobs import CountJob
from addons.gateway.exchange.ids import mint
from addons.gateway.http import answers
from addons.gateway.storage.store import Record
from mapping import faults, jsonio, responses
from mapping.faults import Fault, FaultKind
from mapping.notes import Notes
from mapping.request.plan import Translated
from mapping.responses import objects, stored
from mapping.responses.request.input_list import listed_items
from mapping.responses.request.inputs import Resolve
from mapping.values import JSON

if TYPE_CHECKING:
    from addons.gateway.exchange.exchange import Exchange
    from addons.gateway.gateway import Gateway
    from addons.gateway.http.routes import Match

logger = logging.getLogger("antigravity")

UNFINISHED = ("queued", "in_progress")


class ResponsesApi:
    """The endpoints. Each is given the exchange, and leaves a job or an answer in it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._background: dict[str, asyncio.Task[None]] = {}

    @property
    def endpoints(self) -> dict[str, Callable[[Exchange, Match], Awaitable[None] | None]]:
        return {
            "responses": self.create,
            "response": self.retrieve,
            "delete_response": self.delete,
            "input_items": self.input_items,
            "cancel": self.cancel,
            "input_tokens": self.count,
            "compact": self.compact,
        }

    @property
    def in_background(self) -> list[asyncio.Task[None]]:
        """The responses that are being made without a client that waits."""
        return list(self._background.values())

    # --- making responses

    async def create(self, exchange: Exchange, match: Match) -> None:
        """`POST /v1/responses`."""
        body, call, resolve = await self._translate(exchange)
        plan = _plan(call)
        response_id, created = exchange.seeds.mint("resp_", 16), exchange.seeds.now()
        items = listed_items(body, mint=mint, resolve=resolve) if plan.store else []
        record = Record(response_id, exchange.tenant, {}, items, [], previous=body.get("previous_response_id"))
        dialect = self._dialect(exchange, plan, record, created)
        if body.get("background") is True and not call.plan.stream and not plan.prewarm:
            if not plan.store:
                raise faults.unsupported_value("background", "background needs store: the answer is asked for later.")
            self._start(exchange, call, dialect, record, created)
            return
        self._gateway.generate(exchange, call, dialect)

    async def chat_with_input(self, exchange: Exchange, dialect: Callable[[Translated], Dialect]) -> None:
        """A Responses-shaped body on another dialect's path: answered as that path answers."""
        _, call, _ = await self._translate(exchange)
        exchange.notes.add("path", "a body with input")
        self._gateway.generate(exchange, call, dialect(call))

    async def count(self, exchange: Exchange, match: Match) -> None:
        """`POST /v1/responses/input_tokens`."""
        _, call, _ = await self._translate(exchange)
        body = {name: value for name, value in call.body.items() if name != "store"}
        exchange.job = CountJob(call.model, call.plan.client_model, body, call.plan)

    async def compact(self, exchange: Exchange, match: Match) -> None:
        """`POST /v1/responses/compact`: a summary that stands for the conversation from then on."""
        _, call, _ = await self._translate(exchange, trigger=True)
        plan = _plan(call)
        call.plan.stream = False
        response_id, created = exchange.seeds.mint("resp_", 16), exchange.seeds.now()

        def whole(notes: Notes) -> Any:
            sources = self._sources(exchange, response_id, created)
            return Compaction(responses.ResponsesAnswer(plan, notes=notes, chat_shape=False, **sources))

        dialect = Dialect(whole=whole, stream=_no_stream)
        exchange.job = GenerateJob(call, dialect, exchange.notes, self._gateway.asker(exchange, plan))

    async def _translate(self, exchange: Exchange, *, trigger: bool = False) -> tuple[JSON, Translated, Resolve]:
        """The body of the request, its Gemini call, and what finds the stored items that it refers to."""
        gateway, store = self._gateway, self._gateway.store
        body, name, model = gateway.model_request(exchange)
        history: list[JSON] = []
        previous = body.get("previous_response_id")
        if previous is not None:
            if not isinstance(previous, str):
                raise faults.wrong_type("previous_response_id", "a string", previous)
            if body.get("conversation") is not None:
                raise faults.bad_value(
                    "previous_response_id", "previous_response_id and conversation can't be used together."
                )
            found = await store.history(exchange.tenant, previous)
            if found is None:
                raise Fault(
                    400,
                    f"Previous response with id '{previous[:100]}' not found.",
                    code="previous_response_not_found",
                    param="previous_response_id",
                )
            history = found
        if trigger:
            body = stored.with_trigger(body)
        wanted = stored.referenced(body)
        known = await store.items(exchange.tenant, wanted) if wanted else {}
        if exchange.trace:
            chat_shape = gateway.settings.responses.choices
            exchange.trace.given |= {"history": history, "items": known, "chat_shape": chat_shape}
        call = responses.translate(
            body,
            model=model,
            client_model=name,
            options=gateway.options,
            recall=gateway.recall(exchange),
            notes=exchange.notes,
            history=history,
            unseal=gateway.unseal(exchange),
            resolve=known.get,
        )
        return body, call, known.get

    def _dialect(self, exchange: Exchange, plan: responses.ResponsesPlan, record: Record, created: int) -> Dialect:
        gateway, store = self._gateway, self._gateway.store  # whatever the settings name when it has ended
        given = self._sources(exchange, record.id, created)
        chat_shape = gateway.settings.responses.choices

        def whole(notes: Notes) -> Any:
            return responses.ResponsesAnswer(plan, notes=notes, chat_shape=chat_shape, **given)

        def stream() -> Any:
            return responses.ResponsesStream(plan, notes=exchange.notes, **given)

        def ended(translator: Any, events: bytes | None) -> None:
            record.response, record.output_items = translator.response(), translator.stored_output()
            record.events = events
            store.put(record)
            if exchange.conversation:
                gateway.affinity.made(exchange.tenant, record.id, exchange.conversation)

        return Dialect(whole=whole, stream=stream, ended=ended if plan.store else None)

    def _sources(self, exchange: Exchange, response_id: str, created: int) -> dict[str, Any]:
        """Where the translation of an answer has its ids, times and encrypted texts from."""
        seeds, seal = exchange.seeds, self._gateway.sealer.seal
        return {
            "created": created,
            "mint": seeds.mint,
            "seal": lambda payload: seeds.seal(partial(seal, payload)),
            "response_id": response_id,
            "clock": seeds.now,
        }

    # --- in the background

    def _start(self, exchange: Exchange, call: Translated, dialect: Dialect, record: Record, created: int) -> None:
        tenant, response_id, store = exchange.tenant, record.id, self._gateway.store
        plan = _plan(call)
        unfinished = partial(objects.in_progress, plan, response_id=response_id, created=created)
        queued = unfinished(status="queued")
        store.put(replace(record, response=queued))
        job = GenerateJob(call, dialect, exchange.notes, self._gateway.asker(exchange, plan))

        async def work() -> None:
            ask = self._gateway.asker(exchange, plan)
            try:
                store.replace(tenant, response_id, unfinished(status="in_progress"))
                content = await ask(job.request(), job.check)
                while not job.take(content):
                    content = await ask(job.request(), job.check)
                job.finish(await job.others())
                self._gateway.memory.remember(tenant, job.remember())
                job.ended()
            except asyncio.CancelledError:
                store.replace(tenant, response_id, unfinished(status="cancelled"))
                raise
            except Exception as e:
                if not isinstance(e, Fault):
                    logger.exception(f"A background response failed: {response_id}")
                    e = Fault(500, "The gateway failed on this response.", kind=FaultKind.SERVER)
                failed = objects.failed(plan, response_id=response_id, created=created, error=e)
                store.replace(tenant, response_id, failed)
            finally:
                job.cancel()
                self._background.pop(response_id, None)

        self._background[response_id] = asyncio_utils.create_task(work(), name=response_id, keep_ref=False)
        exchange.job = job
        exchange.succeed(jsonio.dumps(queued))

    # --- what was made

    async def retrieve(self, exchange: Exchange, match: Match) -> None:
        """`GET /v1/responses/{id}`, also as the stream that it was; one that is under way is waited for then."""
        query = dict(parse_qsl(exchange.flow.request.path.partition("?")[2]))
        streamed = query.get("stream") == "true"
        found = await self._gateway.store.get(exchange.tenant, match.id)
        task = self._background.get(match.id)
        if streamed and found is not None and task is not None:
            await asyncio.wait([task])
            found = await self._gateway.store.get(exchange.tenant, match.id)
        if found is None:
            raise _not_found(match.id)
        response, events = self._settled(found[0]), found[1]
        if streamed:
            after = _number(query, "starting_after", -1)
            exchange.succeed(stored.replay(response, events, after), [answers.STREAM_TYPE])
        else:
            exchange.succeed(jsonio.dumps(response))

    async def delete(self, exchange: Exchange, match: Match) -> None:
        """`DELETE /v1/responses/{id}`: of one that is under way, too."""
        store = self._gateway.store
        if await store.get(exchange.tenant, match.id) is None:
            raise _not_found(match.id)
        task = self._background.get(match.id)
        if task is not None:
            task.cancel()  # before the deletion: nothing may be stored after it
        await store.delete(exchange.tenant, match.id)
        exchange.succeed(jsonio.dumps({"id": match.id, "object": "response", "deleted": True}))

    async def input_items(self, exchange: Exchange, match: Match) -> None:
        """`GET /v1/responses/{id}/input_items`."""
        items = await self._gateway.store.input_items(exchange.tenant, match.id)
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

    async def cancel(self, exchange: Exchange, match: Match) -> None:
        """`POST /v1/responses/{id}/cancel`: of those that run in the background only."""
        found = await self._gateway.store.get(exchange.tenant, match.id)
        if found is None:
            raise _not_found(match.id)
        response = self._settled(found[0])
        if response.get("background") is not True:
            raise Fault(400, "Only responses with background set to true can be cancelled.", param="id")
        task = self._background.get(match.id)
        if task is not None:
            task.cancel()
            response = {**response, "status": "cancelled"}
            self._gateway.store.replace(exchange.tenant, match.id, response)
        exchange.succeed(jsonio.dumps(response))

    def _settled(self, response: JSON) -> JSON:
        """A response that was under way when the gateway was restarted has failed."""
        if response.get("status") not in UNFINISHED or response.get("id") in self._background:
            return response
        error = {"code": "server_error", "message": "The gateway was restarted while this response was made."}
        return {**response, "status": "failed", "error": error}


class Compaction:
    """The answer to `compact`: a response's output under another kind of object."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def finish(self) -> bytes:
        self._inner.finish()
        response = self._inner.response()
        return jsonio.dumps(
            {
                "id": response["id"],
                "object": "response.compaction",
                "created_at": response["created_at"],
                "output": response["output"],
                "usage": response["usage"],
            }
        )


def _plan(call: Translated) -> responses.ResponsesPlan:
    assert isinstance(call.plan, responses.ResponsesPlan)
    return call.plan


def _no_stream() -> Any:
    raise AssertionError("not a stream")


def _not_found(id: str) -> Fault:
    return Fault(404, f"Response with id '{id[:100]}' not found.", param="id")


def _number(query: dict[str, str], name: str, default: int) -> int:
    try:
        return int(query.get(name, default))
    except ValueError:
        raise faults.wrong_type(name, "an integer", query[name]) from None
