"""Why the prompt cache had little of the turns of a conversation: recorded exchanges, for `mapping.inspect`."""

from __future__ import annotations

from collections.abc import Sequence

from addons.gateway.cases.exchanges import TakenExchange
from addons.gateway.conversations.finding import by_thread
from mapping.inspect.prompt_cache.report import CacheReport, PromptTurn, report
from mapping.inspect.transcript import count_of, members, number_of
from mapping.values import JSON


def cache_report(exchanges: Sequence[TakenExchange]) -> CacheReport:
    """Of exchanges of one thread, in order of time. Those in which nothing was asked of Gemini are left out."""
    return report([turn for taken in exchanges if (turn := prompt_turn(taken)) is not None])


def told_cache(id: str, exchanges: Sequence[TakenExchange]) -> tuple[JSON, list[str]]:
    """Of a conversation, thread by thread: for JSON, and as text."""
    plain: list[JSON] = []
    lines = [f"conversation {id}"]
    for agent, all in by_thread(exchanges).items():
        made = cache_report(all)
        if not made.turns:
            continue
        plain.append({"agent": agent or None, **made.plain()})
        head, *rest = made.lines()
        lines += ["", f"{agent or 'main thread'} · {head}", *rest]
    return {"id": id, "threads": plain}, lines


def prompt_turn(taken: TakenExchange) -> PromptTurn | None:
    """The last attempt at what an exchange has asked; None: it has asked nothing that is a prompt."""
    call = taken.last_call
    if call is None or not isinstance(members(call.request).get("contents"), list):
        return None
    record, usage = taken.record, members(members(call.answer).get("usageMetadata"))
    time, total = number_of(record.get("time")), number_of(record.get("total"))
    return PromptTurn(
        id=taken.id,
        time=time,
        ended=time + total if time is not None and total is not None else None,
        account=call.record.get("account"),
        model=str(record.get("model") or ""),
        request=call.request,
        prompt=count_of(usage.get("promptTokenCount")),
        cached=count_of(usage.get("cachedContentTokenCount")),
    )
