"""Charts of the last hour as SVG shapes: numbers in, coordinates out. The template draws them.

A chart is `WIDTH` by `HEIGHT` units, stretched to the width of its place; what is written stands beside it, in HTML.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600.0, 120.0
_STEPS = (1, 2, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class Bar:
    """One column: a rectangle, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    index: int


def ceiling(values: Sequence[float]) -> float:
    """A round number that none of the values exceeds: the top of the axis."""
    top = max(values, default=0)
    if top <= 0:
        return 1
    power = 10.0 ** math.floor(math.log10(top))
    found = next(step * power for step in _STEPS if step * power >= top * 0.999999)
    return float(f"{found:.6g}")


def bars(values: Sequence[float], top: float, below: Sequence[float] | None = None) -> list[Bar]:
    """Columns for the values that are not 0; `below`: on what each stands."""
    step = WIDTH / len(values)
    made = []
    for index, value in enumerate(values):
        if value:
            height = HEIGHT * value / top
            base = HEIGHT * below[index] / top if below else 0.0
            x, y = index * step + step * 0.12, HEIGHT - base - height
            made.append(Bar(round(x, 2), round(y, 2), round(step * 0.76, 2), round(height, 2), index))
    return made


def line(values: Sequence[float | None], top: float) -> str:
    """The `d` of a path through the values, at the middles of their columns; None leaves a gap.

    A value without a neighbour is a tick as wide as its column.
    """
    step = WIDTH / len(values)
    parts = []
    for index, value in enumerate(values):
        if value is None:
            continue
        x, y = (index + 0.5) * step, HEIGHT - HEIGHT * min(value, top) / top
        before = index > 0 and values[index - 1] is not None
        after = index + 1 < len(values) and values[index + 1] is not None
        if before or after:
            parts.append(f"{'L' if before else 'M'}{x:.1f} {y:.1f}")
        else:
            parts.append(f"M{index * step:.1f} {y:.1f}h{step:.1f}")
    return "".join(parts)
