"""mitmproxy's HTTP stream (one request), taught to try again.

mitmproxy passes a request on once and an answer back once. Here, until the first byte of an answer has been sent to
the client, an attempt that failed may be followed by another one, on another account and host. What differs:

* How the client's request comes in is `arriving`'s business.
* The upstream's credential is put on the copy of the request that goes onto the wire, never on the flow.
* Head and first bytes of a streamed answer are held back until the translation has something for the client.
* What mitmproxy answers with an HTML page, or by hanging up, is OpenAI's JSON error or an error event.

What to do is decided by an `Exchange`; this module only does it.
"""

from __future__ import annotations

import time
from typing import override

from mitmproxy.net.http.validate import validate_headers
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layer import CommandGenerator
from mitmproxy.proxy.layers.http import (
    DropStream,
    ErrorCode,
    GetHttpConnection,
    HttpErrorHook,
    HttpRequestHook,
    HttpResponseHeadersHook,
    HttpResponseHook,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    SendHttp,
)

from addons.gateway.accounts.network import proxies
from addons.gateway.accounts.upstream_request import dialled
from addons.gateway.exchange.verdicts import State
from addons.gateway.wire.arriving import ArrivingStream, Nudge
from addons.gateway.wire.bodies import BodyReader
from mapping.gemini.errors import upstream_errors
from mapping.gemini.errors.upstream_errors import UpstreamError

MAX_REASON = 200
"""Characters of what mitmproxy says about a failed connection; it may repeat all that came."""


