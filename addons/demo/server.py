"""The demo upstream on a socket: routes, credentials, streams, and the faults of the connection itself."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
import os
import re
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qsl, unquote

from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets

from addons.demo import faults, kinds, models, refusal
from addons.demo.answer import embeddings
from addons.demo.answer.answer import compose, count_prompt
from addons.demo.refusal import Refusal
from addons.demo.request.proto import JSON
from addons.demo.stored import DemoCall, Reply, Stored

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PAUSE = 0.03
"""Seconds between the events of a stream; the environment variable DEMO_PAUSE sets another value."""
_SLOW, _SILENT = 3.0, 20.0
_SOME = 2
"""The events that come before a stream goes wrong in its middle."""
_KEPT = 1000
_MAX_BODY = 256 * 1024 * 1024

_MODELS = re.compile(r"/v1\w*/models(?:/([^/:]+))?")
_PLAIN_ERROR = (
    "<!DOCTYPE html>\n<html lang=en><title>Error {status} ({title})!!1</title>"
    "<p><b>{status}.</b> <ins>That’s an error.</ins></html>\n"
)
_HEADERS = {"Server": "scaffolding on HTTPServer2", "Vary": "Origin", "Server-Timing": "gfet4t7; dur=1"}
_NONE: Mapping[str, str] = {}
_JSON_TYPE = "application/json; charset=UTF-8"
_HTML_TYPE = "text/html; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class DemoRequest:
    """A request as it came. `body` is the parsed JSON, or the bytes when they are none."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: Any


