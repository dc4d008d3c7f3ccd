"""A worker's access to the shared state: what is written and said soon, what is asked, and what holds while it is away.

* What is to be written is written soon, in its order, by one task, as often as it takes: all changes may be made twice.
  Until it is written, this worker finds it nevertheless (`Backlog`), and what was acknowledged is in its outbox.
* Who asks waits for `limit` seconds at most. When that was not enough the shared state counts as away: nobody asks it
  any more but who can't go on without, until it answers again.
* While it is away each worker goes on with its copies of the boards; when it is back they are merged.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any
from uuid import uuid4

from addons.gateway.shared.backlog import Backlog
from addons.gateway.shared.board import Board
from addons.gateway.shared.contract import MISSED, Away, Change, Claim, SharedPlace
from addons.gateway.shared.outbox import Outbox
from mapping import jsonio
from mapping.values import JSON

logger = logging.getLogger("antigravity")

WRITE_WITHIN = 5.0
"""Seconds for what no request waits for."""
AGAIN_AFTER = 0.25
"""Seconds after which a place that is away is tried again."""
REPORT_EVERY = 60.0
"""Seconds between two complaints."""
MOST_AT_ONCE = 256
"""Changes that are written in one go."""
BURST = 20
"""How often in a row something is said at once."""
EPOCH = "epoch"
"""The key of a thing by which it is seen that the place was emptied."""
EPOCH_LASTS = 400 * 86400.0
_TURNS = 8
"""Of the loop, for an answer that has come while the loop was busy."""

type Told = Callable[[Any], object]


class Hub:
    """See the module. `me` names this worker; without an `outbox` what waits is lost with it."""

    def __init__(self, place: SharedPlace, *, me: str = "", limit: float = 0.05, outbox: Outbox | None = None) -> None:
        self.me = me or uuid4().hex[:12]
        self.limit = limit
        """Seconds that a request waits for the shared state at most."""
        self.here = False
        """Whether the place answers, as far as is known."""
        self.failures = 0
        """How often it did not answer, or not soon enough."""
        self.back_since = float("-inf")
        """When it last answered again after it had been away, by `time.monotonic`."""
        self._place = place
        self._boards: dict[str, Board] = {}
        self._told: dict[str, Told] = {}
        self._missed: list[Callable[[], None]] = []
        self._backlog = Backlog(outbox)
        self._flushes = 0
        """How many have begun."""
        self._settling: deque[tuple[int, int, asyncio.Future[None]]] = deque()
        """How many changes have to be written, and the flush that has to be over, before each is told."""
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unsaid: list[list[Any]] = []
        self._said = float("-inf")
        """When something was said last, or would have been at the greatest rate; on the clock of the loop."""
        self._timer: asyncio.TimerHandle | None = None
        self._read_at = float("-inf")
        self._epoch: bytes | None = None
        self._complained = float("-inf")

    # --- its life

    def board(self, board: Board) -> Board:
        """Share a board. Before `start`."""
        self._boards[board.name] = board
        board.wake = self._wake.set
        return board

    def on(self, topic: str, told: Told) -> None:
        """Who is told what other workers `say` on a topic."""
        self._told[topic] = told

    def on_missed(self, then: Callable[[], None]) -> None:
        """What to do when what others said may be lost, and at the start."""
        self._missed.append(then)

    async def start(self) -> None:
        """Connect, and read what is there: for `WRITE_WITHIN` seconds; then that goes on beside."""
        opened = asyncio.Event()
        self._task = asyncio.create_task(self._run(opened), name="shared state")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(opened.wait(), WRITE_WITHIN)

    async def stop(self) -> None:
        """Write what waits, for a short while, and let go."""
        if self._task is None:
            return
        self._say_now()
        with contextlib.suppress(Away, TimeoutError):
            async with asyncio.timeout(1.0):
                while self.here and self._has_work():
                    await self._flush()
        self._backlog.keep()
        self._task.cancel()
        self._task = None
        await self._place.close()

    # --- asking

    async def get(self, keys: Sequence[str], *, needed: bool = False) -> list[bytes | None]:
        """Things; what this worker is about to write, too. `needed`: ask also while it counts as away. Raises Away."""
        mine = self._backlog.becomes(keys)
        if needed and mine:
            self._backlog.keep()  # who is told of it may count on it
        others = [key for key in keys if key not in mine]
        found = dict(zip(others, await self._ask(self._place.get(others), needed) if others else (), strict=True))
        if needed and (missing := [key for key, value in found.items() if value is None]):
            found |= self._backlog.becomes_elsewhere(missing)
            if not self.here and None in found.values():
                raise Away("others may not have written yet what they have")
        return [mine[key] if key in mine else found[key] for key in keys]

    async def make(self, changes: Sequence[Change], *, needed: bool = False) -> list[bytes | None]:
        """Make changes now, and tell what is there after each. Raises Away: they may have been made nevertheless."""
        return await self._ask(self._place.write(changes), needed)

    async def _ask[R](self, asking: Coroutine[Any, Any, R], needed: bool) -> R:
        if self._task is None or not (self.here or needed):
            asking.close()
            raise Away("it did not answer before")
        task = asyncio.ensure_future(asking)
        try:
            await asyncio.wait({task}, timeout=self.limit)
            for _ in range(_TURNS):
                if task.done():
                    break
                await asyncio.sleep(0)
        finally:
            if not task.done():
                task.cancel()
        if not task.done() or task.cancelled():
            error = Away(f"no answer within {self.limit * 1000:.0f} ms")
            self._away(error)
            raise error
        try:
            return task.result()
        except Away as e:
            self._away(e)
            raise

    # --- writing

    def soon(self, change: Change) -> None:
        """Make a change, some time soon."""
        self._backlog.add(change)
        self._wake.set()

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits to be written, or it can't be now, and is in the outbox."""
        return not self._has_work() if self.here else self._backlog.is_kept

    def when_settled(self, then: Callable[[], None]) -> None:
        """Do something when what is to be written by now is written, however long that takes."""
        if self._has_work():
            self._settled().add_done_callback(lambda future: then())
        else:
            then()

    async def settled(self) -> None:
        """Wait until what is to be written by now is written, but not for longer than `limit`; then it is kept."""
        if self.is_settled:
            return
        if not self.here or not (await asyncio.wait({self._settled()}, timeout=self.limit))[0]:
            self._backlog.keep()

    def _settled(self) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._settling.append((self._backlog.end, self._flushes + 1, future))
        return future

    def _tell_settled(self) -> None:
        while self._settling and self._settling[0][0] <= self._backlog.done and self._settling[0][1] <= self._flushes:
            future = self._settling.popleft()[2]
            if not future.done():
                future.set_result(None)

    # --- saying

    def say(self, topic: str, body: Any) -> None:
        """Tell the other workers, who may not hear it. `body` is JSON."""
        self._unsaid.append([topic, body])
        if self._timer is not None:
            return
        loop = asyncio.get_running_loop()
        # At once, with what else is said in this turn of the loop; where much is said, after a while.
        gathers = self._place.gathers
        self._said = max(self._said, loop.time() - BURST * gathers)
        self._timer = loop.call_at(max(loop.time(), self._said), self._say_now)

    def _say_now(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        words, self._unsaid = self._unsaid, []
        if words:
            self._said += self._place.gathers
            self._place.say(jsonio.dumps(words))

    def _heard(self, message: bytes) -> None:
        if message == MISSED:
            self._read_at = float("-inf")
            self._wake.set()
            self._ask_again()
            return
        try:
            words = jsonio.loads(message)
            for topic, body in words:
                if topic == "board":
                    name, field, value = body
                    if (board := self._boards.get(name)) is not None:
                        board.heard(field, value)
                elif told := self._told.get(topic):
                    told(body)
        except Exception:
            logger.exception("What another worker said could not be understood. Please report it.")

    # --- the task

    async def _run(self, opened: asyncio.Event) -> None:
        tried = False
        while True:
            try:
                if not self.here:
                    await self._open()
                    opened.set()
                if time.monotonic() >= self._read_at + self._place.reads_every:
                    await self._read()
                while self._has_work():
                    await self._flush()
            except Away as e:
                self._away(e)
                if tried:
                    opened.set()
                tried = True
            except Exception:
                logger.exception("The shared state could not be kept. Please report it.")
                await asyncio.sleep(AGAIN_AFTER)
            if self.here:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, self._read_at + self._place.reads_every - time.monotonic())):
                        await self._wake.wait()
            else:
                self._backlog.keep()
                await asyncio.sleep(AGAIN_AFTER)
            self._wake.clear()

    def _has_work(self) -> bool:
        return bool(self._backlog) or any(board.waits for board in self._boards.values())

    async def _open(self) -> None:
        await self._within(self._place.open(self._heard))
        await self._read()
        self._back()
        self._ask_again()

    def _ask_again(self) -> None:
        for then in self._missed:
            then()

    async def _read(self) -> None:
        """Read all boards, see whether the place was emptied, and what workers have left that died."""
        self._read_at = time.monotonic()
        self._backlog.adopt()
        (epoch,) = await self._within(self._place.write([Claim(EPOCH, uuid4().hex.encode(), EPOCH_LASTS)]))
        emptied = self._epoch is not None and epoch != self._epoch
        for board in self._boards.values():
            board.read(await self._within(self._place.board(board.name)))
        if emptied:
            logger.error("The shared state was emptied: responses and turns that were kept there are lost")
        self._epoch = epoch

    async def _flush(self) -> None:
        first = self._backlog.first(MOST_AT_ONCE)
        swaps = [(board, swap) for board in self._boards.values() for swap in board.swaps(MOST_AT_ONCE)]
        if not first and not swaps:
            return
        count = len(first)
        done = self._backlog.done + count
        self._flushes += 1
        found = await self._within(self._place.write([*first, *(swap for _, swap in swaps)]))
        self._backlog.written(done)
        for (board, swap), left in zip(swaps, found[count:], strict=True):
            if (value := board.swapped(swap, left)) is not None:
                self.say("board", [board.name, swap.field, value])
        if self._settling and self._unsaid:
            self._say_now()  # whoever waits for this means the others, too
        self._tell_settled()

    async def _within[R](self, work: Coroutine[Any, Any, R]) -> R:
        try:
            async with asyncio.timeout(WRITE_WITHIN):
                return await work
        except TimeoutError:
            raise Away(f"no answer within {WRITE_WITHIN:.0f} s") from None

    def _away(self, error: Away) -> None:
        self.failures += 1
        self.here = False
        self._wake.set()
        now = time.monotonic()
        if now >= self._complained + REPORT_EVERY:
            self._complained = now
            lost = f" {self._backlog.lost} changes were lost." if self._backlog.lost else ""
            logger.warning(
                f"The shared state is away: {error}. This worker goes on with what it knows, "
                f"and keeps {len(self._backlog)} changes for it.{lost}"
            )

    def _back(self) -> None:
        if not self.here and self._complained > float("-inf"):
            self.back_since = time.monotonic()
            logger.info("The shared state answers again")
        self.here = True

    def facts(self) -> JSON:
        """How it is doing, for monitors."""
        return {"here": self.here, "failures": self.failures, "waiting": len(self._backlog), "lost": self._backlog.lost}
