"""How an exchange waits: for one thing at a time, until it comes or the wait is ended; and not in silence for long.

And for others, where only a few may do a thing at a time. And for a person who has stopped it (`Held`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from mapping.faults import Fault
from mapping.gemini.sse import KEEP_ALIVE

END_OF_EVENT = b"\n\n"

LARGE = 2**20
"""Bytes of a body from which on others have a turn between what is done with it. Each step takes some ms for 10 MB."""


def nobody() -> None:
    """Nobody is told."""


async def others() -> None:
    """Let the loop deal with what has come. The first turn is that of what was there before it looked for more."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


class Patience:
    """What one exchange waits for. A deadline may end it, or that nobody is there any more."""

    __slots__ = ("_end", "_waiting")

    def __init__(self) -> None:
        self._waiting: asyncio.Future[Any] | None = None
        self._end: Fault | None = None

    async def wait[T](self, what: Awaitable[T]) -> T:
        """What comes of `what`. Once `end` was called it is cancelled, and the error of `end` raised in its place."""
        waiting = asyncio.ensure_future(what)
        self._waiting = waiting
        try:
            if self._end:
                waiting.cancel()
            return await waiting
        except asyncio.CancelledError:
            if self._end:
                raise self._end from None
            raise
        finally:
            self._waiting = None

    def end(self, problem: Fault) -> bool:
        """No waiting any more. Returns whether somebody waited, and gets the error."""
        self._end = problem
        if self._waiting is None:
            return False
        self._waiting.cancel()
        return True


class Silence:
    """Signs of life for a streaming client: calls `broken` whenever nothing was heard for `seconds`.

    Clients and proxies in between give up on a connection on which nothing comes. One timer a stream, not one a chunk:
    a chunk only sets a time.
    """

    __slots__ = ("_broken", "_heard", "_loop", "_seconds", "_timer")

    def __init__(self, seconds: float, broken: Callable[[], None]) -> None:
        self._seconds = seconds
        self._broken = broken
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._timer = self._loop.call_later(seconds, self._look)

    def heard(self) -> None:
        """Something has gone to the client."""
        self._heard = self._loop.time()

    def end(self) -> None:
        """The stream is over: nothing is watched any more."""
        self._timer.cancel()

    def _look(self) -> None:
        left = self._heard + self._seconds - self._loop.time()
        if left <= 0:
            self._broken()
            self._heard = self._loop.time()
            left = self._seconds
        self._timer = self._loop.call_later(left, self._look)


class Slots:
    """Of many who want to do a thing, a few do it at a time, and no two of them the same."""

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._changed = asyncio.Event()

    async def take(self, what: str, most: Callable[[], int]) -> Callable[[], None]:
        """Wait until nobody does the same, and fewer than `most` do anything. What it returns ends that."""
        while what in self._held or len(self._held) >= most():
            await self._changed.wait()
        self._held.add(what)
        return partial(self._end, what)

    def _end(self, what: str) -> None:
        self._held.discard(what)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class Held:
    """What a person has stopped of one exchange: nothing, mostly.

    Two things stop one: a flow that is intercepted (`breakpoints`), and a stream that is held. Its deadline waits. A
    held stream goes on coming from the upstream, and is translated; what the client would get is kept here, event by
    event, until somebody lets it go.
    """

    __slots__ = (
        "_began", "_deadline", "_emptied", "_events", "_held", "_holds", "_left", "_out", "_pass", "_silence", "closed",
    )  # fmt: skip

    def __init__(self) -> None:
        self.closed = False
        """The client's stream is held."""
        self._deadline: asyncio.TimerHandle | None = None
        self._pass: Callable[[], None] | None = None
        self._left = 0.0
        """Seconds until the deadline, while it waits."""
        self._holds = 0
        """How many things hold it."""
        self._began = 0.0
        self._held = 0.0
        self._events: deque[bytes] | None = None
        self._out = b""
        """What the client is to get next."""
        self._silence: Silence | None = None
        self._emptied: asyncio.Event | None = None

    # --- the deadline

    def begin(self, seconds: float, passed: Callable[[], None]) -> None:
        """The exchange has so many seconds from now on; `passed` is called after them."""
        self._pass, self._left = passed, seconds
        if not self._holds:
            self._deadline = asyncio.get_running_loop().call_later(seconds, passed)

    def end(self) -> None:
        """It is over: its time is not limited any more, and no stream is held."""
        self._pass = None
        self.let_go()
        if self._deadline is not None:
            self._deadline.cancel()

    def hold(self) -> None:
        """It waits for a person from now on."""
        self._holds += 1
        if self._holds > 1:
            return
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        if self._deadline is not None:
            self._left = self._deadline.when() - self._began
            self._deadline.cancel()

    def release(self) -> float:
        """It does not wait for that any more. Seconds for which it did in all, if it goes on now; else 0."""
        if self._holds != 1:
            self._holds = max(0, self._holds - 1)
            return 0.0
        self._holds = 0
        self.hush()
        loop = asyncio.get_running_loop()
        self._held += loop.time() - self._began
        if self._pass is not None:
            self._deadline = loop.call_later(max(0.0, self._left), self._pass)
        return self._held

    # --- signs of life

    def speak(self, seconds: float, nudge: Callable[[], None], can: Callable[[], bool]) -> None:
        """Give the client of a stream a comment every so many seconds, whenever one `can` go out."""

        def say() -> None:
            if can():
                self._out += KEEP_ALIVE
                nudge()

        if self._silence is None:
            self._silence = Silence(seconds, say)

    def hush(self) -> None:
        """No comments any more."""
        if self._silence is not None:
            self._silence.end()
            self._silence = None

    # --- a stream, event by event

    def close(self) -> None:
        """From now on the client gets what it is given by `step`."""
        if not self.closed:
            self.closed = True
            self._events = deque() if self._events is None else self._events
            self.hold()

    @property
    def words(self) -> str:
        """For people; empty: nothing is held."""
        if self.closed:
            return f"held, {self.waiting} event{'' if self.waiting == 1 else 's'} wait"
        return "held at a breakpoint" if self._holds else ""

    @property
    def waiting(self) -> int:
        """How many events wait."""
        return len(self._events or ())

    def step(self, count: int) -> int:
        """Give the client so many events, if so many wait. Returns how many; they go out with the next `taken`."""
        events = self._events or deque()
        given = min(count, len(events))
        self._out += b"".join([events.popleft() for _ in range(given)])
        if not events and self._emptied is not None:
            self._emptied.set()
        return given

    def let_go(self) -> float:
        """Give the client what waits, and all that comes. See `release`."""
        if not self.closed:
            return 0.0
        self.closed = False
        self.step(self.waiting)
        if self._emptied is not None:
            self._emptied.set()
        return self.release()

    def kept(self, out: bytes) -> bytes:
        """What of these bytes of the stream goes to the client at once: all, or while it is held nothing."""
        if not self.closed or not out:
            return out
        assert self._events is not None
        *whole, rest = out.split(END_OF_EVENT)
        self._events.extend(event + END_OF_EVENT for event in whole)
        if rest:
            self._events.append(rest)
        return b""

    def taken(self, out: bytes) -> bytes:
        """What the client is given, and `out` after it."""
        if self._out:
            out, self._out = self._out + out, b""
        return out

    async def last(self, tail: bytes) -> None:
        """The stream ends with this: wait until the client has been given all of it."""
        self.kept(tail)
        if self._events:
            self._emptied = asyncio.Event()
            await self._emptied.wait()
