"""Writing answers to a client, in HTTP/1.1."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import override

from mitmproxy import http

from addons.gateway.wire.direct import messages
from addons.gateway.wire.direct.peers import Peer
from addons.gateway.wire.direct.turn import Turn
from addons.gateway.wire.direct.upstream.connection import TOGETHER

LARGE = 256 * 2**10
"""Bytes from which on a body is read into one block."""

MOST_RESERVED = 16 * 2**20
"""Bytes that a block has at first: for longer bodies it grows as they come."""


class ReadRequest:
    """A request, as far as it has come."""

    __slots__ = (
        "block", "body", "fields", "flow", "keeps_alive", "path", "switches", "turn", "wants_socket",
    )  # fmt: skip

    def __init__(self) -> None:
        self.path = b""
        self.fields: messages.Fields = []
        self.body: list[bytes] = []
        """Its body in pieces."""
        self.block: BytesIO | None = None
        """Its body where it is large: see `expect`."""
        self.flow: http.HTTPFlow | None = None
        self.turn: Turn | None = None
        self.keeps_alive = False
        self.wants_socket = False
        self.switches = False
        """It was agreed to go on with another protocol."""

    def expect(self, size: int) -> None:
        """The body is going to have that many bytes.

        A large one is read into one block: pieces that are joined at the end would be held twice, and leave holes in
        the heap. Until something is written into it, a new block is an address and no memory.
        """
        if size >= LARGE:
            self.block = BytesIO(bytes(min(size, MOST_RESERVED)))  # has no copy made of it

    def take_body(self) -> bytes:
        """The body, which is held no longer."""
        if self.block is not None:
            self.block.truncate()
            content = self.block.getvalue()
        else:
            content = self.body[0] if len(self.body) == 1 else b"".join(self.body)
        self.body, self.block = [], None
        return content


class AnswerWriter(Peer):
    """What a client connection is for the turns of its requests."""

    __slots__ = ("_answering", "_chunked", "_closing", "transport")

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self._answering: ReadRequest | None = None
        """The request that is being answered."""
        self._chunked = False
        """The body of the answer goes out in chunks."""
        self._closing = False

    @override
    def send_whole(self, response: http.Response, content: bytes) -> None:
        self._begin_answer(response)
        head = messages.response_head(response)
        if content and self._chunked:
            content = messages.chunk(content)
        if len(content) < TOGETHER:
            self.transport.write(head + content)
        else:
            self.transport.writelines((head, content))

    @override
    def send_head(self, response: http.Response, data: bytes) -> None:
        self._begin_answer(response)
        head = messages.response_head(response)
        if data:
            head += messages.chunk(data) if self._chunked else data
        self.transport.write(head)

    @override
    def send(self, data: bytes) -> None:
        self.transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    @override
    def break_off(self) -> None:
        self._answering = None
        self._closing = True
        self.transport.close()  # what was written is sent first; the last chunk is missing

    def _begin_answer(self, response: http.Response) -> None:
        fields = messages.by_name(response.data.headers.fields)
        encoding = fields.get(b"transfer-encoding")
        self._chunked = encoding is not None and b"chunked" in encoding.lower()
        answered = self._answering
        status = response.data.status_code
        if answered is not None and status == 101:
            answered.switches = True
        elif answered is not None:
            connection = fields.get(b"connection")
            endless = not self._chunked and b"content-length" not in fields
            if (connection is not None and b"close" in connection.lower()) or (endless and status != 204):
                answered.keeps_alive = False
