"""The Responses API on a WebSocket: a request in each message of the client, an event in each answer.

* A message `{"type": "response.create", ...}` holds the body of `POST /v1/responses`. It becomes an exchange of its
  own, like a request that came by POST: admitted, retried, recorded, shown.
* Requests of one lane (`stream_id`; none is a lane, too) are answered one after the other; their events name it.
* A request that fails before it has an event gets `{"type": "error", "status": ..., "error": ...}`.
* The connection keeps its answers while it lasts, so that `previous_response_id` works also with `store: false`.
* Messages are bounded as bodies are, and how many wait. wsproto reads and writes the frames.

Source: RFC 6455; what OpenAI's SDKs 3.57 (Python) and Codex CLI 0.171 send.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Protocol, override

from mitmproxy import http
from mitmproxy.connection import Client, Server
from wsproto import connection as wsproto
from wsproto import events
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from addons.gateway.exchange.exchange import Exchange
from addons.gateway.storage.connection_store import ConnectionStore
from addons.gateway.wire.bodies import MAX_BYTES
from addons.gateway.wire.direct import messages
from addons.gateway.wire.direct.peers import Peer, Surroundings
from addons.gateway.wire.direct.turn import Turn
from mapping import jsonio

MAX_WAITING = 64
"""Requests that may wait for their turn on one connection."""
_HANDSHAKE = (b"connection", b"upgrade", b"content-length", b"content-type", b"expect")


class Opens(Surroundings, Protocol):
    """What makes exchanges of requests: see `client.Shared`."""

    def open(self, flow: http.HTTPFlow, request: http.Request) -> Exchange:
        """A request has arrived."""


class WebSocket:
    """See the module."""

    def __init__(
        self, shared: Opens, transport: asyncio.Transport, client: Client, upstream: Server, opened: Opened
    ) -> None:
        """`opened`: the request that the connection began with."""
        self._shared = shared
        self._transport = transport
        self._client = client
        self._upstream = upstream
        self._opened = opened
        self._frames = wsproto.Connection(wsproto.ConnectionType.SERVER)
        self._message: list[str | bytes] = []
        self._size = 0
        self._lanes: dict[str | None, Lane] = {}
        self._kept = ConnectionStore()
        self._over = False
        self.is_paused = False
        """The client takes nothing at the moment."""

    def received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._over:
            return
        try:
            self._frames.receive_data(data)
            for event in self._frames.events():
                if not self._over:
                    self._heard(event)
        except (RemoteProtocolError, LocalProtocolError) as e:
            self.close(CloseReason.PROTOCOL_ERROR, str(e)[:100])

    def client_left(self) -> None:
        """The connection is gone."""
        self._over = True
        for lane in list(self._lanes.values()):
            lane.end()

    def pause(self) -> None:
        """The client takes nothing at the moment: nothing is taken of it, and the upstreams wait."""
        self.is_paused = True
        if not self._transport.is_closing():
            self._transport.pause_reading()
        for lane in self._lanes.values():
            lane.pause()

    def resume(self) -> None:
        """The client takes more."""
        self.is_paused = False
        if not self._transport.is_closing():
            self._transport.resume_reading()
        for lane in self._lanes.values():
            lane.resume()

    @property
    def is_idle(self) -> bool:
        """Nothing is being answered."""
        return not self._lanes

    def close(self, code: int, reason: str = "") -> None:
        """End the connection, and say why."""
        if self._over:
            return
        self._write(events.CloseConnection(code=code, reason=reason))
        self._transport.close()
        self.client_left()

    def send(self, value: bytes) -> None:
        """A JSON value in a message."""
        self._write(events.TextMessage(value.decode("utf-8", "replace")))

    def lane_is_free(self, lane: Lane) -> None:
        """Nothing more waits in a lane."""
        self._lanes.pop(lane.name, None)

    def turn(self, body: dict[str, Any], peer: Peer) -> Turn:
        """A request of its own."""
        content = jsonio.dumps(body)
        opened = self._opened
        fields = [field for field in opened.fields if not _is_of_handshake(field[0])]
        fields += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
        request = messages.request(b"POST", opened.path, "1.1", fields)
        flow = messages.flow(self._client, self._upstream)
        exchange = self._shared.open(flow, request)
        exchange.kept_here = self._kept
        flow.request = request
        request.data.content = content
        return Turn(self._shared, peer, exchange)

    # --- inside

    def _heard(self, event: events.Event) -> None:
        if isinstance(event, events.Message):
            self._size += len(event.data)
            if self._size > MAX_BYTES:
                self.close(CloseReason.MESSAGE_TOO_BIG, f"A message may have {MAX_BYTES // 2**20} MB.")
                return
            self._message.append(event.data if isinstance(event.data, str) else bytes(event.data))
            if event.message_finished:
                message, self._message, self._size = self._message, [], 0
                self._asked(b"".join(part.encode() if isinstance(part, str) else part for part in message))
        elif isinstance(event, events.Ping):
            self._write(event.response())
        elif isinstance(event, events.CloseConnection):
            self._write(event.response())
            self._transport.close()
            self.client_left()

    def tear(self) -> None:
        """End the connection without a word."""
        self._transport.close()
        self.client_left()

    def _asked(self, message: bytes) -> None:
        """A whole message has come."""
        try:
            body = jsonio.loads(message)
        except ValueError as e:
            self.send(_error(400, f"The message is not valid JSON: {str(e)[:200]}", None))
            return
        if not isinstance(body, dict):
            self.send(_error(400, "The message must be a JSON object.", None))
            return
        kind, name = body.pop("type", None), body.pop("stream_id", None)
        if kind != "response.create":
            said = f"{str(kind)[:60]!r}" if isinstance(kind, str) else "no type"
            self.send(_error(400, f"This gateway takes messages of type 'response.create', not {said}.", "type"))
            return
        if name is not None and not isinstance(name, str):
            self.send(_error(400, "stream_id must be a string.", "stream_id"))
            return
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(self, name)
        if sum(map(len, self._lanes.values())) >= MAX_WAITING:
            self.close(CloseReason.POLICY_VIOLATION, f"{MAX_WAITING} requests are waiting already.")
        else:
            lane.add({**body, "stream": True})

    def _write(self, event: events.Event) -> None:
        if self._transport.is_closing():
            return
        try:
            self._transport.write(self._frames.send(event))
        except LocalProtocolError:  # the client has closed meanwhile
            self._transport.close()


class Opened:
    """The request that a connection began with: its path, and its header fields with the client's credentials."""

    __slots__ = ("fields", "path")

    def __init__(self, path: bytes, fields: messages.Fields) -> None:
        self.path = path
        self.fields = fields


