"""What scripts/soak.py does: a demo upstream, a gateway, and clients that ask whatever the dialects know to ask.

What grows and may: remembered turns, up to their bound of 64 MB (the prompts here are few, so that it is far from
reached). Responses are stored on disk, within 8 MB, or in Valkey.

With several workers or a Valkey, clients also ask for responses that were stored before, the upstream notes who is
asked while cooling, and whatever is to go wrong meanwhile does (`soaking.chaos`).
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from mapping import dialects
from mapping.trial import Ask
from scripts import bootstrap
from scripts.soaking import memory, upstream, verdict
from scripts.soaking.asks import GOOD, path_of, paths
from scripts.soaking.chaos import Chaos
from scripts.soaking.clients import Clients
from scripts.soaking.ledger import Ledger
from scripts.soaking.stage import FILES, GATEWAY_TASKS, IN_FLIGHT, MEMORY, Pages, Setup, SoakStage

MAX_SHOWN = 10
CONNECTIONS = 24
"""To Valkey, of one worker, and what else a worker opens only once it needs it: they stay open."""
SAMPLE_EVERY = 5.0
"""Seconds between two looks at the memory of all workers."""


class SoakPlan(NamedTuple):
    """How long, how many clients, and what goes wrong meanwhile. `kill_every` is in seconds, 0: never."""

    seconds: float
    clients: int
    seed: int
    workers: int = 1
    valkey: bool = False
    kill_every: float = 0.0
    stop_valkey: bool = False


def soak(
    seconds: float, clients: int, seed: int, *, programs: str, tell: Callable[[str], None] = bootstrap.say
) -> list[str]:
    """Run with one worker for so many seconds; returns what is wrong. `programs` is the folder with mitmdump."""
    return run(SoakPlan(seconds, clients, seed), programs=programs, tell=tell)


def run(plan: SoakPlan, *, programs: str, tell: Callable[[str], None] = bootstrap.say) -> list[str]:
    """Run; returns what is wrong."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        stage = SoakStage(programs, folder, Setup(plan.workers, plan.valkey))
        try:
            return _Run(stage, plan, tell).run()
        finally:
            stage.stop()


def left_over(
    stage: SoakStage, idle: dict[str, float], seconds: float = 15.0, spare: Mapping[str, int] | None = None
) -> dict[str, tuple[float, float]]:
    """What does not go back to what it was before: before and after. `spare`: how much more may be there."""
    end = time.monotonic() + seconds
    more = spare or {}
    while True:
        now = stage.numbers()
        names = [name for name in (IN_FLIGHT, GATEWAY_TASKS, FILES) if name in idle]
        found = {name: (idle[name], now[name]) for name in names if now[name] > idle[name] + more.get(name, 0)}
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.2)


class _Run:
    """One run."""

    def __init__(self, stage: SoakStage, plan: SoakPlan, tell: Callable[[str], None]) -> None:
        self._stage = stage
        self._plan = plan
        self._tell = tell
        choose = random.Random(plan.seed)  # noqa: S311
        valkey = stage.valkey if plan.stop_valkey else None
        self._chaos = Chaos(stage, plan.seconds, plan.kill_every, valkey, choose)
        self._ledger = None if stage.setup.is_one else Ledger(lambda: self._chaos.emptied)
        self._clients = Clients(stage.port, plan.clients, plan.seed, self._chaos, self._ledger)
        self._resident: list[float] = []
        self._samples: list[dict[str, Pages]] = []

    def run(self) -> list[str]:
        """All of it; returns what is wrong."""
        stage, plan = self._stage, self._plan
        for name in paths():
            body = dialects.trials()[name].request(Ask(GOOD[0], "hi"))
            stage.ask("POST", path_of(name, body), body)
        idle = stage.numbers()
        self._clients.start()
        self._chaos.start()
        begun = shown = sampled = time.monotonic()
        while time.monotonic() < begun + plan.seconds:
            time.sleep(min(1.0, plan.seconds / 10))
            now = stage.numbers()
            self._resident.append(now.get(MEMORY, 0.0))
            if self._ledger and time.monotonic() > sampled + min(SAMPLE_EVERY, plan.seconds / 10):
                sampled = time.monotonic()
                self._samples.append(stage.memory())
            if time.monotonic() > shown + 10:
                shown = time.monotonic()
                self._tell(self._progress(shown - begun, now))
        self._chaos.stop()
        self._clients.stop()
        if self._ledger:
            self._ledger.look_again(lambda path: stage.ask("GET", path))
        stage.stop_upstream()
        spare = {} if stage.setup.is_one else {FILES: CONNECTIONS, GATEWAY_TASKS: plan.clients}
        left = left_over(stage, idle, spare=spare)
        return [*self._of_answers(), *self._of_faults(), *self._of_memory(), *self._of_rest(left)]

    def _progress(self, elapsed: float, now: dict[str, float]) -> str:
        count = sum(self._clients.ends.values())
        return (
            f"{elapsed:4.0f} s  {count:7} requests  {count / elapsed:4.0f}/s  {now.get(MEMORY, 0) / 2**20:5.0f} MB  "
            f"{now[IN_FLIGHT] - 1:3.0f} in flight  {now[GATEWAY_TASKS]:3.0f} tasks  {self._clients.wrong_count} wrong"
            + ("" if self._ledger is None else f"  {len(self._chaos.kills)} kills")
        )

    def _of_answers(self) -> list[str]:
        clients, tell = self._clients, self._tell
        tell(f"{sum(clients.ends.values())} requests:")
        for end, count in sorted(clients.ends.items()):
            tell(f"  {end:<14} {count:7}")
        if not clients.wrong:
            return []
        return [f"{clients.wrong_count} requests ended badly, for instance:", *clients.wrong]

    def _of_faults(self) -> list[str]:
        """Of what is shared, and what went wrong on purpose."""
        chaos, ledger = self._chaos, self._ledger
        if ledger is None:
            return []
        cooling = upstream.while_cooling(self._stage.asked(), chaos.excuses(self._plan.workers))
        counts, groups = ledger.counts, self._clients.groups
        for line in verdict.table(groups, counts, cooling, len(chaos.kills), chaos.outages, self._samples):
            self._tell(line)
        wrong = [*verdict.of_responses(counts), *ledger.shown, *verdict.of_cooling(cooling), *chaos.failed]
        if self._plan.kill_every and not chaos.kills:
            wrong.append("no worker was killed")
        log = self._stage.log()
        return [*wrong, *verdict.of_log(log, chaos.outages), *verdict.of_ends(log, len(chaos.kills))]

    def _of_memory(self) -> list[str]:
        several = self._plan.workers > 1
        resident = memory.own_memory(self._samples) if several else self._resident
        curve = resident[:: max(1, len(resident) // 12)]
        self._tell("memory in MB: " + " ".join(f"{size / 2**20:.0f}" for size in curve))
        seconds = self._plan.seconds
        found = memory.of_all(self._samples, seconds) if several else [memory.of_memory(resident, seconds)]
        for said, _ in found:
            self._tell(said)
        return [line for _, wrong in found for line in wrong]

    def _of_rest(self, left: dict[str, tuple[float, float]]) -> list[str]:
        self._tell("left over: " + (", ".join(left) or "nothing"))
        wrong = [f"{name} was {before:.0f} and is {after:.0f}" for name, (before, after) in left.items()]
        return wrong + self._stage.faults_in_log()[:MAX_SHOWN]
