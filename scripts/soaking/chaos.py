"""What goes wrong around the requests of a soak run: workers are killed, and Valkey is away, or loses all.

All times are of `time.monotonic`.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from scripts.soaking.upstream import GAP, Excuse
from scripts.soaking.valkey import Valkey

SHORTEST_OUTAGE, LONGEST_OUTAGE = 1.0, 30.0
"""Seconds. One that no worker has noticed yet goes on until the log says so: a busy machine may take its time."""
AWAY = "The shared state is away"
"""What the log says of an outage."""
DYING = 1.0
"""Seconds that a process may still answer after it was killed, where the machine is busy."""
BACK_WITHIN = 3.0
"""Seconds after which all workers have met Valkey again, and have merged what they know."""


class Workers(Protocol):
    """The gateway whose workers are killed."""

    def workers(self) -> Mapping[int, int]:
        """Number -> process of those that are ready."""

    def log(self) -> list[str]:
        """The lines that they have logged."""


class Outage(NamedTuple):
    """Valkey was away. `emptied`: it came back with nothing."""

    begin: float
    end: float
    emptied: bool


class Chaos:
    """See the module. `kill_every` is in seconds, 0: never; without `valkey` there is no outage.

    A kill waits while fewer than two workers are ready: that none serves is not what is tried here. From a third of the
    time on the oldest worker is never killed, so that one shows how it does for long.
    """

    def __init__(
        self, workers: Workers, seconds: float, kill_every: float, valkey: Valkey | None, choose: random.Random
    ) -> None:
        self.kills: list[float] = []
        self.outages: list[Outage] = []
        self.failed: list[str] = []
        self._workers = workers
        self._seconds = seconds
        self._kill_every = kill_every
        self._valkey = valkey
        self._choose = choose
        self._seen: dict[int, None] = {}
        """Processes of workers, as they were first seen."""
        self._spared: int | None = None
        self._stop = threading.Event()
        jobs = [self._kill_some] * bool(kill_every) + [self._stop_valkey] * bool(valkey)
        self._threads = [threading.Thread(target=self._guarded, args=(job,), daemon=True) for job in jobs]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Valkey is there again when this returns."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def tore(self, since: float) -> bool:
        """Whether a worker was killed since then, or was still dying, so that a connection may have been torn."""
        return any(at + DYING >= since for at in self.kills)

    @property
    def emptied(self) -> float | None:
        """When Valkey went away that lost all."""
        return next((one.begin for one in self.outages if one.emptied), None)

    def excuses(self, workers: int) -> list[Excuse]:
        """When, and how many of the workers, can't know that an account is cooling.

        In an outage each knows its own cooldowns, and one that is started then knows none. One that is killed may have
        told nobody yet of the last ones.
        """
        found = [Excuse(at - GAP, at + GAP, 1) for at in self.kills]
        for one in self.outages:
            killed = sum(one.begin - GAP <= at <= one.end + BACK_WITHIN for at in self.kills)
            found.append(Excuse(one.begin - GAP, one.end + BACK_WITHIN, workers - 1 + killed))
        return found

    def _victim(self, ready: Sequence[int], elapsed: float) -> int:
        """Whom to kill of these processes, so many seconds after the begin."""
        self._seen |= dict.fromkeys(ready)
        if self._spared is None and elapsed + self._kill_every > self._seconds / 3:
            self._spared = next(pid for pid in self._seen if pid in ready)
        return self._choose.choice([pid for pid in ready if pid != self._spared])

    def _guarded(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception as e:
            self.failed.append(f"the faults could not be made: {e!r}")

    def _kill_some(self) -> None:
        begun = time.monotonic()
        while not self._stop.wait(self._kill_every):
            while len(ready := self._workers.workers()) < 2:
                if self._stop.wait(0.2):
                    return
            victim = self._victim(sorted(ready.values()), time.monotonic() - begun)
            self.kills.append(time.monotonic())
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)

    def _stop_valkey(self) -> None:
        """Silent, then gone, each for a while; then it comes back empty."""
        valkey, begun = self._valkey, time.monotonic()
        assert valkey is not None
        length = min(LONGEST_OUTAGE, max(SHORTEST_OUTAGE, self._seconds * 0.05))
        ways = (
            (0.2, length, valkey.pause, valkey.go_on, False),
            (0.45, length, valkey.shut_down, valkey.start, False),
            (0.75, 0.0, valkey.lose_all, valkey.start, True),
        )
        for part, seconds, go, come, emptied in ways:
            if self._stop.wait(begun + self._seconds * part - time.monotonic()):
                return
            gone = time.monotonic()
            self.outages.append(Outage(gone, float("inf"), emptied))
            go()
            self._stop.wait(seconds)
            while not (emptied or any(AWAY in line for line in self._workers.log()) or self._stop.wait(0.1)):
                pass
            come()
            self.outages[-1] = Outage(gone, time.monotonic(), emptied)
