"""`scripts/cases.py list`: which exchanges a saved file has, chosen as on the gateway's page of exchanges."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence

from addons.gateway.cases.exchanges import TakenExchange, models_of
from addons.gateway.exchange.summary import OK
from addons.gateway.log.terminal import say
from addons.gateway.pages.listed.listing import ListAsked, holds_in, listing
from mapping.inspect.printable import one_line
from mapping.prices.shown import cost_text
from mapping.values import JSON
from scripts.commands.exchange_commands import say_json, taken_of

_UNTOLD: JSON = {
    "time": 0.0, "status": None, "error": None, "outcome": OK, "message": None, "finish": [], "notes": [],
    "attempts": [],
}  # fmt: skip
"""What a case does not say of its exchange."""


def show(names: Sequence[str], query: Mapping[str, str], *, as_json: bool) -> int:
    """Print them, the newest first; `query` as on the page. 1: none fits. Raises CaseError."""
    taken = [one for name in names for one in taken_of(name)]
    known = [
        {**_UNTOLD, **one.record, "id": one.id or f"case {number}", "method": one.method, "path": one.path}
        for number, one in enumerate(taken, 1)
    ]
    bodies = {str(record["id"]): _bodies(one) for record, one in zip(known, taken, strict=True)}
    known.sort(key=lambda record: float(record["time"]), reverse=True)
    asked = ListAsked.of({**query, "all": "1"})
    made = listing(known, asked, lambda id, word: holds_in(bodies[id], word))
    if as_json:
        for record in made.exchanges:
            plain = {name: value for name, value in record.items() if name not in ("seeds", "given", "arrived")}
            say_json(plain)
        return 0 if made.exchanges else 1
    for record in made.exchanges:
        say(_line(record))
    say(f"{made.fitting} of {made.known}")
    for facet in made.facets:
        say(f"  {facet.title}: " + ", ".join(f"{one_line(one.value, 60)} ({one.count})" for one in facet.values))
    return 0 if made.exchanges else 1


def _line(record: JSON) -> str:
    when = float(record["time"])
    tokens = record.get("tokens") or {}
    told = (
        time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(when)) if when else "",
        f"{record['method']} {record['path']}",
        models_of(record),
        record.get("account"),
        " ".join(str(one) for one in (record["status"], record["error"]) if one) or record["outcome"],
        record.get("message"),
        f"{record['total']:.2f} s" if record.get("total") is not None else "",
        f"{tokens['prompt']} + {tokens['completion']} tokens" if tokens else "",
        cost_text(record.get("cost"), record.get("cost_note")),
        record.get("conversation"),
        record["id"],
    )
    return " · ".join(one_line(str(one), 200) for one in told if one)


def _bodies(taken: TakenExchange) -> list[bytes]:
    values = [taken.answer, *(value for call in taken.calls for value in (call.request, call.answer))]
    return [taken.body, *(json.dumps(value, ensure_ascii=False).encode() for value in values if value is not None)]
