"""Recorded exchanges, sorted into conversations, and the one that a person means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from addons.gateway.cases.exchanges import TakenExchange
from addons.gateway.cases.files import CaseError
from addons.gateway.grouping.introduction import Introduction
from addons.gateway.grouping.known import KnownConversations, name
from mapping.inspect.transcript import members, number_of, string
from mapping.values import JSON

type Sorted = Mapping[str, list[TakenExchange]]
"""The exchanges of each conversation, by its id, in order of time."""

MAIN = ""
"""The thread that no helper has asked for."""


def by_conversation(exchanges: Iterable[TakenExchange]) -> Sorted:
    """The exchanges of each conversation.

    The id is that of the record. Of exchanges whose record has none (a case, an older file) it is found anew, as far as
    bodies tell; one that is no turn of any conversation is left out.
    """
    known = KnownConversations()
    found: dict[str, list[TakenExchange]] = {}
    for taken in sorted(exchanges, key=lambda one: _time(one.record)):
        id = taken.record.get("conversation")
        if not isinstance(id, str):
            id = _anew(known, taken)
        if id is not None:
            found.setdefault(id, []).append(taken)
    return found


def _anew(known: KnownConversations, taken: TakenExchange) -> str | None:
    told = Introduction(client=taken.record.get("client"))
    if isinstance(taken.request, dict):
        name(told, taken.request)
    if (made := members(taken.answer).get("id")) and isinstance(made, str):
        told.responses.append(made)
    call = taken.last_call
    return known.of("", told, taken.endpoint, call.request if call else None)


def by_thread(exchanges: Iterable[TakenExchange]) -> dict[str, list[TakenExchange]]:
    """The exchanges of a conversation by the helper that has asked; `MAIN` first."""
    found: dict[str, list[TakenExchange]] = {MAIN: []}
    for taken in exchanges:
        found.setdefault(string(taken.record.get("agent")), []).append(taken)
    return {agent: all for agent, all in found.items() if all}


def chosen(found: Sorted, spec: str) -> Sorted:
    """The conversations of which a person has given the id, or its beginning, or that of an exchange in it.

    All for an empty text. Raises CaseError where there is none.
    """
    made = {
        id: all
        for id, all in found.items()
        if id.startswith(spec) or (spec and any(one.id.startswith(spec) for one in all))
    }
    if not made:
        raise CaseError(f"No conversation here is {spec}, or has an exchange {spec}." if spec else "No conversation.")
    return made


def _time(record: JSON) -> float:
    return number_of(record.get("time")) or 0.0
