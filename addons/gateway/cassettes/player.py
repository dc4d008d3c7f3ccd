"""Where recordings answer: a small HTTP server on this machine's loopback, which takes calls of this gateway only.

A recording answers so as a real upstream does: on either wire, piece by piece, at its times if that is wanted, and to a
broken end. Which one, says a ticket that goes with the call; it is good once, and nobody else has one.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from http import HTTPStatus
from typing import override

from addons.gateway.accounts.account import Account
from addons.gateway.accounts.address import Address
from addons.gateway.accounts.credentials.credential import Credential, Fields
from addons.gateway.cassettes.files import RecordedAnswer
from addons.gateway.storage.bounded import Bounded

ADDRESS = Address("http", "cassette.invalid", 80)
"""What flows name."""
LABEL = "cassette"
"""Of the account that answers."""
_FIELD = b"X-Cassette-Ticket"
_MAX_HEAD = 1024 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_TICKET = re.compile(rb"\r\n" + _FIELD + rb": *(\w+)\r\n", re.IGNORECASE)
_MOST = 10_000
"""Tickets that are out: who has left before the call went up leaves one behind."""


class Ticket(Credential):
    """What a call shows to be answered by a recording; none: it is not to be made at all."""

    kind = "cassette"
    real = False

    def __init__(self, text: str = "") -> None:
        self._fields = [(_FIELD, text.encode())] if text else []

    @override
    def headers(self) -> Fields:
        return self._fields


class Player:
    """See the module."""

    def __init__(self, *, at_once: bool) -> None:
        """`at_once`: no recorded time is waited for."""
        self._at_once = at_once
        self._tickets: Bounded[str, RecordedAnswer] = Bounded(_MOST)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._listens = ("", 0)

    async def start(self) -> None:
        """Listen. Raises OSError."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_MAX_HEAD)
        self._listens = self._server.sockets[0].getsockname()[:2]

    def stop(self) -> None:
        """Listen no more, and hang up."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()

    def account(self, answer: RecordedAnswer) -> Account:
        """The account whose next call gets this answer."""
        ticket = secrets.token_hex(8)
        self._tickets.put(ticket, answer)
        return Account(LABEL, Ticket(ticket), address=ADDRESS, listens=self._listens)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while (answer := await self._asked(reader)) is not None:
                await self._answer(answer, writer)
                if answer.broken:
                    break
        except (OSError, EOFError, asyncio.LimitOverrunError):  # the call was given up
            pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _asked(self, reader: asyncio.StreamReader) -> RecordedAnswer | None:
        """What answers the call that comes next; None: it is none of the gateway's."""
        head = await reader.readuntil(b"\r\n\r\n")
        length, ticket = _LENGTH.search(head), _TICKET.search(head)
        if length is not None:
            await reader.readexactly(int(length[1]))
        if ticket is None:
            return None
        text = ticket[1].decode()
        answer = self._tickets.get(text)
        self._tickets.drop(text)
        return answer

    async def _answer(self, answer: RecordedAnswer, writer: asyncio.StreamWriter) -> None:
        began = asyncio.get_running_loop().time()
        writer.write(_head(answer))
        for at, data in answer.pieces:
            await self._wait_until(began + at)
            writer.write(b"%x\r\n%b\r\n" % (len(data), data) if data else b"")
            await writer.drain()
        await self._wait_until(began + answer.seconds)
        if answer.broken:
            writer.write_eof()
        else:
            writer.write(b"0\r\n\r\n")
            await writer.drain()

    async def _wait_until(self, then: float) -> None:
        left = then - asyncio.get_running_loop().time()
        if left > 0 and not self._at_once:
            await asyncio.sleep(left)


def _head(answer: RecordedAnswer) -> bytes:
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {answer.status} {phrase}", "Transfer-Encoding: chunked"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