class GatewayStream(ArrivingStream):
    """One request of a client, with as many upstream attempts as it takes."""

    _head_sent: bool = False
    _reader: BodyReader

    @override
    def handle_event(self, event: events.Event) -> CommandGenerator[None]:
        """As every layer does, but for what can't wait while a hook or a connection is waited for: the end of the
        client, and signs of life for it."""
        if self._paused and isinstance(event, RequestProtocolError):
            # The event has to wait, but what is waited for has no use any more.
            self.exchange.client_left()
        elif self._paused and isinstance(event, Nudge) and self._may_show_life():
            return self.send_pending()  # while a token is fetched, or a connection is made: later is too late
        return super().handle_event(event)

    def _may_show_life(self) -> bool:
        """Whether a head can go out now: not while addons look at the upstream's."""
        return not self.exchange.overdue and (self._head_sent or self.exchange.shows_nothing)

    def _handle_event(self, event: events.Event) -> CommandGenerator[None]:
        if isinstance(event, events.Wakeup):
            if self.server_state == self.state_paused and self.client_state != self.state_errored:
                yield from self.attempt()
        elif isinstance(event, Nudge):
            yield from self.give_up() if self.exchange.overdue else self.send_pending()
        else:
            yield from super()._handle_event(event)

    # --- attempts

    def take_substitute(self) -> CommandGenerator[None]:
        """Another addon (server replay, say) has answered in the upstream's place: translate that."""
        response = self.flow.response
        assert response
        content = response.raw_content
        self.server_state = self.state_wait_for_response_headers
        yield from self.server_state(ResponseHeaders(self.stream_id, response, end_stream=not content))
        if content and self.server_state != self.state_errored:
            yield from self.server_state(ResponseData(self.stream_id, content))
        if self.server_state in (self.state_consume_response_body, self.state_stream_response_body):
            yield from self.server_state(ResponseEndOfMessage(self.stream_id))

    @override
    def proceed(self) -> CommandGenerator[None]:
        """Do what the exchange has decided."""
        if self.exchange.wants_upstream:
            yield from self.attempt()
        elif self.exchange.paused:
            yield from self.again()
        elif self.flow.response is not None:
            yield from self.answer()
        # else the client is gone, and the event that says so comes next

    def again(self) -> CommandGenerator[None]:
        """Make another attempt, after the pause that the exchange wants."""
        self.flow.response = None
        self.flow.error = None
        self.response_body_buf.clear()
        self.server_state = self.state_paused
        if self.exchange.pause > 0:
            yield commands.RequestWakeup(self.exchange.pause)
        else:
            yield from self.attempt()

    def state_paused(self, _: events.Event) -> CommandGenerator[None]:
        """Between two attempts: what still comes from the one before has no meaning any more."""
        yield from ()

    def state_done(self, _: events.Event) -> CommandGenerator[None]:
        """Nor has what an upstream still sends when the client has its answer."""
        yield from ()

    def attempt(self) -> CommandGenerator[None]:
        """Send the request upstream once."""
        flow, exchange = self.flow, self.exchange
        again = exchange.paused
        if again:
            exchange.call_again()
        if not exchange.wants_upstream:
            yield from self.proceed()
            return
        if again:
            flow.response = None  # an early head of the client's answer may have come in between
            yield HttpRequestHook(flow)
            if (yield from self.check_killed(True)):
                return
            if not exchange.wants_upstream:  # there is no credential to send it with
                yield from self.proceed()
                return
        if self._head_sent and flow.response is exchange.stream_head():
            flow.response = None  # it went out early, and is nobody's answer
        if flow.response:
            yield from self.take_substitute()
            return
        self.server_state = self.state_wait_for_response_headers
        known = set(self.owner.connections)
        place, secure = dialled(flow.request, exchange.account), flow.request.scheme == "https"
        try:
            proxy = proxies.find(flow.request.scheme, *place)
        except proxies.ProxyError as e:
            yield from self.attempt_failed(str(e), connecting=True)
            return
        exchange.connecting()
        connection, error = yield GetHttpConnection(place, secure, proxy.via if proxy else None, "tcp")
        if error:
            self.owner.forget_failed()
            yield from self.attempt_failed(proxy.said(error) if proxy else error, connecting=True)
            return
        self.context.server = flow.server_conn = connection
        request = exchange.outgoing(reused=connection in known)
        content = flow.request.data.content
        yield SendHttp(RequestHeaders(self.stream_id, request, end_stream=not content), connection)
        if content:
            yield SendHttp(RequestData(self.stream_id, content), connection)
        yield SendHttp(RequestEndOfMessage(self.stream_id), connection)

    def attempt_failed(self, message: str, *, connecting: bool = False) -> CommandGenerator[None]:
        """The upstream could not be reached, or broke off."""
        self.exchange.upstream_broke(message[:MAX_REASON], connecting=connecting)
        yield from self.after_attempt()

    def refuse_answer(self, problem: UpstreamError) -> CommandGenerator[None]:
        """What the upstream sends is of no use: hang up on it."""
        yield from self.owner.abandon(self.context.server)
        self.exchange.attempt_failed(problem)
        yield from self.after_attempt()

    def after_attempt(self) -> CommandGenerator[None]:
        """Another attempt, or the end of the client's answer: an error mostly."""
        if self.exchange.state is State.GATHERING or (self._head_sent and not self.exchange.paused):
            yield from self.end_stream()
        else:
            yield from self.proceed()

    # --- the upstream's answer

    @override
    def state_wait_for_response_headers(self, event: events.Event) -> CommandGenerator[None]:
        """An attempt is under way. Its head may be refused; then the upstream is hung up on."""
        if not isinstance(event, ResponseHeaders):
            return
        response = event.response
        self.flow.response = response
        try:
            validate_headers(response)
        except ValueError as e:
            yield from self.refuse_answer(upstream_errors.broken_off(f"Received {e} from the upstream."[:MAX_REASON]))
            return
        try:
            self._reader = BodyReader(response.headers.pop("content-encoding", ""))
        except UpstreamError as e:
            yield from self.refuse_answer(e)
            return
        yield HttpResponseHeadersHook(self.flow)
        if (yield from self.check_killed(True)):
            return
        if self.exchange.streaming and not event.end_stream:
            self.server_state = self.state_stream_response_body
        else:
            self.server_state = self.state_consume_response_body

    @override
    def state_consume_response_body(self, event: events.Event) -> CommandGenerator[None]:
        """The body of a whole answer comes: decompressed, and bounded."""
        if isinstance(event, ResponseData):
            try:
                self.response_body_buf += self._reader.read(event.data)
            except UpstreamError as e:
                yield from self.refuse_answer(e)
        else:
            yield from super().state_consume_response_body(event)

    @override
    def state_stream_response_body(self, event: events.Event) -> CommandGenerator[None]:
        """The body of a streamed answer comes: what the translation makes of it goes out at once. Until something has,
        the attempt may fail."""
        exchange = self.exchange
        if isinstance(event, ResponseData):
            try:
                data = self._reader.read(event.data)
            except UpstreamError as e:
                yield from self.refuse_answer(e)
                return
            out = exchange.feed(data)
            if out:
                if not self._head_sent:
                    yield from self.send_head()
                yield SendHttp(ResponseData(self.stream_id, out), self.context.client)
            if not exchange.streaming:
                yield from self.owner.abandon(self.context.server)
                yield from self.after_attempt()
        elif isinstance(event, ResponseEndOfMessage):
            yield from self.end_stream()

    def send_head(self) -> CommandGenerator[None]:
        """Commit to the answer: from here on there is no other attempt."""
        self._head_sent = True
        self.flow.response = response = self.exchange.stream_head()
        yield SendHttp(ResponseHeaders(self.stream_id, response, end_stream=False), self.context.client)

    def send_pending(self) -> CommandGenerator[None]:
        """Send what the exchange has for the client by itself: the early head, keep-alive comments."""
        if self.server_state in (self.state_done, self.state_errored) or self.client_state == self.state_errored:
            return
        out = self.exchange.pending()
        if out:
            if not self._head_sent:
                yield from self.send_head()
            yield SendHttp(ResponseData(self.stream_id, out), self.context.client)

    def give_up(self) -> CommandGenerator[None]:
        """The deadline has passed: hang up on the upstream, and send what the exchange has for the client."""
        if self.server_state in (self.state_done, self.state_errored) or self.client_state == self.state_errored:
            return
        yield from self.owner.abandon(self.context.server)
        if self._head_sent:
            yield from self.end_stream()
        else:
            yield from self.answer()

    def end_stream(self) -> CommandGenerator[None]:
        """The upstream's stream is over, well or not: give the client the rest of its own."""
        # Nothing that still comes from the upstream may be mistaken for a part of what follows.
        self.server_state = self.state_paused
        if self.flow.response is None:
            self.flow.response = self.exchange.stream_head()
        if (yield from self.is_judged()):
            return
        if self.exchange.state is State.ANSWERED and not self._head_sent:
            yield from self.send_whole()
            return
        self.server_state = self.state_done
        out = self.exchange.tail
        if not self._head_sent:
            yield from self.send_head()
        if out:
            yield SendHttp(ResponseData(self.stream_id, out), self.context.client)
        yield from self.flow_done()

    def is_judged(self) -> CommandGenerator[bool]:
        """What has come is no answer yet, or the client is gone: then this has seen to it.

        Otherwise the response hook has been run, and the answer is to be sent.
        """
        assert self.flow.response
        self.flow.response.timestamp_end = time.time()
        self.exchange.judge()
        if not self.exchange.paused:
            yield HttpResponseHook(self.flow)
            if (yield from self.check_killed(False)):
                return True
        if self.exchange.paused:
            yield from self.send_pending()
            yield from self.again()
            return True
        if self._head_sent:
            yield from self.send_pending()  # what was held
        return False

    def answer(self) -> CommandGenerator[None]:
        """Send the answer that the exchange has put into the flow."""
        assert self.flow.response
        self.flow.response.timestamp_start = time.time()
        self.server_state = self.state_done
        yield HttpResponseHeadersHook(self.flow)
        yield from self.send_response()

    @override
    def send_response(self, already_streamed: bool = False) -> CommandGenerator[None]:
        """mitmproxy's way to the client's answer: it is sent only if it is one, else another attempt follows."""
        self.server_state = self.state_paused
        if not (yield from self.is_judged()):
            yield from self.send_whole()

    def send_whole(self) -> CommandGenerator[None]:
        """The answer in the flow is final: send it."""
        self.server_state = self.state_done
        if self._head_sent or self.exchange.state is State.ENDED:  # an early head, and after it an error as an event
            if not self._head_sent:
                yield from self.send_head()
            if self.exchange.tail:
                yield SendHttp(ResponseData(self.stream_id, self.exchange.tail), self.context.client)
        else:
            response = self.flow.response
            assert response
            content = b"" if self.exchange.head_only else response.raw_content
            yield SendHttp(ResponseHeaders(self.stream_id, response, end_stream=not content), self.context.client)
            if content:
                yield SendHttp(ResponseData(self.stream_id, content), self.context.client)
        yield from self.flow_done()

    @override
    def flow_done(self) -> CommandGenerator[None]:
        """The client's answer was sent to its end."""
        if self.exchange.breaks_off:
            self.flow.live = False
            yield DropStream(self.stream_id)
            broken = ResponseProtocolError(self.stream_id, "The stream has failed.", ErrorCode.GENERIC_SERVER_ERROR)
            yield SendHttp(broken, self.context.client)
        else:
            yield from super().flow_done()
        self.exchange.delivered = True

    # --- faults of either side

    @override
    def handle_protocol_error(self, event: RequestProtocolError | ResponseProtocolError) -> CommandGenerator[None]:
        """One side has broken off: the client's end is the end, the upstream's a failed attempt."""
        if isinstance(event, RequestProtocolError):
            self.exchange.client_left()
            if self.context.server not in self.owner.connections:
                # Nothing is under way upstream that would have to be told.
                if self.server_state not in (self.state_done, self.state_errored):
                    self.server_state = self.state_errored
                    self.flow.error = self.exchange.disconnected()
                    yield HttpErrorHook(self.flow)
                self.client_state = self.state_errored
                self.flow.live = False
                yield DropStream(self.stream_id)
                return
            yield from super().handle_protocol_error(event)
        elif self.server_state in (
            self.state_wait_for_response_headers,
            self.state_consume_response_body,
            self.state_stream_response_body,
        ):
            # The connection may tell twice of one fault, and must not be heard by another attempt.
            yield from self.owner.abandon(self.context.server)
            yield from self.attempt_failed(event.message)
