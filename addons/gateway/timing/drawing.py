"""A timeline as lines of text: a bar of the whole, and one for each phase of each attempt, all to the same scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from addons.gateway.look.time_bar import ANSWERING, CALLING, PAUSED, THINKING, WAITING
from addons.gateway.timing.timeline import TimedAttempt, TimedPhase, Timeline
from mapping.inspect.transcript import Transcript

UNKNOWN = "Nobody wrote down when what happened here: a case has no times, and nor has what is not recorded."
SIGNS = {WAITING: "░", PAUSED: "·", THINKING: "▒", ANSWERING: "█", CALLING: "▓"}
"""What time was spent with -> how it is drawn."""
_WIDTH = 40
"""Characters of a bar."""
MARKS = {
    "first_byte": "first byte",
    "first_content": "first content",
    "first_text": "first of the answer",
    "first_sent": "first to the client",
}
"""Marks of a timeline -> what they say."""


def lines(timeline: Timeline) -> list[str]:
    """The whole of it."""
    out = Transcript()
    out.line(timeline.title)
    if not timeline.known:
        out.remark(UNKNOWN)
        return out.render().split("\n")
    out.remark("")
    main = timeline.main()
    out.row(f"0 {_whole(main, timeline.total)} {_span(timeline.total)}")
    used = {phase.spent for phase in main}
    out.row("  " + "  ".join(f"{sign} {spent}" for spent, sign in SIGNS.items() if spent in used))
    out.remark("")
    out.row(f"{'':15}{'from s':>8}{'took':>9}")
    for phase in timeline.before:
        out.row(_row(phase, timeline.total))
    for attempt in timeline.attempts:
        out.line(_headline(attempt, timeline))
        for row in _rows(attempt, timeline.total):
            out.row(row)
    for phase in timeline.after:
        out.row(_row(phase, timeline.total))
    told = [f"{words} {_span(timeline.marks[name])}" for name, words in MARKS.items() if name in timeline.marks]
    if timeline.speed is not None:
        told.append(f"{timeline.speed:.0f} tokens/s")
    if told:
        out.remark(" · ".join(told))
    if any(attempt.outcome == "200" and not attempt.fine for attempt in timeline.attempts):
        out.remark("Of an answer that came as a whole, or was not recorded, its pieces can't be told.")
    return out.render().split("\n")


def _headline(attempt: TimedAttempt, timeline: Timeline) -> str:
    further = f"call {attempt.part + 1}, " if attempt.part else ""
    steps = [f"{name} {_span(took)}" for name, took in (("TCP", attempt.tcp), ("TLS", attempt.tls)) if took is not None]
    connection = f"{attempt.connection} connection" if attempt.connection else ""
    if steps:
        connection += f" ({', '.join(steps)})"
    many = len([one for one in timeline.attempts if one.part == attempt.part]) > 1 or attempt.part
    told = [f"{further}attempt {attempt.number}" if many else "attempt", attempt.outcome, attempt.account, connection]
    return " · ".join(part for part in told if part)


def _rows(attempt: TimedAttempt, total: float) -> Iterator[str]:
    gaps = list(attempt.gaps)
    for phase in attempt.phases:
        yield _row(phase, total)
        while gaps and gaps[0].end <= phase.end:
            gap = gaps.pop(0)
            yield f"  ! nothing for {_span(gap.end - gap.begin)}, from {_span(gap.begin)} on, before {gap.before}"
    for gap in gaps:
        yield f"  ! nothing for {_span(gap.end - gap.begin)}, from {_span(gap.begin)} on, before {gap.before}"


def _row(phase: TimedPhase, total: float) -> str:
    first, last = _cells(phase, total)
    bar = " " * first + SIGNS[phase.spent] * (last - first)
    return f"  {phase.name:13}{phase.begin:8.2f}{_span(phase.seconds):>9}  {bar}".rstrip()


def _cells(phase: TimedPhase, total: float) -> tuple[int, int]:
    """The first cell of a bar that a phase has, and the one after its last: one at least."""
    scale = _WIDTH / total if total > 0 else 0.0
    first = min(_WIDTH - 1, int(phase.begin * scale))
    return first, max(first + 1, min(_WIDTH, round(phase.end * scale)))


def _whole(phases: Sequence[TimedPhase], total: float) -> str:
    """One bar of all that follow one another; a cell shows what most of it was spent with."""
    cell = total / _WIDTH if total > 0 else 1.0
    made = ""
    for number in range(_WIDTH):
        shares: dict[str, float] = {}
        for phase in phases:
            shared = min(phase.end, (number + 1) * cell) - max(phase.begin, number * cell)
            if shared > 0:
                shares[phase.spent] = shares.get(phase.spent, 0.0) + shared
        made += SIGNS[max(shares, key=lambda spent: shares[spent])] if shares else " "
    return made


def _span(seconds: float) -> str:
    """`2.41 s`, `310 ms`, `0.4 ms`."""
    if seconds >= 0.9995:
        return f"{seconds:.2f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.00995 else f"{seconds * 1000:.1f} ms"