class Lane(Peer):
    """Requests that are answered one after the other."""

    def __init__(self, socket: WebSocket, name: str | None) -> None:
        """`name`: the `stream_id` of its requests."""
        self.name = name
        self._socket = socket
        self._waiting: deque[dict[str, Any]] = deque()
        self._turn: Turn | None = None
        self._rest = b""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, body: dict[str, Any]) -> None:
        """Answer it when it is its turn."""
        self._waiting.append(body)
        if self._turn is None:
            self._next()

    def end(self) -> None:
        """Nobody waits any more."""
        self._waiting.clear()
        if self._turn is not None:
            self._turn.client_left()

    def pause(self) -> None:
        """The client takes nothing at the moment."""
        if self._turn is not None:
            self._turn.pause()

    def resume(self) -> None:
        """The client takes more."""
        if self._turn is not None:
            self._turn.resume()

    def _next(self) -> None:
        if not self._waiting:
            self._socket.lane_is_free(self)
            return
        self._rest = b""
        self._turn = turn = self._socket.turn(self._waiting.popleft(), self)
        if self._socket.is_paused:
            turn.pause()
        turn.start()

    # --- the peer of a turn

    @override
    def send_whole(self, response: http.Response, content: bytes) -> None:
        value = jsonio.loads(content)
        self._send({"type": "error", "status": response.status_code, **value})

    @override
    def send_head(self, response: http.Response, data: bytes) -> None:
        if data:
            self.send(data)

    @override
    def send(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n\n")
        for event in whole:
            payload = b"".join(line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:"))
            if not payload:
                continue
            if self.name is None:
                self._socket.send(payload)
            else:
                self._send(jsonio.loads(payload))

    @override
    def break_off(self) -> None:
        self._socket.tear()  # what is spoken here tells of errors by events: it does this only on demand

    @override
    def done(self) -> None:
        self._turn = None
        # Not from within: the turn that is over has its last steps to take.
        asyncio.get_running_loop().call_soon(self._next)

    @override
    def drop(self) -> None:
        self._socket.close(CloseReason.INTERNAL_ERROR)

    def _send(self, value: dict[str, Any]) -> None:
        self._socket.send(jsonio.dumps(value if self.name is None else {**value, "stream_id": self.name}))


def _error(status: int, message: str, param: str | None) -> bytes:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": None}
    return jsonio.dumps({"type": "error", "status": status, "error": error})


def _is_of_handshake(name: bytes) -> bool:
    lower = name.lower()
    return lower in _HANDSHAKE or lower.startswith(b"sec-websocket-")
