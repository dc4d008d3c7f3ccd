"""A tunnel through an HTTP proxy (CONNECT, RFC 9110, 9.3.6)."""

from __future__ import annotations

import asyncio
import re
from typing import cast, override

from addons.gateway.accounts.network.proxies import MAX_HEAD, Proxy

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ?([^\r\n]*)")


class Tunnel(asyncio.Protocol):
    """Asks a proxy for a tunnel, and hears its answer; then the connection has another protocol."""

    def __init__(self, proxy: Proxy, host: str, port: int) -> None:
        """`host` and `port`: where the tunnel leads to."""
        self._proxy = proxy
        self._target = host, port
        self._head = b""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """There is a tunnel; or a ProxyError says why not."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._proxy.request(*self._target))

    @override
    def data_received(self, data: bytes) -> None:
        self._head += data
        head, end, more = self._head.partition(b"\r\n\r\n")
        if not (end or len(self._head) > MAX_HEAD) or self.opened.done():
            return
        said = _STATUS.match(head)
        if said is None or not end or more:
            self.opened.set_exception(self._proxy.away("what it says is no answer to CONNECT"))
        elif not 200 <= int(said[1]) < 300:
            self.opened.set_exception(self._proxy.refused(int(said[1]), said[2].decode("latin-1")))
        else:
            self.opened.set_result(None)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(self._proxy.away("it hung up"))
