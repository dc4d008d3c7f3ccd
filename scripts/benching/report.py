"""What came of a benchmark: medians, ratios to the bare mitmdump, and the table."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import NamedTuple

from scripts.benching.measures import WORKS, Figure, Record, Work, shown
from scripts.benching.stage import DIRECT, MITMDUMP

LEGEND = (
    f"Medians of all rounds. {MITMDUMP}: without any addon; for streams with stream_large_bodies=1. "
    "×: how much better than it, median of the rounds: 2× is twice the rate, or half the time, CPU or memory. "
    f"{DIRECT}: nothing between the clients and the stub."
)
LIMITED = (
    f"*: the clients and the stub had no time left, so what they asked may be better than this ({DIRECT} always may). "
    "Then compare the CPU seconds."
)

CLOSE = 0.7
"""A rate that is this near to the direct one is limited by the clients and the stub, which share a CPU with others."""


class Line(NamedTuple):
    """A row of the table."""

    work: str
    figure: Figure
    values: dict[str, float]
    """Column -> the median; a column is missing where there is no number."""
    ratios: dict[str, float]
    """Column -> how much better than the bare mitmdump, as a factor; not for it itself and not for direct."""
    limited: set[str]
    """Columns whose number the clients or the stub have kept low."""


def columns(records: Iterable[Record]) -> list[str]:
    """The columns: direct, mitmdump, gateway, and what else was measured."""
    return list(dict.fromkeys(shown(record.target) for record in sorted(records, key=_place)))


def _place(record: Record) -> int:
    order = (DIRECT, MITMDUMP)
    name = shown(record.target)
    return order.index(name) if name in order else len(order)


def lines(records: list[Record]) -> list[Line]:
    """The rows of what was measured, those without any number left out."""
    found = [_line(records, work, figure) for work in WORKS for figure in work.figures]
    return [line for line in found if line.values]


def _line(records: list[Record], work: Work, figure: Figure) -> Line:
    rounds: dict[str, dict[int, float]] = {}
    limited = set()
    for record in records:
        value = record.figures.get(figure.name) if record.work == work.title else None
        if value is not None:
            rounds.setdefault(shown(record.target), {})[record.round] = value
            if record.limited:
                limited.add(shown(record.target))
    bare = rounds.get(MITMDUMP, {})
    ratios = {}
    for name, values in rounds.items():
        both = [(values[n], bare[n]) for n in values if bare.get(n) and values[n]]
        if both and name not in (DIRECT, MITMDUMP):
            ratios[name] = statistics.median(mine / its if figure.higher else its / mine for mine, its in both)
    medians = {name: statistics.median(values.values()) for name, values in rounds.items()}
    if figure.higher and DIRECT in medians:
        most = CLOSE * medians[DIRECT]
        limited |= {name for name, median in medians.items() if median > most}
    return Line(work.title, figure, medians, ratios, limited)


def table(records: list[Record]) -> str:
    """The table, in Markdown, what it means, and what was wrong."""
    names = columns(records)
    compared = [name for name in names if name not in (DIRECT, MITMDUMP)]
    rows = [["work", "", *names, *(f"{name} ×" for name in compared)]]
    found = lines(records)
    for line in found:
        cells = [number(line.values.get(name)) + "*" * (name in line.limited) for name in names]
        rows.append([line.work, line.figure.title, *cells, *(times(line.ratios.get(name)) for name in compared)])
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    rows.insert(1, ["-" * width for width in widths])
    text = ["| " + " | ".join(_padded(row, widths)) + " |" for row in rows]
    text += ["", LEGEND, *([LIMITED] if any(line.limited for line in found) else [])]
    return "\n".join([*text, *wrong(records)])


def _padded(row: list[str], widths: list[int]) -> Iterable[str]:
    """Words to the left, numbers to the right."""
    for n, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.ljust(width) if n < 2 else cell.rjust(width)


def wrong(records: list[Record]) -> list[str]:
    """What was wrong, a line for each work and target."""
    found: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        found.setdefault((record.work, record.target), []).append(record)
    told = []
    for (work, target), some in found.items():
        count, right = sum(record.wrong for record in some), sum(record.answers for record in some)
        if count:
            error = next(record.error for record in some if record.wrong)
            told.append(f"WRONG: {work}, {target}: {count} of {count + right} answers; for instance: {error!r}")
    return told or [f"No wrong answers among {sum(record.answers for record in records)}."]


def number(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1f}×" if ratio >= 10 else f"{ratio:.2f}×"
