"""A client's request while it comes in: what `stream` begins with.

* The flow is made, and the client's credentials are taken off, before any hook sees the request.
* The body is bounded, and is there as a whole before anything is done about it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol, override

from mitmproxy import http
from mitmproxy.connection import Connection
from mitmproxy.net.http import http1
from mitmproxy.proxy import events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import CommandGenerator, Layer
from mitmproxy.proxy.layers.http import (
    ErrorCode,
    HttpErrorHook,
    HttpRequestHook,
    HttpStream,
    RequestEndOfMessage,
    RequestHeaders,
    ResponseProtocolError,
    SendHttp,
)

from addons.gateway.exchange.exchange import Exchange, Exchanges
from addons.gateway.wire.bodies import MAX_BYTES


class Nudge(events.Event):
    """Something happened outside of the connection: the exchange has bytes for its client."""

    def __init__(self, stream: ArrivingStream) -> None:
        self.stream = stream


class Owner(Protocol):
    """What a stream needs of the layer that it is in: `layer.GatewayLayer`."""

    exchanges: Exchanges

    @property
    def connections(self) -> Mapping[Connection, Layer]:
        """Those to the client and the upstreams that are not given up, and what speaks on each."""

    def nudge_for(self, stream: ArrivingStream) -> Callable[[], None]:
        """What gives the stream a `Nudge`, from wherever it is called."""

    def forget_failed(self) -> None:
        """Drop connections that could not be opened, so that they are opened anew when they are wanted again."""

    def abandon(self, connection: Connection) -> CommandGenerator[None]:
        """Hang up on an upstream in mid answer, and hear nothing more of it."""


class ArrivingStream(HttpStream):
    """One request of a client, until it is there as a whole."""

    exchange: Exchange

    def __init__(self, context: Context, stream_id: int, owner: Owner) -> None:
        super().__init__(context, stream_id)
        self.owner = owner

    def proceed(self) -> CommandGenerator[None]:
        """The request is there, and the exchange has decided what to do: do that."""
        raise NotImplementedError

    @override
    def state_wait_for_request_headers(self, event: RequestHeaders) -> CommandGenerator[None]:
        """The head is there: make the flow and its exchange, before any hook. An inner call has both already."""
        if event.replay_flow is None:
            event.replay_flow = http.HTTPFlow(self.context.client, self.context.server)
            self.exchange = self.owner.exchanges.open(event.replay_flow, event.request)
        else:
            exchange = self.owner.exchanges.of(event.replay_flow)
            assert exchange is not None
            self.exchange = exchange
        self.exchange.nudge = self.owner.nudge_for(self)
        yield from super().state_wait_for_request_headers(event)

    @override
    def start_request_stream(self) -> CommandGenerator[None]:
        """An addon asked for the request to be streamed through: a request that can't be translated never goes up."""
        self.client_state = self.state_consume_request_body
        yield from ()

    @override
    def check_body_size(self, request: bool) -> CommandGenerator[bool]:
        """Refuse a request body beyond the limit, as soon as that is known. For answers see `AnswerReader`."""
        if not request:
            return False
        size = len(self.request_body_buf)
        if not size:
            try:
                size = http1.expected_http_body_size(self.flow.request) or 0
            except ValueError:
                size = 0
        if size <= MAX_BYTES:
            return False
        message = f"The request body is larger than {MAX_BYTES // 2**20} MB."
        yield from self._refuse(message, ErrorCode.REQUEST_TOO_LARGE)
        return True

    def _refuse(self, message: str, code: ErrorCode) -> CommandGenerator[None]:
        """Answer with an error before the request was read, and hang up."""
        self.exchange.refused(message)
        yield HttpErrorHook(self.flow)
        yield SendHttp(ResponseProtocolError(self.stream_id, message, code), self.context.client)
        self.client_state = self.server_state = self.state_errored
        self.flow.live = False

    @override
    def state_consume_request_body(self, event: events.Event) -> CommandGenerator[None]:
        """The body comes; at its end the request hook decides what follows. Nothing goes up before."""
        if not isinstance(event, RequestEndOfMessage):
            yield from super().state_consume_request_body(event)
            return
        flow = self.flow
        flow.request.timestamp_end = time.time()
        flow.request.data.content = bytes(self.request_body_buf)
        self.request_body_buf.clear()
        self.client_state = self.state_done
        yield HttpRequestHook(flow)
        if (yield from self.check_killed(True)):
            return
        yield from self.proceed()
