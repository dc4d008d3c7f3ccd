"""One request of a client, with as many upstream attempts as it takes; see `wire.stream`, which does it with layers.

What to do is decided by an `Exchange`; this only does it, and tells the exchange what comes of it:

* One coroutine goes through hooks, waits and attempts. What comes meanwhile (the answer's bytes, the end of the client,
  a nudge) is dealt with at once where it can be, and else noted and the coroutine is woken.
* Head and first bytes of a streamed answer are held back until the translation has something for the client.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from mitmproxy import ctx, http
from mitmproxy import flow as mitm_flow
from mitmproxy.net.http import url
from mitmproxy.proxy.layers.http import (
    HttpErrorHook,
    HttpRequestHeadersHook,
    HttpRequestHook,
    HttpResponseHeadersHook,
    HttpResponseHook,
)

from addons.gateway.accounts.upstream_request import dialled
from addons.gateway.exchange.exchange import Exchange
from addons.gateway.exchange.verdicts import State
from addons.gateway.exchange.waiting import nobody
from addons.gateway.wire.direct.arrival import MAX_REASON, Arrival
from addons.gateway.wire.direct.peers import Peer, Surroundings

logger = logging.getLogger("antigravity")


class _Killed(Exception):
    """A person, or an addon, has killed the flow."""


class Turn(Arrival):
    """See the module."""

    __slots__ = ("_in_hook", "_paused", "task")

    def __init__(self, shared: Surroundings, peer: Peer, exchange: Exchange) -> None:
        super().__init__(shared, peer, exchange)
        self._in_hook = False
        self._paused = False
        """The client takes nothing at the moment."""
        self.task: asyncio.Task[None] | None = None
        exchange.nudge = self.nudge

    # --- what happens outside

    def start(self) -> None:
        """The request is there as a whole."""
        # Eagerly: until something has to be waited for, nothing else of the loop comes in between.
        self.task = asyncio.Task(self._run(), loop=asyncio.get_running_loop(), eager_start=True)

    def client_left(self) -> None:
        """The client hung up."""
        self._left = True
        if self._done:
            return
        self._exchange.client_left()
        if self._connection is not None:
            self._connection.abandon()
            self._connection = None
        if self.task is None:
            self.task = asyncio.Task(self._run(), loop=asyncio.get_running_loop())
        self._wake()

    def refuse(self, message: str) -> None:
        """The request is refused before it was read to its end; the client is told by its connection."""
        self._exchange.refused(message)
        self._done = True
        if self._shared.listeners.hears("error"):
            self._show_target()
            self.task = asyncio.ensure_future(self._tell_refused())
        else:
            self._flow.live = False

    def nudge(self) -> None:
        """The exchange has bytes for its client, or was cut short."""
        if self._exchange.overdue:
            self._wake()
        elif not self._in_hook or self._head_sent or self._exchange.shows_nothing:
            # while addons look at the upstream's head, no other can go out
            self._send_pending()

    def pause(self) -> None:
        """The client takes nothing at the moment."""
        self._paused = True
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """The client takes more."""
        self._paused = False
        if self._connection is not None:
            self._connection.resume()

    # --- the coroutine

    async def _run(self) -> None:
        try:
            await self._serve()
        except _Killed:
            self._exchange.client_left()
            self._peer.drop()
        except Exception:
            logger.exception(f"The connection of {self._exchange.id} failed. Please report it.")
            self._exchange.client_left()
            self._peer.drop()
        finally:
            self._flow.live = False
            self._done = True
            self._abandon()
            self._exchange.nudge = nobody  # no circle: what has ended is freed at once, not by the garbage collector

    async def _serve(self) -> None:
        exchange, flow = self._exchange, self._flow
        if self._left:
            await self._tell_incomplete()
            return
        flow.request.data.timestamp_end = time.time()
        await self._tell_request(first=True)
        while not self._done:
            if self._left:
                await self._tell_left()
                return
            state = exchange.state
            if state is State.CALLING:
                await self._attempt()
            elif state is State.PAUSED:
                await self._again()
            elif self._head_sent:
                await self._conclude()
            elif flow.response is not None:
                flow.response.data.timestamp_start = time.time()
                await self._tell_head()
                await self._conclude()
            else:
                return

    async def _again(self) -> None:
        """Make another attempt, after the pause that the exchange wants."""
        exchange, flow = self._exchange, self._flow
        flow.response = flow.error = None
        if exchange.pause > 0:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(exchange.pause, self._wake)
            while loop.time() < timer.when() and not (self._left or exchange.overdue):
                await self._wait()
            timer.cancel()
            if self._left or exchange.overdue:
                return
        exchange.call_again()
        if exchange.wants_upstream:
            flow.response = None  # an early head of the client's answer may have come in between
            await self._tell_request()

    async def _attempt(self) -> None:
        """Send the request upstream once, and take what comes back."""
        exchange, flow = self._exchange, self._flow
        if self._head_sent and flow.response is exchange.stream_head():
            flow.response = None  # it went out early, and is nobody's answer
        self._fresh()
        if flow.response is not None:
            await self._take_substitute(flow.response)
        elif not await self._call():
            return
        while not (self._ended or self._stopped or self._left or exchange.overdue):
            if self._problem or self._broken is not None:
                break
            if self._to_tell:
                await self._tell_upstream_head()
            else:
                await self._wait()
        if self._left or exchange.overdue:
            self._abandon()
        elif self._problem:
            exchange.attempt_failed(self._problem)
        elif self._broken is not None:
            exchange.upstream_broke(self._broken, connecting=False)
        elif self._ended or exchange.state is State.GATHERING:
            assert flow.response is not None
            if not self._streams:
                body = self._body
                flow.response.data.content = body[0] if len(body) == 1 else b"".join(body)
                self._body = []
            await self._conclude()

    async def _call(self) -> bool:
        """Send the request. False: it could not be sent, or the wait for a connection has ended otherwise."""
        exchange, flow = self._exchange, self._flow
        request = flow.request
        secure = request.data.scheme == b"https"
        host, port = dialled(request, exchange.account)
        pool = self._shared.pool
        connection = None if self._met_closed else pool.idle(host, port, secure)
        if connection is None:
            exchange.connecting()
            # eagerly: the first call of a request goes up before those beside it, which wait for the loop
            dialling = asyncio.Task(
                pool.dial(host, port, secure, flow.client_conn), loop=asyncio.get_running_loop(), eager_start=True
            )
            dialling.add_done_callback(self._wake)
            while not (dialling.done() or self._left or exchange.overdue):
                await self._wait()
            if not dialling.done():
                dialling.cancel()
                return False
            try:
                connection = dialling.result()
            except OSError as e:
                exchange.upstream_broke(str(e)[:MAX_REASON], connecting=True)
                return False
            if self._left or exchange.overdue:
                pool.free(connection)
                return False
        self._connection = connection
        self._met_closed = connection.reused  # unless something comes, which `head` tells
        flow.server_conn = connection.server
        outgoing = exchange.outgoing(reused=connection.reused)
        connection.call(outgoing, request.data.content or b"", self)
        if self._paused:
            connection.pause()
        return True

    async def _take_substitute(self, response: http.Response) -> None:
        """Another addon (server replay, say) has answered in the upstream's place: translate that."""
        if not self._is_acceptable(response):
            return
        content = response.raw_content
        self._to_tell = True
        await self._tell_upstream_head()
        if content and self._problem is None:
            self.body(content)
        if not self._stopped:
            self._ended = True

    async def _conclude(self) -> None:
        """An answer is there, as a whole or to its end: have it looked at, and send what the client gets."""
        exchange, flow, peer = self._exchange, self._flow, self._peer
        if flow.response is None:
            flow.response = exchange.stream_head()
        flow.response.data.timestamp_end = time.time()
        exchange.judge()
        if not exchange.paused:
            if self._shared.listeners.hears("response"):
                await self._hook(HttpResponseHook(flow))
            else:
                if (waiting := exchange.complete()) is not None:
                    await waiting
                if exchange.held.closed:
                    await exchange.emptied()
                    self._send_pending()
        if exchange.paused:
            self._send_pending()
            return
        if self._left:  # those who heard of the response hear of no error
            flow.error = flow.error or exchange.disconnected()
            self._done = True
            return
        if self._head_sent or exchange.state is State.ENDED:
            tail = exchange.tail
            if not self._head_sent:
                self._send_head(tail)
            elif tail:
                peer.send(tail)
        else:
            response = flow.response
            content = b"" if exchange.head_only else response.raw_content or b""
            peer.send_whole(response, content)
        flow.live = False
        self._done = True
        exchange.delivered = True
        if exchange.can_switch:
            exchange.end()  # what the connection becomes does not begin beside what it was
        if exchange.breaks_off:
            peer.break_off()
        else:
            peer.done()
        exchange.end()  # the client has its answer, and need not wait until everybody is told

    # --- hooks

    async def _tell_request(self, *, first: bool = False) -> None:
        """The request, or the call that it was made into."""
        if self._shared.listeners.request:
            if first:
                self._show_target()
                await self._hook(HttpRequestHeadersHook(self._flow))
            await self._hook(HttpRequestHook(self._flow))
        elif (waiting := self._exchange.on_request()) is not None:
            await waiting

    def _show_target(self) -> None:
        """As mitmproxy does in reverse mode: what hooks see of the request's head names where it goes to."""
        if not (self._exchange.inner or ctx.options.keep_host_header):
            address = self._shared.address
            self._flow.request.host_header = url.hostport("http", address.host, address.port)

    async def _tell_head(self) -> None:
        """The head of an answer that is no upstream's."""
        if self._shared.listeners.hears("responseheaders"):
            await self._hook(HttpResponseHeadersHook(self._flow))
        else:
            self._exchange.on_response_headers()

    async def _tell_upstream_head(self) -> None:
        await self._tell_head()
        self._to_tell = False
        self._streams = self._exchange.streaming
        if self._connection is not None:
            self._connection.release()

    async def _tell_incomplete(self) -> None:
        """The client has left before its request was there."""
        if self._exchange.is_own:
            return
        if self._shared.listeners.request:
            self._show_target()
            await self._shared.listeners.tell(HttpRequestHeadersHook(self._flow))
        await self._tell_left()

    async def _tell_refused(self) -> None:
        """The request was refused before it was there."""
        await self._shared.listeners.tell(HttpErrorHook(self._flow))
        self._flow.live = False

    async def _tell_left(self) -> None:
        """The client has left."""
        if self._flow.error is None:
            self._flow.error = self._exchange.disconnected()
        if self._shared.listeners.hears("error"):
            await self._shared.listeners.tell(HttpErrorHook(self._flow))

    async def _hook(self, hook: Any) -> None:
        """Run a hook for everybody. Raises _Killed."""
        self._in_hook = True
        try:
            await self._shared.listeners.tell(hook)
        finally:
            self._in_hook = False
        flow = self._flow
        if flow.error is not None and flow.error.msg == mitm_flow.Error.KILLED_MESSAGE:
            if not isinstance(hook, HttpResponseHook):
                await self._shared.listeners.tell(HttpErrorHook(flow))
            raise _Killed
        if not self._left and not self._exchange.overdue:
            self._send_pending()
