"""What is wrong with a soak run, by what was counted, and the table for a person."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence

from scripts.soaking.chaos import Outage
from scripts.soaking.clients import GROUPS
from scripts.soaking.stage import Pages
from scripts.soaking.upstream import Cooling

MAX_GROWTH = 0.05
"""How much larger memory may be in the last third of a run than in the middle third."""
SHORT = 60.0
"""Seconds of a run that is too short to judge memory by."""

AWAY, EMPTIED = "The shared state is away", "The shared state was emptied"


def growth(memory: Sequence[float]) -> float:
    """How much larger memory is in the last third of the samples than in the middle third: 0.02 is 2 %."""
    third = len(memory) // 3
    middle, last = memory[third : 2 * third], memory[2 * third :]
    return (sum(last) / len(last)) / (sum(middle) / len(middle)) - 1


def own_memory(samples: Sequence[Mapping[str, Pages]]) -> list[float]:
    """For each sample: what a worker has for itself, on average. Killed ones are replaced, so none is there always."""
    found = []
    for one in samples:
        workers = [pages.own for who, pages in one.items() if who.startswith("worker")]
        if workers:
            found.append(sum(workers) / len(workers))
    return found


def memory_of(who: str, samples: Sequence[Mapping[str, Pages]]) -> list[float]:
    """For each sample: all of a process that is there all the time. What of it others share varies with them."""
    return [one[who].resident for one in samples if who in one]


def of_memory(samples: Sequence[float], seconds: float, who: str = "memory") -> tuple[str, list[str]]:
    """What is said of memory, and what is wrong with it."""
    if seconds < SHORT or not all(samples) or len(samples) < 6:
        return f"{who} is not judged: the run is too short, or the system does not tell", []
    grown = growth(samples)
    said = f"{who}: the last third is {grown:+.1%} against the middle third"
    return said, [f"{who} grows: {grown:+.1%}"] if grown > MAX_GROWTH else []


def of_log(log: Sequence[str], outages: Sequence[Outage]) -> list[str]:
    """What the log does not name of the outages."""
    wrong = []
    if any(not one.emptied for one in outages) and not any(AWAY in line for line in log):
        wrong.append("the log does not say that the shared state was away")
    if any(one.emptied for one in outages) and not any(EMPTIED in line for line in log):
        wrong.append("the log does not say that the shared state was emptied")
    return wrong


def of_responses(counts: Mapping[str, int]) -> list[str]:
    """What is wrong with stored responses. `counts` are those of a ledger."""
    return [f"{counts[what]} stored responses {how}" for what, how in _RESPONSES.items() if counts.get(what)]


_RESPONSES = {
    "lost": "were lost",
    "changed": "were not what they had been",
    "came back": "came back after they had been deleted",
    "unfinished": "were never finished",
}


def of_cooling(cooling: Cooling) -> list[str]:
    """What is wrong with cooldowns."""
    if cooling.wrong:
        return [f"accounts were asked {cooling.wrong} times while they were cooling"]
    return [] if cooling.rounds else ["no account was ever cooling"]


def table(
    groups: Mapping[tuple[str, str], int],
    counts: Mapping[str, int],
    cooling: Cooling,
    kills: int,
    outages: Sequence[Outage],
    samples: Sequence[Mapping[str, Pages]],
) -> list[str]:
    """The lines of the table."""
    lines = [f"| {'endpoint':<22} | " + " | ".join(f"{group:>7}" for group in GROUPS) + " |"]
    lines.append(f"|{'-' * 24}|" + "|".join("-" * 8 + ":" for _ in GROUPS) + "|")
    total = collections.Counter[str]()
    for endpoint in sorted({name for name, _ in groups}):
        row = {group: groups.get((endpoint, group), 0) for group in GROUPS}
        total.update(row)
        lines.append(_row(endpoint, row))
    lines.append(_row("all", total))
    lines.append("")
    lines.append("whole: answered; error: in the dialect's shape; torn: by a kill; left: the client hung up")
    lines.append("")
    told = ", ".join(f"{counts.get(what, 0)} {what}" for what in ("stored", *_RESPONSES, "emptied"))
    lines.append(f"responses: {told} (gone with all else when Valkey came back empty)")
    lines.append(
        f"cooldowns: {cooling.rounds} began; asked while cooling: {cooling.wrong}, "
        f"and {cooling.excused} by workers that could not know"
    )
    lines.append(f"workers killed: {kills}")
    away = ", ".join(f"{one.end - one.begin:.0f} s{' and emptied' if one.emptied else ''}" for one in outages)
    lines.append(f"Valkey away: {away or 'never'}")
    lines += _memory(samples)
    return lines


def _row(name: str, row: Mapping[str, int]) -> str:
    return f"| {name:<22} | " + " | ".join(f"{row.get(group, 0):7}" for group in GROUPS) + " |"


def _memory(samples: Sequence[Mapping[str, Pages]]) -> list[str]:
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
