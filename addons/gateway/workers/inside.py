"""This process as one of several workers: its number, its connections, and what it asks of the others.

The launcher makes a worker with `become`, before mitmproxy starts. Everywhere else `current` says whether there is one;
where there is none, the gateway is alone, and does as it always did.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from mitmproxy.proxy import mode_servers
from mitmproxy.utils import asyncio_utils

from addons.gateway.workers.handed import HandedServer, Handing
from addons.gateway.workers.talk import Talk

logger = logging.getLogger("antigravity")

LIMIT = 0.5
"""Seconds that the others have for an answer."""

QUIETER = ("mitmproxy.proxy.mode_servers", "mitmproxy.addons.script")
"""Loggers that say at the start of each process what one has said already."""

SAID_BY_ONE = tuple(
    os.path.join(*path)
    for path in (
        ("gateway", "prepared.py"),
        ("gateway", "settings_file.py"),
        ("accounts", "credentials", "credential_files.py"),
        ("models", "remarks.py"),
        ("wire", "compat.py"),
        ("wire", "listening.py"),
    )
)
"""Modules whose lines, errors apart, would be the same from each worker: the first one says them."""

ALONE = ("save_stream_file", "hardump", "rfile", "client_replay", "server_replay")
"""mitmproxy's options that only one process can follow: flows to one file, or from one."""


@dataclass(frozen=True, slots=True)
class Seat:
    """What the launcher tells a worker of itself."""

    number: int
    """From 1 on."""
    of: int
    """How many there are to be."""
    greets: bool
    """It is the first one of all: it says what is said once."""
    port: int
    addresses: list[tuple[str, int]]
    """What the launcher listens on."""


@dataclass(frozen=True, slots=True)
class Told:
    """What another worker has answered."""

    number: int
    pid: int
    answer: Any
    """None: it did not, in time."""


@dataclass(slots=True)
class _Asked:
    """A question to the others that is under way."""

    complete: asyncio.Event = field(default_factory=asyncio.Event)
    of: dict[int, int] | None = None
    """Who was asked, number by pid; None: that is not known yet."""
    answers: dict[int, Any] = field(default_factory=dict)
    """By pid."""

    def look(self) -> None:
        if self.of is not None and set(self.of) <= set(self.answers):
            self.complete.set()


