"""Costs as people read them."""

from __future__ import annotations

AT_LEAST = "at least: "
"""How the note of a cost begins that is only what was known of it."""
ESTIMATE = "estimate: "
"""How the note of a cost begins that may be another one."""


def dollars(usd: float) -> str:
    """A sum in US dollars: the smaller it is, the more digits."""
    if 0 < usd < 0.000001:
        return "<$0.000001"
    return f"${usd:,.{2 if usd >= 1 or not usd else 4 if usd >= 0.01 else 6}f}"


def cost_text(usd: float | None, note: str | None) -> str:
    """What an exchange has cost: `$0.0123`; `~$0.0123`, an estimate; `>$0.0123`, at least; `cost unknown`.

    Empty where there was nothing to pay for.
    """
    if usd is None:
        return "cost unknown" if note else ""
    about = ">" if note and AT_LEAST in note else "~" if note else ""
    return about + dollars(usd)
