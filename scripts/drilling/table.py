"""The verdicts of a drill, for people."""

from __future__ import annotations

from collections.abc import Sequence

from scripts.drilling.verdict import DrillVerdict

_HEAD = ("fault", "outcome", "requests", "what else")


def lines(verdicts: Sequence[DrillVerdict]) -> list[str]:
    """A table, and a sentence."""
    rows = [_HEAD, *map(_row, verdicts)]
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    made = ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows]
    return [line.rstrip() for line in made] + ["", summed_up(verdicts)]


def summed_up(verdicts: Sequence[DrillVerdict]) -> str:
    """How many faults the client survives."""
    met = [one for one in verdicts if one.met]
    bad = [one for one in met if one.bad]
    unmet = f"; {len(verdicts) - len(met)} did not happen" if len(met) < len(verdicts) else ""
    if not bad:
        return f"The client survives all {len(met)} faults{unmet}."
    return f"The client survives {len(met) - len(bad)} of {len(met)} faults{unmet}. Look at: {_names(bad)}."


def _row(one: DrillVerdict) -> tuple[str, str, str, str]:
    told = []
    if not one.met:
        told.append("the fault did not happen")
    if one.retries:
        told.append("asked again after " + ", ".join(f"{pause:.1f} s" for pause in one.retries[:6]))
    if one.lost:
        told.append(f"LOST TEXT: {len(one.lost)} words ({' '.join(one.lost[:5])}{' ...' if len(one.lost) > 5 else ''})")
    if one.half_call is not None:
        told.append(f"{'RAN A HALF CALL' if one.ran_half else 'told the model'}: {one.half_call[:60]!r}")
    if one.said:
        told.append(one.said[:90])
    outcome = one.outcome.upper() if one.outcome in ("crashed", "hung") else one.outcome
    return one.name, f"{outcome} {one.seconds:.1f} s", str(one.requests), " · ".join(told)


def _names(bad: Sequence[DrillVerdict]) -> str:
    return "; ".join(one.name for one in bad)
