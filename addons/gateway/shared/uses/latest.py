"""What comes of two values that each tell when something began last, and when it was ended last."""

from __future__ import annotations

from mapping import jsonio
from mapping.values import JSON


def latest(name: str, ended: str, mine: JSON, theirs: JSON) -> JSON:
    """The one under `name` that began later (of two at once the one that lasts longer), unless it was ended since.

    None under `name`: there is none. `until` is when the value itself is over.
    """
    found = [one for one in (mine[name], theirs[name]) if one]
    end = max(mine[ended], theirs[ended])
    last = max(found, key=lambda one: (one["began"], one["ends"], jsonio.dumps(one)), default=None)
    if last and last["began"] <= end:
        last = None
    return {name: last, ended: end, "until": max(mine["until"], theirs["until"])}
