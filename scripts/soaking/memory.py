"""Whether the memory of a soak run is flat: the middle third of the run against the last one.

* What lives all the time is compared with itself: launcher, loader, and one worker at least, which is not killed any
  more (`chaos.Chaos`). What a process needs once it has met everything, it has after the first third.
* Workers that are killed are compared with others of their age: a young one has less than an old one, and how many are
  young at a time is chance.
* Medians are compared: while a large body is at hand, a process has some 10 MB more.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from statistics import median

from scripts.soaking.stage import Pages

MAX_GROWTH = 0.05
"""How much larger memory may be in the last third of a run than in the middle third."""
SHORT = 60.0
"""Seconds of a run that is too short to judge memory by."""
FEWEST = 6
"""Samples, likewise."""
THERE = 0.8
"""The share of the samples of both thirds that a worker is in that was there all the time."""
SAME_AGE = 2
"""Workers are of the same age if they were there in as many samples, give or take one less than this."""

type Sample = Mapping[str, Pages]
"""Who -> memory, at one time."""


def growth(memory: Sequence[float]) -> float:
    """How much larger memory is in the last third of the samples than in the middle third: 0.02 is 2 %."""
    third = len(memory) // 3
    return median(memory[2 * third :]) / median(memory[third : 2 * third]) - 1


def of_memory(memory: Sequence[float], seconds: float, who: str = "memory") -> tuple[str, list[str]]:
    """What is said of memory, and what is wrong with it."""
    if seconds < SHORT or not all(memory) or len(memory) < FEWEST:
        return f"{who} is not judged: the run is too short, or the system does not tell", []
    return _judged(growth(memory), who)


def of_all(samples: Sequence[Sample], seconds: float) -> list[tuple[str, list[str]]]:
    """The same of launcher, loader, each worker that was there all the time, and those that were not."""
    found = [of_memory(resident(who, samples), seconds, f"memory of the {who}") for who in ("parent", "loader")]
    if seconds < SHORT or len(samples) < FEWEST or not any(own_memory(samples)):
        return found
    lasting = of_lasting(samples)
    found += [_judged(grown, f"memory of worker process {pid}") for pid, grown in lasting.items()]
    if not lasting:
        found.append(("no worker is judged", ["no worker was there all the time"]))
    if (grown := of_same_age(samples)) is not None:
        found.append(_judged(grown, "memory of workers of the same age"))
    return found


def own_memory(samples: Sequence[Sample]) -> list[float]:
    """For each sample: what a worker has for itself, on average."""
    found = [[pages.own for pages in _workers(one)] for one in samples]
    return [sum(sizes) / len(sizes) for sizes in found if sizes]


def resident(who: str, samples: Sequence[Sample]) -> list[float]:
    """For each sample: all of a process that is there all the time. What of it others share varies with them."""
    return [one[who].resident for one in samples if who in one]


def of_lasting(samples: Sequence[Sample]) -> dict[int, float]:
    """By process: how much workers have grown that were there all the time, in what they have for themselves."""
    found: dict[int, tuple[list[int], list[int]]] = {}
    third = len(samples) // 3
    for index, one in enumerate(samples[third:]):
        for pages in _workers(one):
            found.setdefault(pages.pid, ([], []))[index >= third].append(pages.own)
    needed = third * THERE, (len(samples) - 2 * third) * THERE
    return {
        pid: median(last) / median(middle) - 1
        for pid, (middle, last) in found.items()
        if len(middle) >= needed[0] and len(last) >= needed[1]
    }


def of_same_age(samples: Sequence[Sample]) -> float | None:
    """How much more workers have for themselves than those of the same age had before; None: there were none."""
    third = len(samples) // 3
    seen: collections.Counter[int] = collections.Counter()
    ages: dict[int, tuple[list[int], list[int]]] = {}
    for index, one in enumerate(samples):
        for pages in _workers(one):
            age = seen[pages.pid] // SAME_AGE
            seen[pages.pid] += 1
            if index >= third:
                ages.setdefault(age, ([], []))[index >= 2 * third].append(pages.own)
    weighed = [
        (min(len(middle), len(last)), median(last) / median(middle) - 1)
        for middle, last in ages.values()
        if middle and last
    ]
    weight = sum(one for one, _ in weighed)
    return sum(one * grown for one, grown in weighed) / weight if weight else None


def _workers(sample: Sample) -> list[Pages]:
    return [pages for who, pages in sample.items() if who.startswith("worker")]


def _judged(grown: float, who: str) -> tuple[str, list[str]]:
    said = f"{who}: the last third is {grown:+.1%} against the middle third"
    return said, [f"{who} grows: {grown:+.1%}"] if grown > MAX_GROWTH else []


def table(samples: Sequence[Sample]) -> list[str]:
    """First and last of each process, in MB: PSS, and what it has for itself."""
    if not samples:
        return []
    lines = ["memory in MB, PSS (own), first and last:"]
    for who in sorted({name for one in samples for name in one}):
        seen = [one[who] for one in samples if who in one]
        first, last = ("{:.1f} ({:.1f})".format(*(size / 2**20 for size in pages[:2])) for pages in (seen[0], seen[-1]))
        lines.append(f"  {who:<10} {first:>15} {last:>15}")
    sums = [sum(pages.fair for pages in one.values()) / 2**20 for one in samples]
    lines.append(f"  {'PSS of all':<10} {sums[0]:>15.1f} {sums[-1]:>15.1f}")
    return lines
