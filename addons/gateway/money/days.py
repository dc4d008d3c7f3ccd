"""What days have cost. A day ends at midnight Pacific time, as those of Google's quotas and bills do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Protocol

from addons.gateway.accounts.quota_day import day_of
from mapping.late import late

if TYPE_CHECKING:
    import pydantic
else:
    pydantic = late("pydantic")

KEPT = 31
"""How many days are kept."""

type _Count = Annotated[int, pydantic.Field(ge=0)]
type Dollars = Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)]


@dataclass(slots=True)
class Costs:
    """What some exchanges have cost."""

    cost: Dollars = 0.0
    """As far as costs are known."""
    unpriced: _Count = 0
    """Exchanges whose cost is unknown."""


type Days = dict[str, Costs]
"""By day: `2026-11-29`."""


class Counted(Protocol):
    """What has the members of `Costs`."""

    cost: float
    unpriced: int


def at(days: Days, when: float) -> Costs | None:
    """The day that a moment (Unix seconds) is in, a new one if need be; None: it is too long ago."""
    day = day_of(when)
    if day not in days:
        days[day] = Costs()
        _drop(days)
    return days.get(day)


def count(counted: Counted, cost: float | None) -> None:
    """One more exchange; None: its cost is unknown."""
    if cost is None:
        counted.unpriced += 1
    else:
        counted.cost += cost


def add(counted: Counted, more: Counted) -> None:
    """Count also what another process has counted."""
    counted.cost += more.cost
    counted.unpriced += more.unpriced


def merge(days: Days, more: Days) -> None:
    """Count also the days of another process."""
    for day, costs in more.items():
        add(days.setdefault(day, Costs()), costs)
    _drop(days)


def _drop(days: Days) -> None:
    for day in sorted(days)[:-KEPT]:
        del days[day]