class Worker:
    """See the module."""

    def __init__(self, seat: Seat, handing: socket.socket, talk: socket.socket) -> None:
        self.seat = seat
        self.handing = Handing(handing, self._end)
        self._talk = Talk(talk)
        self._answers: dict[str, Callable[[Any], Any]] = {}
        self._asked: dict[int, _Asked] = {}
        self._ids = itertools.count(1)
        self._drain: Callable[[], Awaitable[None]] | None = None
        self.roster: list[dict[str, Any]] = []
        """All workers as the launcher sees them: number, pid, state, open connections."""
        self.keeps = seat.greets
        """It is the one that keeps in the store what all have counted."""
        self.hurry = asyncio.Event()
        """All end, and somebody is in a hurry."""
        self.is_last = asyncio.Event()
        """All end, and the others have ended."""

    def server(self, instance: Any) -> HandedServer:
        """What stands for a server of mitmproxy's on the shared port."""

        def by_mitmproxy() -> asyncio.BaseProtocol:
            loop = asyncio.get_running_loop()
            return asyncio.StreamReaderProtocol(asyncio.StreamReader(loop=loop), instance.handle_stream, loop=loop)

        return HandedServer(self.handing, self.seat.addresses, by_mitmproxy)

    def begin(self, drain: Callable[[], Awaitable[None]]) -> None:
        """All is ready for connections. `drain` ends the process once what is open has been served. Once more when
        mitmproxy has loaded the script anew."""
        is_first, self._drain = self._drain is None, drain
        if is_first:
            asyncio_utils.create_task(self._listen({"ready": True}), name="talk with the launcher", keep_ref=True)

    def refuse(self, why: str) -> None:
        """Say why several workers can't be; the launcher ends them all."""
        asyncio_utils.create_task(self._listen({"refused": why}), name="talk with the launcher", keep_ref=True)

    def answer(self, what: str, make: Callable[[Any], Any]) -> None:
        """Have questions of the others for `what` answered by `make`, from what goes with the question."""
        self._answers[what] = make

    def say(self, **said: Any) -> None:
        """Tell the launcher something."""
        self._talk.say(**said)

    def tell_counts(self, counts: Any, *, final: bool) -> None:
        """Have the launcher keep what was counted, for the one that goes on from there when this one has ended.
        `final`: nothing more is counted."""
        self._talk.say(counts=json.dumps(counts), final=final)

    async def gather(self, what: str, given: Any = None) -> list[Told]:
        """Ask the others, who have `LIMIT` for it. By number."""
        asked, id = _Asked(), next(self._ids)
        self._asked[id] = asked
        self._talk.say(ask=what, id=id, given=given)
        try:
            await asyncio.wait_for(asked.complete.wait(), LIMIT)
        except TimeoutError:
            pass
        finally:
            del self._asked[id]
        return [Told(number, pid, asked.answers.get(pid)) for pid, number in (asked.of or {}).items()]

    async def flush(self) -> None:
        """Wait until the launcher has all that was said."""
        await self._talk.flush()

    # --- inside

    async def _listen(self, first: dict[str, Any]) -> None:
        await self._talk.open()
        self._talk.say(**first)
        await self._talk.listen(self._heard)
        self._end()

    def _heard(self, said: dict[str, Any]) -> None:
        if "ping" in said:
            self._talk.say(pong=True)
        elif "roster" in said:
            self.roster = said["roster"]
            self.keeps = said["keeper"] == os.getpid()
        elif "inherit" in said:
            self._answers["inherit"](json.loads(said["inherit"]))
        elif "hurry" in said:
            self.hurry.set()
        elif "last" in said:
            self.is_last.set()
        elif "asked" in said:
            self._answer(said)
        elif "told" in said:
            asked = self._asked.get(said["told"])
            if asked is not None:
                if "of" in said:
                    asked.of = {pid: number for number, pid in said["of"]}
                else:
                    asked.answers[said["pid"]] = None if said["answer"] is None else json.loads(said["answer"])
                asked.look()
        elif "drain" in said and self._drain is not None:
            self.keeps = False
            asyncio_utils.create_task(_ended_by(self._drain), name="drain", keep_ref=True)

    def _answer(self, said: dict[str, Any]) -> None:
        try:
            answer = json.dumps(self._answers[said["asked"]](said["given"]))
        except Exception:  # whatever it is, the one that asks must not wait for it
            logger.exception(f"Another worker's question for {said['asked']} could not be answered. Please report it.")
            answer = None
        self._talk.say(told=said["id"], to=said["to"], answer=answer)

    def _end(self) -> None:
        """The launcher is gone: there is nobody to hand connections on."""
        os.kill(os.getpid(), signal.SIGTERM)


async def _ended_by(drain: Callable[[], Awaitable[None]]) -> None:
    await drain()


def _is_for_each(record: logging.LogRecord) -> bool:
    """Whether a record is not one that the first worker says for all."""
    return record.levelno >= logging.ERROR or not record.pathname.endswith(SAID_BY_ONE)


_current: Worker | None = None


def current() -> Worker | None:
    """The worker that this process is; None: it is alone."""
    return _current


def become(seat: Seat, handing: socket.socket, talk: socket.socket) -> None:
    """Make this process a worker, before mitmproxy starts: its port is the launcher's."""
    global _current
    _current = worker = Worker(seat, handing, talk)
    by_mitmproxy: Any = mode_servers.AsyncioServerInstance.listen

    async def listen(self: Any, host: str, port: int) -> list[Any]:
        if port == seat.port:
            return [worker.server(self)]
        found: list[Any] = await by_mitmproxy(self, host, port)
        return found

    mode_servers.AsyncioServerInstance.listen = listen  # type: ignore[method-assign]
    if seat.number != 1:
        logger.addFilter(_is_for_each)
    if not seat.greets:
        for name in QUIETER:
            logging.getLogger(name).setLevel(logging.WARNING)
