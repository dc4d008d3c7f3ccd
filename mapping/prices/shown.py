"""Costs as people read them."""

from __future__ import annotations

import re

AT_LEAST = "at least: "
"""How the note of a cost begins that is only what was known of it."""
ESTIMATE = "estimate: "
"""How the note of a cost begins that may be another one."""

NOT_COUNTED = "not counted: "
"""Behind it in the note of a cost is, in one word, what Google charges besides, and how much that is as far as it is
known: `not counted: grounding (2 searches: ...)`."""
_NOT_COUNTED = re.compile(rf"{NOT_COUNTED}(\w+)")


def dollars(usd: float) -> str:
    """A sum in US dollars: the smaller it is, the more digits."""
    if 0 < usd < 0.000001:
        return "<$0.000001"
    return f"${usd:,.{2 if usd >= 1 or not usd else 4 if usd >= 0.01 else 6}f}"


def not_counted(note: str | None) -> list[str]:
    """What is not in a cost, as its note says: `grounding`."""
    return list(dict.fromkeys(_NOT_COUNTED.findall(note))) if note else []


def cost_text(usd: float | None, note: str | None) -> str:
    """What an exchange has cost: `$0.0123`; `~$0.0123`, an estimate; `>$0.0123`, at least; `cost unknown`.

    `$0.0123 + grounding`: that is not in it. Empty where there was nothing to pay for.
    """
    if usd is None:
        return "".join(("cost unknown", *(f": {name}" for name in not_counted(note)))) if note else ""
    about = ">" if note and AT_LEAST in note else "~" if note and ESTIMATE in note else ""
    return about + " + ".join((dollars(usd), *not_counted(note)))
