"""What is wrong with a soak run, by what was counted, and the table for a person."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence

from scripts.soaking import memory
from scripts.soaking.chaos import AWAY, Outage
from scripts.soaking.clients import GROUPS
from scripts.soaking.upstream import Cooling

EMPTIED = "The shared state was emptied"
REPLACED = "another takes its place"
"""What the log says of a worker that has ended."""


def of_log(log: Sequence[str], outages: Sequence[Outage]) -> list[str]:
    """What the log does not name of the outages."""
    wrong = []
    if any(not one.emptied for one in outages) and not any(AWAY in line for line in log):
        wrong.append("the log does not say that the shared state was away")
    if any(one.emptied for one in outages) and not any(EMPTIED in line for line in log):
        wrong.append("the log does not say that the shared state was emptied")
    return wrong


def of_ends(log: Sequence[str], kills: int) -> list[str]:
    """What is wrong with the ends of workers: they end because they are killed, and else not."""
    ends = [line for line in log if REPLACED in line]
    return [f"{len(ends)} workers have ended, and {kills} were killed", *ends] if len(ends) > kills else []


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
    samples: Sequence[memory.Sample],
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
    lines += memory.table(samples)
    return lines


def _row(name: str, row: Mapping[str, int]) -> str:
    return f"| {name:<22} | " + " | ".join(f"{row.get(group, 0):7}" for group in GROUPS) + " |"
