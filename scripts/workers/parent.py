"""The parent: listens, hands on connections (`placing`), keeps the workers running, and passes on what they say.

* A worker that ends is replaced, after a pause that grows while they do not live long (`pauses`).
* SIGHUP: a new loader, and then each worker is replaced when its successor is ready; the old one serves what it has.
* SIGTERM, SIGINT: all end. While they still take connections (`[limits] drain`), they get them. Whoever sends a
  second signal is in a hurry: workers are told so in words, of which none is lost. Further ones are passed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Coroutine, Mapping
from typing import Any

from scripts.workers.fork import Loader, LoaderGone
from scripts.workers.link import Phase, WorkerLink
from scripts.workers.pauses import Pauses
from scripts.workers.placing import Placing

LOOK_EVERY = 0.5
"""Seconds between two pings."""
PATIENCE = 10.0
"""Seconds that the workers have for their end; what then has not ended is killed."""


def say(text: str) -> None:
    """A line for the person, as mitmproxy writes its own."""
    now = time.time()
    print(f"[{time.strftime('%H:%M:%S', time.localtime(now))}.{int(now * 1000) % 1000:03}] {text}", flush=True)


class Parent:
    """See the module. `count` workers; `arguments` are mitmdump's."""

    def __init__(
        self, count: int, listening: list[socket.socket], arguments: list[str], environ: Mapping[str, str]
    ) -> None:
        self._count = count
        self._listening = listening
        self._arguments = arguments
        self._environ = environ
        self._links: list[WorkerLink] = []
        self._loader: Loader
        self._pauses = {number: Pauses() for number in range(1, count + 1)}
        self._placing = Placing(listening, self._links)
        self._tasks: set[asyncio.Task[None]] = set()
        self._first_status: asyncio.Future[int]
        """How the first worker that ends has ended."""
        self._counts: deque[str] = deque()
        """What workers that have ended had counted, and no other has yet taken over."""
        self._kept_by: WorkerLink | None = None
        self._ending = asyncio.Event()
        self._hurries = False
        self._restart = asyncio.Event()
        self._status = 0
        self._begun = False
        self._changed = asyncio.Event()
        """A worker may have got ready."""
        self._had_terminal = _has_terminal()

    async def run(self) -> int:
        """Work until a signal. Returns the exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        starting, ending = asyncio.create_task(self._start()), asyncio.create_task(self._ending.wait())
        try:
            await asyncio.wait([starting, ending], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                await starting
            await ending
        finally:
            starting.cancel()
            await self._end_all()
        return self._status

    # --- start

    async def _start(self) -> None:
        """The first worker, and when it is ready the others: what is wrong with all is said once."""
        self._first_status = asyncio.get_running_loop().create_future()
        self._loader = Loader(self._arguments, self._environ, self._note)
        try:
            await self._loader.load()
            first = await self._fork(1, greets=True)
        except LoaderGone:
            self._fail(1)
            return
        self._placing.accept()
        if not await first.ready:
            self._fail(await self._first_status)
            return
        self._begun = True
        for number in range(2, self._count + 1):
            self._spawn(self._again(number, 0.0))
        self._spawn(self._greet())
        self._spawn(self._restarts())
        self._ping()

    async def _greet(self) -> None:
        """Say that all are there."""
        while len(ready := [one for one in self._links if one.phase is Phase.READY]) < self._count:
            self._changed.clear()
            await self._changed.wait()
        say(f"{self._count} workers are ready: processes {', '.join(str(one.pid) for one in ready)}.")

    def _fail(self, status: int) -> None:
        if not self._ending.is_set():
            self._status = status if status > 0 else 1
            self._ending.set()

    def _note(self, pid: int, status: int) -> None:
        """A worker has ended, as its loader says."""
        if not self._first_status.done():
            self._first_status.set_result(status)

    async def _fork(self, number: int, *, greets: bool = False, by: Loader | None = None) -> WorkerLink:
        """Have a worker made. Raises LoaderGone."""
        handing, theirs = socket.socketpair()
        talk, talks = socket.socketpair()
        addresses = [one.getsockname()[:2] for one in self._listening]
        seat = {"number": number, "of": self._count, "greets": greets, "port": addresses[0][1], "addresses": addresses}
        try:
            pid = await (by or self._loader).fork(seat, theirs, talks)
        except LoaderGone:
            for one in (handing, theirs, talk):
                one.close()
            raise
        finally:
            talks.close()
        link = WorkerLink(self, number, pid, handing=handing, handed=theirs, talk=talk)
        self._links.append(link)
        if self._ending.is_set():
            link.dismissed = True
            link.kill(signal.SIGTERM)
        return link

    async def _again(self, number: int, pause: float) -> None:
        """Start a worker, after a pause, if there is none of that number by then."""
        await asyncio.sleep(pause)
        while not self._ending.is_set() and not self._of(number):
            try:
                if self._loader.is_gone:
                    self._loader = Loader(self._arguments, self._environ, self._note)
                    await self._loader.load()
                await self._fork(number)
            except LoaderGone:
                pause = self._pauses[number].after(0.0)
                say(f"Nothing can be loaded for worker {number}; it is tried again in {pause:g} s.")
                await asyncio.sleep(pause)
            else:
                return

    def _of(self, number: int) -> list[WorkerLink]:
        """The workers of a number that are to stay: one, or two while it is being replaced."""
        return [one for one in self._links if one.number == number and not one.dismissed]

    # --- workers

    def place(self, connection: socket.socket) -> None:
        """A connection needs a worker."""
        self._placing.place(connection)

    def can_take(self) -> None:
        """A worker may take more connections than before."""
        self._placing.can_take()

    def heard(self, link: WorkerLink, said: dict[str, Any]) -> None:
        """A worker asks the others, has an answer for one, or says what it has counted."""
        if "ask" in said:
            self._ask(link, said)
        elif "told" in said:
            for other in self._links:
                if other.pid == said["to"]:
                    other.say(told=said["told"], number=link.number, pid=link.pid, answer=said["answer"])
        elif "counts" in said:
            link.counts = said["counts"]
            if said["final"]:
                link.tells = False
                self._pass_on(link)
        elif "drains" in said:
            link.drain_time = said["drains"]
            self._changed.set()
        elif "refused" in said:
            say(said["refused"])
            self._fail(1)

    def _ask(self, link: WorkerLink, said: dict[str, Any]) -> None:
        others = [one for one in self._links if one is not link and one.tells]
        link.say(told=said["id"], of=[[one.number, one.pid] for one in others])
        for one in others:
            if one.is_stuck:
                link.say(told=said["id"], number=one.number, pid=one.pid, answer=None)
            else:
                one.say(asked=said["ask"], id=said["id"], to=link.pid, given=said["given"])

    def gone(self, link: WorkerLink) -> None:
        """A worker has ended: what it had goes to others, and another takes its place."""
        self._links.remove(link)
        self._pass_on(link)
        self.changed()
        if not self._begun or link.dismissed or self._ending.is_set():
            return
        pause = self._pauses[link.number].after(asyncio.get_running_loop().time() - link.born)
        when = f"in {pause:g} s" if pause else "at once"
        say(f"Worker {link.number} (process {link.pid}) has ended; another takes its place {when}.")
        self._spawn(self._again(link.number, pause))

    def _pass_on(self, link: WorkerLink) -> None:
        """What one that ends has counted is counted by another from now on."""
        if link.counts is not None:
            self._counts.append(link.counts)
            link.counts = None
        heir = self._keeper()
        while self._counts and heir is not None:
            heir.say(inherit=self._counts.popleft())
        if self._ending.is_set() and len(self._links) == 1:
            self._links[0].say(last=True)

    def _keeper(self) -> WorkerLink | None:
        """The one that keeps what all have counted: the same as before, or the first that can."""
        before = self._kept_by
        if before is None or not before.tells or before.is_stuck or before not in self._links:
            self._kept_by = next((one for one in self._links if one.tells and not one.is_stuck), before)
        return self._kept_by if self._kept_by in self._links else None

    def changed(self) -> None:
        """Tell all how all are doing."""
        self._changed.set()
        roster, keeper = [one.told() for one in self._links], self._keeper()
        for one in self._links:
            one.say(roster=roster, keeper=keeper and keeper.pid)

    def _ping(self) -> None:
        """Look who answers."""
        for one in self._links:
            one.ping()
        self._placing.relieve()
        self.changed()
        asyncio.get_running_loop().call_later(LOOK_EVERY, self._ping)

    async def _restarts(self) -> None:
        """Replace all workers, whenever that is asked for."""
        while True:
            await self._restart.wait()
            self._restart.clear()
            loader = Loader(self._arguments, self._environ, self._note)
            try:
                await loader.load()
                await self._replace_all(loader)
            except LoaderGone as e:
                say(
                    f"{e} ".lstrip()
                    + "The restart has failed: nothing was changed by it but for workers that are new already."
                )
            if loader is not self._loader:
                await loader.end()

    async def _replace_all(self, loader: Loader) -> None:
        """Replace one worker after the other. Raises LoaderGone if a new one does not get ready."""
        before, its_workers = self._loader, list(self._links)
        try:
            for number in range(1, self._count + 1):
                new = await self._fork(number, by=loader)
                new.dismissed = True  # until it is known to be of use
                if not await new.ready:
                    raise LoaderGone
                new.dismissed = self._ending.is_set()
                self._loader = loader
                for old in self._of(number):
                    if old is not new:
                        old.drain()
        finally:
            if self._loader is not before:
                self._spawn(self._end_loader(before, its_workers))
        say("All workers have been replaced.")

    async def _end_loader(self, loader: Loader, links: list[WorkerLink]) -> None:
        """End a loader when its workers have ended: it is their parent."""
        await asyncio.gather(*(link.ended.wait() for link in links))
        await loader.end()

    # --- end

    def _hang_up(self) -> None:
        """SIGHUP: a restart, but where the terminal is gone it means the end."""
        if self._had_terminal and not _has_terminal():
            self._end()
        else:
            say("Replacing the workers, one after the other ...")
            self._restart.set()

    def _end(self) -> None:
        if self._ending.is_set():
            for one in self._links:
                if self._hurries:
                    one.kill(signal.SIGTERM)
                else:
                    one.hurry()
            self._hurries = True
        self._ending.set()

    async def _end_all(self) -> None:
        for task in self._tasks:
            task.cancel()
        links = list(self._links)
        for link in links:
            link.dismissed = True
            link.kill(signal.SIGTERM)
        await self._served()
        self._placing.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*(link.ended.wait() for link in links)), PATIENCE)
        for link in links:
            link.kill(signal.SIGKILL)
        await self._loader.end()

    async def _served(self) -> None:
        """Hand on connections until no worker takes any more: at once, where there is no `[limits] drain`."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while any(one.phase is Phase.READY for one in self._links):
            left = begun + PATIENCE + max(one.drain_time for one in self._links) - loop.time()
            if left <= 0:
                return
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _has_terminal() -> bool:
    """Whether there is a terminal that may hang up."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
