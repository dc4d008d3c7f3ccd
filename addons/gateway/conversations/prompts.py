"""Why the prompt cache had little of the turns of a conversation: recorded exchanges, for `mapping.inspect`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from addons.gateway.cases.exchanges import TakenCall, TakenExchange
from mapping.inspect.prompt_cache.report import CacheReport, PromptTurn, report
from mapping.inspect.transcript import members


def cache_report(exchanges: Sequence[TakenExchange]) -> CacheReport:
    """Of exchanges of one thread, in order of time. Those in which nothing was asked of Gemini are left out."""
    return report([turn for taken in exchanges if (turn := prompt_turn(taken)) is not None])


def prompt_turn(taken: TakenExchange) -> PromptTurn | None:
    """The last attempt at what an exchange has asked; None: it has asked nothing that is a prompt."""
    call = last_call(taken.calls)
    if call is None or not isinstance(members(call.request).get("contents"), list):
        return None
    record, usage = taken.record, members(members(call.answer).get("usageMetadata"))
    time, total = _number(record.get("time")), _number(record.get("total"))
    return PromptTurn(
        id=taken.id,
        time=time,
        ended=time + total if time is not None and total is not None else None,
        account=call.record.get("account"),
        model=str(record.get("model") or ""),
        request=call.request,
        prompt=_count(usage.get("promptTokenCount")),
        cached=_count(usage.get("cachedContentTokenCount")),
    )


def last_call(calls: Iterable[TakenCall]) -> TakenCall | None:
    """The last attempt at an exchange's own call."""
    return next((call for call in reversed(list(calls)) if not call.part), None)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
