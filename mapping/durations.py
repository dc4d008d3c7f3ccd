"""Lengths of time as people and Google write them -> seconds."""

from __future__ import annotations

import re

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_NUMBER = r"\d{1,18}(?:\.\d{0,18})?"
_UNIT = "ms|us|µs|ns|[dhms]"

IN_TEXT = rf"(?:{_NUMBER}(?:{_UNIT}))+"
"""A pattern for such a length in the middle of a text: one without spaces."""

_WHOLE = re.compile(rf"(?:{_NUMBER}\s*(?:{_UNIT}))+", re.ASCII)
_STEPS = re.compile(rf"({_NUMBER})\s*({_UNIT})", re.ASCII)


def seconds(text: str) -> float | None:
    """`"10s"`, `"500ms"`, `"34.07s"`, `"1h2m3.5s"`; None for what is no such text, a bare number too.

    Units: d, h, m, s, ms, us, µs, ns. Spaces may stand around, and before a unit. Source: protobuf's JSON form of
    Duration (`"34.07s"`), and Go's `time.Duration`, which Google's backends put into texts.
    """
    text = text.strip()
    return (
        sum(float(number) * _UNITS[unit] for number, unit in _STEPS.findall(text)) if _WHOLE.fullmatch(text) else None
    )
