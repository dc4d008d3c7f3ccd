"""The picture of a benchmark: an SVG with a bar for each ratio, readable on a light and on a dark page."""

from __future__ import annotations

import math
from html import escape
from itertools import groupby

from scripts.benching.report import Line, number, times
from scripts.benching.stage import MITMDUMP

WIDTH, LEFT, RIGHT = 900, 370, 210
"""The whole width; the space for words on the left, and for numbers on the right."""
BAR, GAP, TOP, BOTTOM = 14, 5, 92, 48
NUMBERS = WIDTH - RIGHT + 74
"""Where the numbers begin."""
COLORS = 4
"""How many targets can be told apart; further ones begin again."""
STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
.title { font-size: 16px; font-weight: 600; }
.quiet { fill: #59636e; }
.strong { font-weight: 600; }
.page { fill: #ffffff; stroke: #d1d9e0; }
.grid { stroke: #d1d9e0; }
.one { stroke: #59636e; stroke-width: 1.5; }
.c0 { fill: #0969da; } .c1 { fill: #bf8700; } .c2 { fill: #8250df; } .c3 { fill: #1a7f37; }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc; }
.quiet { fill: #9198a1; }
.page { fill: #0d1117; stroke: #3d444d; }
.grid { stroke: #3d444d; }
.one { stroke: #9198a1; }
.c0 { fill: #4493f8; } .c1 { fill: #d29922; } .c2 { fill: #ab7df8; } .c3 { fill: #3fb950; }
}
"""


class Scale:
    """Where a ratio is, from left to right: twice as good is as far from 1 as half as good."""

    def __init__(self, ratios: list[float]) -> None:
        steps = [math.log2(ratio) for ratio in ratios]
        self.low = min(-1, math.floor(min(steps, default=0)))
        self.high = max(1, math.ceil(max(steps, default=0)))

    def x(self, ratio: float) -> float:
        part = (math.log2(ratio) - self.low) / (self.high - self.low)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    @property
    def ticks(self) -> list[float]:
        return [2.0**step for step in range(self.low, self.high + 1)]


def picture(lines: list[Line], date: str, machine: str, about: str) -> str:
    """The picture. `machine` and `about` are lines of text below the title."""
    drawn = [line for line in lines if line.figure.drawn and line.ratios]
    names = list(dict.fromkeys(name for line in drawn for name in line.ratios))
    scale = Scale([ratio for line in drawn for ratio in line.ratios.values()])
    bars: list[str] = []
    y = TOP + BAR
    for work, rows in groupby(drawn, lambda line: line.work):
        for n, line in enumerate(rows):
            bars += _row(line, work if n == 0 else "", names, scale, y)
            y += (BAR + 2) * len(line.ratios) + GAP
        y += GAP
    notes = [
        "2×: twice the rate, or half the time, CPU or memory.",
        f"{MITMDUMP} passes on what it gets and translates nothing; for streams it has stream_large_bodies=1.",
    ]
    if any(line.limited & set(names) for line in drawn):
        notes.append("*: what asked it had no time left, so it may be better than this.")
    height = y + BOTTOM + 16 * (len(notes) - 2)
    title = f"How much better than a bare {MITMDUMP} (×), {date}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>',
        _text(16, 26, title, "title"),
        _text(16, 46, machine, "quiet"),
        _text(16, 62, about, "quiet"),
        *_legend(names),
        *_grid(scale, y),
        *bars,
        _text(NUMBERS, TOP, f"itself : {MITMDUMP}", "quiet"),
        *(_text(16, height - 14 - 16 * n, note, "quiet") for n, note in enumerate(reversed(notes))),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _row(line: Line, work: str, names: list[str], scale: Scale, y: float) -> list[str]:
    """The bars of a line, one for each target, and what they mean in numbers."""
    parts = [_text(16, y + BAR - 3, work, "strong")] if work else []
    parts.append(_text(LEFT - 10, y + BAR - 3, line.figure.title, "quiet", "end"))
    one = scale.x(1)
    for name, ratio in line.ratios.items():
        x = scale.x(ratio)
        color = f"c{names.index(name) % COLORS}"
        width = max(1.0, abs(x - one))
        parts.append(
            f'<rect class="{color}" x="{min(x, one):.1f}" y="{y:.1f}" width="{width:.1f}" height="{BAR}" rx="2"/>'
        )
        mark = "*" * (name in line.limited)
        values = f"{number(line.values.get(name))}{mark} : {number(line.values.get(MITMDUMP))}"
        parts.append(_text(NUMBERS - 12, y + BAR - 3, times(ratio), "strong", "end"))
        parts.append(_text(NUMBERS, y + BAR - 3, values, "quiet"))
        y += BAR + 2
    return parts


def _grid(scale: Scale, bottom: float) -> list[str]:
    parts = []
    for tick in scale.ticks:
        x = scale.x(tick)
        kind = "one" if tick == 1 else "grid"
        parts.append(f'<line class="{kind}" x1="{x:.1f}" y1="{TOP + 4}" x2="{x:.1f}" y2="{bottom:.1f}"/>')
        parts.append(_text(x, TOP, f"{tick:g}×", "quiet", "middle"))
    return parts


def _legend(names: list[str]) -> list[str]:
    """Which colour is whose."""
    parts = []
    x: float = 16
    for n, name in enumerate(names):
        parts.append(f'<rect class="c{n % COLORS} key" x="{x:.1f}" y="{TOP - 10}" width="10" height="10" rx="2"/>')
        parts.append(_text(x + 15, TOP, name, "key"))
        x += 30 + 7 * len(name)
    return parts


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
