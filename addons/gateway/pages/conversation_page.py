"""`GET /conversations/k3f9qa`: all turns of a conversation that are known, with what was said, tools, tokens and costs.

What was recorded is shown whole; of the rest of the exchanges there is what their summaries say. An open page asks for
itself again and again: it is made once for the exchanges that there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Protocol

from mitmproxy import http

from addons.gateway.cases import exchanges
from addons.gateway.cases.exchanges import TakenExchange
from addons.gateway.conversations.view import ConversationTurn, conversation
from addons.gateway.exchange.facts import Facts
from addons.gateway.grouping.marks import mark
from addons.gateway.look.addresses import page_of
from addons.gateway.look.making import PageForm
from addons.gateway.look.tones import tone
from addons.gateway.storage.bounded import Bounded
from mapping.faults import Fault
from mapping.inspect.printable import one_line
from mapping.values import JSON

FORM = PageForm("conversation.html", ("look.css", "exchange.css", "conversation.css"), ("live.js",))
MOST = 100
"""Exchanges that are shown, the last ones."""


_MADE: Bounded[str, tuple[tuple[tuple[str, int], ...], bytes]] = Bounded(8)
"""The pages of late, by conversation: of which exchanges, with how many flows each, and the page."""


class Holding(Protocol):
    """What has the exchanges: the gateway."""

    def kept(self, id: str) -> Sequence[http.HTTPFlow]:
        """The flows of the exchange with this request id; none: it is not recorded."""


def of_conversation(id: str, newest_first: Sequence[JSON]) -> list[JSON]:
    """The last exchanges of a conversation, the newest first. Raises Fault: 404, where there is none."""
    found = [one for one in newest_first if one.get("conversation") == id][:MOST]
    if not found:
        raise Fault(
            404,
            f"No conversation {one_line(id, 60)} is known here. Of which exchanges they are found, conversations.find "
            "in the settings says.",
            code="conversation_not_found",
        )
    return found


async def show(asking: Facts, gateway: Holding, id: str, records: Sequence[JSON]) -> None:
    """Answer an exchange with the page of a conversation, of which these are the summaries."""
    flows = {str(record["id"]): gateway.kept(str(record["id"])) for record in records}
    there = tuple((id, len(found)) for id, found in flows.items())
    known = _MADE.use(id)
    if known is None or known[0] != there:
        known = there, await asyncio.to_thread(_page, id, records, flows)
        _MADE.put(id, known)
    asking.succeed(known[1], FORM.fields())


def _page(id: str, records: Sequence[JSON], flows: Mapping[str, Sequence[http.HTTPFlow]]) -> bytes:
    taken = [
        exchanges.from_flows(found) if (found := flows[str(record["id"])]) else _without_texts(record)
        for record in sorted(records, key=lambda one: float(one["time"]))
    ]
    made = conversation(id, taken)
    threads = [
        (agent, [_turn(turn) for turn in turns]) for agent, turns in groupby(made.turns, lambda turn: turn.agent)
    ]
    return FORM.render(
        id=id,
        mark=mark(id),
        title=made.head(),
        told=made.plain(),
        threads=threads,
        unrecorded=sum(not found for found in flows.values()),
        most=MOST if len(records) == MOST else 0,
    )


def _without_texts(record: JSON) -> TakenExchange:
    return TakenExchange(record, str(record["method"]), str(record["path"]), None, b"", None, "")


def _turn(turn: ConversationTurn) -> JSON:
    return {
        "id": turn.taken.id,
        "page": page_of(turn.taken.id),
        "head": turn.head(),
        "tone": tone(turn.taken.record),
        "said": [*(("asked", one) for one in turn.asked), *(("answered", one) for one in turn.answered)],
        "cache": turn.cache.lines()[1:] if turn.cache else [],
    }