class DemoServer:
    """A running demo upstream. `url` has no slash at its end.

    `host` is a loopback address, else ValueError is raised; `port` 0: any that is free. `pause` is the time between the
    events of a stream in seconds; `clock` tells a time in seconds, for faults that pass.
    """

    def __init__(self, host: str, port: int, pause: float, clock: Callable[[], float]) -> None:
        if host not in LOOPBACK:
            raise ValueError(f"the demo upstream listens on loopback only, not on {host}")
        self.requests: deque[DemoRequest] = deque(maxlen=_KEPT)
        self._pause = pause
        self._victims = faults.Victims(clock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = HTTPServer(self._accept, max_buffer_size=_MAX_BODY)
        sockets = bind_sockets(port, host)
        self._server.add_sockets(sockets)
        self.port: int = sockets[0].getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        self._stored = Stored(self.url)

    def stop(self) -> asyncio.Future[Any]:
        """Stop listening and drop what is under way. May be awaited; then all connections are closed."""
        self._server.stop()
        for task in self._tasks:
            task.cancel()
        return asyncio.gather(self._server.close_all_connections(), *self._tasks, return_exceptions=True)

    def _accept(self, request: HTTPServerRequest) -> None:
        task = asyncio.ensure_future(self._serve(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, request: HTTPServerRequest) -> None:
        exchange = _Exchange(request, self._pause, self._victims, self._stored)
        self.requests.append(exchange.received)
        try:
            await exchange.answer()
        except StreamClosedError:
            pass


async def start(
    port: int = 0,
    host: str = "127.0.0.1",
    *,
    pause: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> DemoServer:
    """Start a demo upstream in the running event loop.

    Port 0 takes a free one. `pause` is in seconds between events; `clock` gives the seconds that quotas wait for.
    Raises ValueError for a host that is not loopback, OSError when the port is taken.
    """
    return DemoServer(host, port, float(os.environ.get("DEMO_PAUSE", PAUSE)) if pause is None else pause, clock)


class _Broken(Exception):
    """The connection is closed already, on purpose."""


class _Exchange:
    """One request and its answer."""

    def __init__(self, request: HTTPServerRequest, pause: float, victims: faults.Victims, stored: Stored) -> None:
        self._request = request
        self._connection = cast(HTTP1Connection, request.connection)
        self._pause = pause
        self._victims = victims
        self._stored = stored
        self._query = dict(parse_qsl(request.query, keep_blank_values=True))
        self._fault: faults.DemoFault | None = None
        self._begun = False
        try:
            self._body = json.loads(request.body, parse_constant=_no_constant) if request.body else None
            self._is_json = True
        except (ValueError, RecursionError):
            self._body, self._is_json = request.body, False
        headers = {name.lower(): value for name, value in request.headers.get_all()}
        self.received = DemoRequest(request.method or "", request.path, self._query, headers, self._body)

    async def answer(self) -> None:
        """Write the answer, whatever it is."""
        try:
            await self._route()
        except Refusal as refused:
            await self._send(refused.status, _pretty(refused.as_json()), _JSON_TYPE)
        except _Broken:
            pass
        except StreamClosedError:
            raise
        except Exception:
            logging.getLogger(__name__).exception("The demo upstream failed")
            if self._begun:
                self._connection.stream.close()
            else:
                await self._send(500, _pretty(refusal.internal().as_json()), _JSON_TYPE)

    async def _route(self) -> None:
        path, verb = unquote(self._request.path), self._request.method
        if (target := kinds.target(path)) and verb == "POST":
            await self._call(target, self._authorise())
        elif (match := _MODELS.fullmatch(path)) and verb == "GET":
            self._authorise()
            await self._send_json(self._list() if match[1] is None else self._get(match[1]))
        elif Stored.serves(path):
            call = DemoCall(verb or "", path, self._query, self.received.headers, self._request.body, self._authorise())
            await self._give(self._stored.answer(call))
        else:
            page = _PLAIN_ERROR.format(status=404, title="Not Found")
            await self._send(404, page.encode(), _HTML_TYPE)

    def _authorise(self) -> str:
        """The credential, which is also what faults go by. Keys of OpenAI are refused like any wrong token."""
        headers = self.received.headers
        key = headers.get("x-goog-api-key") or self._query.get("key", "")
        scheme, _, token = headers.get("authorization", "").partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else ""
        if key:
            if "invalid" in key:
                raise refusal.bad_key()
        elif not token:
            raise refusal.no_key()
        elif "invalid" in token or token.startswith("sk-"):
            raise refusal.bad_token()
        return key or token

    # ---- models

    def _list(self) -> JSON:
        listed = models.listing(faults.FAULTS)
        try:
            size = int(self._query.get("pageSize") or 50)
            start = int(base64.b64decode(self._query.get("pageToken", "") + "==") or 0)
        except (ValueError, binascii.Error):
            raise refusal.invalid("* ListModelsRequest.page_token: invalid page size or token\n") from None
        if size < 0 or start < 0:
            raise refusal.invalid("* ListModelsRequest.page_size: must not be negative\n")
        end = start + min(size or 50, 1000)
        page: JSON = {"models": listed[start:end]}
        if end < len(listed):
            page["nextPageToken"] = base64.b64encode(str(end).encode()).decode().rstrip("=")
        return page

    def _get(self, name: str) -> JSON:
        if models.find(name) is None:
            raise refusal.no_model(name, "GetModel", "v1beta")
        return models.details(name)

    # ---- methods of a model

    async def _call(self, target: kinds.DemoTarget, key: str) -> None:
        name, method, kind = target.named(self._body), target.method, target.kind
        model = models.find(name)
        if model is None or method not in model.methods or (method == "predict" and kind is not kinds.VERTEX):
            raise refusal.no_model(name, method, target.version)
        if not self._is_json or self._body is None:
            raise refusal.invalid("Invalid JSON payload received. Expected a value.")
        body = kind.read(method, self._body)
        self._fault = faults.parse(name)
        if self._fault and not self._victims.meets(self._fault, name, key):
            self._fault = None
        if self._fault:
            await self._fail_before(self._fault)
            faults.refuse(self._fault, name, method, key, self._victims)
        if method == "countTokens":
            await self._send_json(_count_tokens(body, model))
        elif method in embeddings.METHODS:
            answer = embeddings.embed(method, body, name, vertex=kind is kinds.VERTEX)
            await self._whole(answer, self._fault.name if self._fault else "")
        else:
            await self._generate(body, model, kind, key, stream=method == "streamGenerateContent")

    async def _generate(
        self, body: JSON, model: models.DemoModel, kind: kinds.DemoKind, key: str, *, stream: bool
    ) -> None:
        kind.check(body, model)
        body = self._stored.filled(body, key)
        fault = self._fault.name if self._fault else ""
        if fault == "image":
            config = body.get("generationConfig", {})
            body = {**body, "generationConfig": {**config, "responseModalities": ["TEXT", "IMAGE"]}}
        answer = compose(body, model)
        if fault in faults.ALTER:
            faults.ALTER[fault](answer)
        if stream:
            await self._stream(map(kind.wrap, answer.events()), fault)
        else:
            await self._whole(kind.wrap(answer.whole()), fault)

    async def _whole(self, answer: JSON, fault: str) -> None:
        if fault == "error-first-event":
            raise refusal.overloaded()
        if fault == "error-mid-stream":
            raise refusal.internal()
        body = _pretty(answer)
        if fault in ("cut-first", "cut-mid-stream"):
            await self._head(200, _JSON_TYPE, len(body))
            await self._connection.write(body[: len(body) // 2 if fault == "cut-mid-stream" else 0])
            self._break()
        if fault == "silent":
            await self._head(200, _JSON_TYPE, len(body))
            await asyncio.sleep(self._seconds(_SILENT))
            await self._connection.write(body)
            self._connection.finish()
            return
        await self._send(200, body, _JSON_TYPE)

    async def _stream(self, answer: Iterable[JSON], fault: str) -> None:
        """CRLF-framed events with `alt=sse`, else the elements of one JSON array."""
        sse = self._query.get("alt") == "sse"
        await self._head(200, "text/event-stream" if sse else _JSON_TYPE)
        if fault == "silent":
            await asyncio.sleep(self._seconds(_SILENT))
        if fault == "cut-first":
            self._break()
        events = list(answer)
        if fault == "error-first-event":
            events = [refusal.overloaded().as_json()]
        elif fault == "error-mid-stream":
            events[_SOME:] = [refusal.internal().as_json()]
        for number, event in enumerate(events):
            text = _compact(event)
            if number and self._pause:
                await asyncio.sleep(self._pause)
            if fault == "cut-mid-stream" and number == min(_SOME, len(events) - 1):
                await self._half_a_chunk(f"data: {text}")
            before = "," if number else "["
            await self._connection.write(f"data: {text}\r\n\r\n".encode() if sse else f"{before}{text}\r\n".encode())
        if not sse:
            await self._connection.write(b"]")
        self._connection.finish()

    # ---- faults of the connection

    async def _fail_before(self, fault: faults.DemoFault) -> None:
        """The faults that come before anything is answered."""
        if fault.name == "slow":
            await asyncio.sleep(self._seconds(_SLOW))
        elif fault.name == "refuse":
            # With a linger time of 0, closing sends a reset.
            stream = self._connection.stream
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._break()
        elif fault.name == "html":
            page = _PLAIN_ERROR.format(status=502, title="Server Error")
            await self._send(502, page.encode(), _HTML_TYPE)
            raise _Broken
        elif fault.name == "garbage":
            await self._send(200, b"<<< this is not JSON >>>", _JSON_TYPE)
            raise _Broken

    async def _half_a_chunk(self, text: str) -> None:
        data = text.encode()
        await self._connection.stream.write(b"%x\r\n" % (len(data) + 4) + data[: len(data) // 2])
        self._break()

    def _break(self) -> None:
        self._connection.stream.close()
        raise _Broken

    def _seconds(self, default: float) -> float:
        given = self._fault.seconds if self._fault else None
        return default if given is None else given

    # ---- writing

    async def _give(self, reply: Reply) -> None:
        """What is kept, or was made of it."""
        if reply.events is None:
            content = _pretty(reply.value) if reply.content is None else reply.content
            await self._send(200, content, reply.content_type or _JSON_TYPE, reply.headers)
            return
        await self._head(200, "text/event-stream")
        for event in reply.events:
            text = f"event: {event['event_type']}\ndata: {_compact(event)}\n\n"
            await self._connection.write(text.encode())
        self._connection.finish()

    async def _head(
        self, status: int, content_type: str, length: int | None = None, more: Mapping[str, str] = _NONE
    ) -> None:
        headers = HTTPHeaders({"Content-Type": content_type, **_HEADERS, **more})
        if length is not None:
            headers["Content-Length"] = str(length)
        self._begun = True
        line = ResponseStartLine("HTTP/1.1", status, HTTPStatus(status).phrase)
        await self._connection.write_headers(line, headers)

    async def _send(self, status: int, body: bytes, content_type: str, more: Mapping[str, str] = _NONE) -> None:
        await self._head(status, content_type, len(body), more)
        await self._connection.write(body)
        self._connection.finish()

    async def _send_json(self, value: JSON) -> None:
        await self._send(200, _pretty(value), _JSON_TYPE)


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _pretty(value: JSON) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2).encode("utf-8", "replace") + b"\n"


def _compact(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()


def _count_tokens(body: JSON, model: models.DemoModel) -> JSON:
    if ("contents" in body) == ("generateContentRequest" in body):
        raise refusal.invalid(
            "* CountTokensRequest: exactly one of contents and generate_content_request must be set\n"
        )
    request = body.get("generateContentRequest", body)
    if request is not body and request.get("model") not in (f"models/{model.name}", None):
        raise refusal.invalid("* CountTokensRequest.generate_content_request.model: mismatch with the path\n")
    if not request.get("contents"):
        raise refusal.invalid("* CountTokensRequest.contents: contents is not specified\n")
    counted = count_prompt(request)
    details = [{"modality": modality, "tokenCount": count} for modality, count in counted.items()]
    return {"totalTokens": sum(counted.values()), "promptTokensDetails": details}
