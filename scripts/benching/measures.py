"""What a benchmark measures, and how: the works, round after round, each target in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from scripts.benching import bodies
from scripts.benching.load import LoadJob, Result
from scripts.benching.stage import MITMDUMP, STREAMING, Stage, Target
from scripts.benching.stub import Orders

PIECES, PAUSE = 200, 0.02
"""Pieces of a stream at full speed; seconds between two pieces of a paced one."""
LIMIT = 0.8
"""The share of its CPU above which the stub, or the client, and not the target, may be what is measured."""
LEAST = {bodies.SMALL: 500, bodies.HISTORY: bodies.HISTORY_SIZE, bodies.PICTURE: bodies.PICTURE_SIZE * 4 // 3}
"""Bytes that have to reach the stub of each kind of request."""
START = "start"
"""The one work that needs a fresh process."""


class Figure(NamedTuple):
    """A number that is shown."""

    name: str
    """The member of a record."""
    title: str
    higher: bool
    """Whether more is better."""
    drawn: bool = True
    """Whether it is in the picture too."""


RATE = Figure("rate", "requests/s", higher=True)
WHOLE = Figure("whole", "ms", higher=False)
CPU = Figure("cpu", "CPU s per 1000", higher=False)
PIECES_RATE = Figure("pieces", "chunks/s", higher=True)
FIRST = Figure("first", "ms to first content", higher=False)
DELAY = Figure("delay", "ms under way", higher=False)
STARTS = (
    Figure("start", "s to first /healthz", higher=False),
    Figure("idle", "MiB idle", higher=False),
    Figure("loaded", "MiB after load", higher=False),
)


class Work(NamedTuple):
    """Something to be done by every target."""

    group: str
    title: str
    figures: tuple[Figure, ...]
    connections: int = 1
    kind: str = bodies.SMALL
    stream: bool = False
    paced: bool = False
    keep: bool = True

    @property
    def base(self) -> str:
        """The bare mitmdump that it is compared with."""
        return STREAMING if self.stream else MITMDUMP


def _at(count: int) -> str:
    return f"{count} connection{'s' if count > 1 else ''}"


HIDDEN_WHOLE = WHOLE._replace(drawn=False)
WORKS = (
    *(Work("unary", f"whole answers, {_at(n)}", (RATE, HIDDEN_WHOLE, CPU), n) for n in (1, 16, 64)),
    *(Work("connect", f"a new connection each, {n} at a time", (RATE, HIDDEN_WHOLE), n, keep=False) for n in (1, 16)),
    *(Work("stream", f"streams of {PIECES} chunks, {_at(n)}", (PIECES_RATE, FIRST), n, stream=True) for n in (1, 16)),
    *(Work("paced", f"a chunk every 20 ms, {_at(n)}", (DELAY,), n, stream=True, paced=True) for n in (1, 16)),
    Work("history", "a conversation of 2 MB", (WHOLE,), kind=bodies.HISTORY),
    Work("picture", "a picture of 10 MB", (WHOLE,), kind=bodies.PICTURE),
    Work(START, "start and memory", STARTS),
)
GROUPS = tuple(dict.fromkeys(work.group for work in WORKS))


@dataclass
class Record:
    """What came of a work, with one target, in one round."""

    work: str
    target: str
    round: int
    figures: dict[str, float | None] = field(default_factory=dict)
    answers: int = 0
    wrong: int = 0
    error: str = ""
    """What was wrong, once."""
    limited: bool = False
    """Whether the stub or the clients had no time left: the target may be better than its figures."""


class Bench:
    """All of it."""

    def __init__(self, stage: Stage, others: list[Target], groups: tuple[str, ...], seconds: float) -> None:
        self.works = [work for work in WORKS if work.group in groups]
        self.targets = [*stage.targets(), *others]
        self._stage = stage
        self._seconds = seconds

    def prepare(self) -> Iterator[tuple[Target, Result]]:
        """Start all targets, and ask each for an answer and a stream that nobody measures. First what runs already."""
        for target in sorted(self.targets, key=lambda target: target.program is not None):
            self._stage.start(target)
            for stream in (False, True):
                self._stage.order(Orders(pieces=3))
                job = self._job(target, WORKS[0]._replace(stream=stream))
                job.pieces, job.seconds, job.warm = 3 if stream else 1, 0.0, 0.0
                yield target, self._stage.ask(job)

    def rounds(self, count: int, tell: Callable[[str], None]) -> list[Record]:
        """Measure. Each round begins with another target, so that none has the best place."""
        records = []
        begun = time.monotonic()
        for number in range(1, count + 1):
            tell(f"round {number} of {count}, {time.monotonic() - begun:.0f} s")
            for work in self.works:
                takers = [target for target in self.targets if _takes_part(target, work)]
                first = number % len(takers)
                for target in takers[first:] + takers[:first]:
                    measured = self._start(target, work) if work.group == START else self._measure(target, work)
                    measured.round = number
                    records.append(measured)
        return records

    def _job(self, target: Target, work: Work) -> LoadJob:
        request = self._stage.request(target, work.kind, stream=work.stream)
        return LoadJob(
            target.host,
            target.port,
            request,
            target.dialect,
            work.stream,
            pieces=self._pieces(work) if work.stream else 1,
            connections=work.connections,
            seconds=0.0 if work.paced else self._seconds,
            warm=0.0 if work.paced else self._seconds / 4,
            keep=work.keep,
            least=1 if work.paced else 2,
            apart=PAUSE / work.connections if work.paced else 0.0,
        )

    def _pieces(self, work: Work) -> int:
        return max(5, round(self._seconds / PAUSE)) if work.paced else PIECES

    def _measure(self, target: Target, work: Work) -> Record:
        orders = Orders(self._pieces(work), PAUSE if work.paced else 0.0, LEAST[work.kind])
        stub = self._stage.order(orders)
        before = target.cpu_seconds()
        result = self._stage.ask(self._job(target, work))
        after = target.cpu_seconds()
        stub = self._stage.order(orders) - stub
        figures = {name: getattr(result, name) for name in ("rate", "pieces", "whole", "first", "delay")}
        if before is not None and after is not None and result.answers:
            figures["cpu"] = (after - before) / (result.answers + result.wrong) * 1000
        shared = self._stage.cpus.stub == self._stage.cpus.clients
        used = stub + result.cpu if shared else max(stub, result.cpu)
        return Record(
            work.title,
            target.name,
            0,
            {figure.name: figures.get(figure.name) for figure in work.figures},
            result.answers,
            result.wrong,
            result.error,
            limited=used > LIMIT * result.seconds,
        )

    def _start(self, target: Target, work: Work) -> Record:
        """Start another process, and see what memory it has before and after some work."""
        with self._stage.fresh(target) as (other, seconds):
            time.sleep(min(0.5, self._seconds))  # what it does in the background at its start comes to an end
            idle = other.memory()
            loading = self._measure(other, WORKS[1])
            figures = {"start": seconds, "idle": idle, "loaded": other.memory()}
            return Record(work.title, target.name, 0, figures, loading.answers, loading.wrong, loading.error)


def _takes_part(target: Target, work: Work) -> bool:
    """Whether a target is measured: of the two bare mitmdumps the one that is compared with."""
    if target.name in (MITMDUMP, STREAMING):
        return target.name == work.base
    return work.group != START or target.program is not None


def shown(target: str) -> str:
    """The column of a target: both bare mitmdumps have one."""
    return MITMDUMP if target == STREAMING else target
