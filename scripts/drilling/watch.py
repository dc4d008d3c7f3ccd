"""Between the client and the gateway: what is asked is written down, and gets the header that orders a fault.

A proxy of a few lines: for each connection one to the gateway, and bytes are handed on as they come. So what the
gateway does to an answer, a torn connection above all, the client meets too. It says nothing of its own, no
`Connection: close` say: some clients take what is cut off after that for whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

FIELD = b"X-Antigravity-Fault"
LONGEST_HEAD = 2**16
"""Bytes of the head of an answer."""


@dataclass(slots=True)
class SeenRequest:
    """One request of the client, and what came back. Times are seconds of `time.monotonic`."""

    time: float
    method: str
    path: str
    body: bytes
    status: int | None = None
    id: str = ""
    """The gateway's id of it."""

    @property
    def json(self) -> Any:
        """The body; None: it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(slots=True)
class Watch:
    """The proxy. `place`: host and port of the gateway. `endpoint`, `model`: patterns of what meets the fault."""

    place: tuple[str, int]
    endpoint: str = "*"
    model: str = "*"
    key: str = ""
    """What the gateway wants to be shown; empty: what the client sends."""
    header: str = ""
    """Orders the fault of this run."""
    seen: list[SeenRequest] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> str:
        """Listen. The address, without `/v1`."""
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def begin(self, header: str) -> None:
        """Another run."""
        self.header = header
        self.seen = []

    async def stop(self) -> None:
        """Take no more, and let go of what is open."""
        if self._server:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # one side is gone
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upward, up = await asyncio.open_connection(*self.place, limit=2**22)
        answers = _Answers()
        try:
            await _either(self._up(reader, writer, up, answers), _pump(upward, writer, answers.look))
        finally:
            up.close()

    async def _up(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, up: asyncio.StreamWriter, answers: _Answers
    ) -> None:
        """The client's requests, one after the other, until it hangs up."""
        while head := await _head(reader):
            line, *fields = head[:-4].split(b"\r\n")
            method, target, _ = line.split(b" ", 2)
            names = {name.strip().lower(): value.strip() for name, _, value in (one.partition(b":") for one in fields)}
            if names.get(b"expect", b"").lower() == b"100-continue":
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body, raw = await _body(reader, names)
            seen = SeenRequest(time.monotonic(), method.decode(), target.decode().partition("?")[0], body)
            self.seen.append(seen)
            answers.begin(seen)
            up.write(b"\r\n".join([line, *self._fields(fields, seen), b"", b""]) + raw)
            await up.drain()
            if b"upgrade" in names:
                await _pump(reader, up)
                return

    def _fields(self, fields: list[bytes], seen: SeenRequest) -> list[bytes]:
        dropped = {b"expect", *({b"authorization", b"x-api-key", b"x-goog-api-key"} if self.key else ())}
        made = [one for one in fields if one.partition(b":")[0].strip().lower() not in dropped]
        if self.key:
            made.append(b"Authorization: Bearer " + self.key.encode())
        if self.header and self._is_meant(seen):
            made.append(FIELD + b": " + self.header.encode())
        return made

    def _is_meant(self, seen: SeenRequest) -> bool:
        if seen.method != "POST" or not fnmatch.fnmatchcase(seen.path, self.endpoint):
            return False
        body = seen.json
        name = body.get("model") if isinstance(body, dict) else None
        # Gemini's own paths name the model.
        return fnmatch.fnmatchcase(name if isinstance(name, str) else seen.path, self.model)


class _Answers:
    """What is read of the answers on one connection: status and id of each."""

    def __init__(self) -> None:
        self._seen: SeenRequest | None = None
        self._kept = b""

    def begin(self, seen: SeenRequest) -> None:
        """The next bytes answer this one."""
        self._seen, self._kept = seen, b""

    def look(self, data: bytes) -> None:
        """Bytes of an answer."""
        seen = self._seen
        if seen is None:
            return
        self._kept += data
        head, end, _ = self._kept.partition(b"\r\n\r\n")
        if not end and len(self._kept) < LONGEST_HEAD:
            return
        line, *fields = head.split(b"\r\n")
        status = line.split(b" ")[1:2]
        seen.status = int(status[0]) if status and status[0].isdigit() else None
        for one in fields:
            name, _, value = one.partition(b":")
            if name.strip().lower() == b"x-request-id":
                seen.id = value.strip().decode()
        self._seen = None


async def _head(reader: asyncio.StreamReader) -> bytes:
    """The head of a request; empty: there is none any more."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


async def _body(reader: asyncio.StreamReader, names: dict[bytes, bytes]) -> tuple[bytes, bytes]:
    """The body, and as it came."""
    if b"chunked" in names.get(b"transfer-encoding", b"").lower():
        body = raw = b""
        while True:
            line = await reader.readuntil(b"\n")
            size = int(line.split(b";")[0], 16)
            data = await reader.readexactly(size + 2)  # with its end of line; of the last chunk there is nothing else
            raw += line + data
            if not size:
                return body, raw
            body += data[:-2]
    body = await reader.readexactly(int(names.get(b"content-length", b"0")))
    return body, body


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, look: Callable[[bytes], None] | None = None
) -> None:
    """Hand on what comes, to its end, however that comes."""
    while data := await reader.read(2**16):
        if look:
            look(data)
        writer.write(data)
        await writer.drain()


async def _either(*ways: Coroutine[Any, Any, None]) -> None:
    """Until one of the ways has ended."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await task
