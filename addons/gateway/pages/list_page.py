"""`GET /exchanges`: the last exchanges, to be chosen among by facets and words; `GET /exchanges.json` as data.

What was recorded is known for as long as its flows are in memory, the rest as long as the status page knows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol

import orjson
from mitmproxy import http

from addons.gateway.exchange.facts import Facts
from addons.gateway.http import answers
from addons.gateway.look import time_bar
from addons.gateway.look.addresses import flow_links, page_of
from addons.gateway.look.making import NO_STORE, PageForm
from addons.gateway.pages.listing import ListAsked, Listing, holds_in, listing
from addons.gateway.record.flow_record import CLIENT, record_of
from addons.gateway.status.overview import Watched, running
from addons.gateway.status.page import outcome, tone
from mapping.values import JSON

FORM = PageForm("list.html", styles=("look.css", "list.css"), scripts=("live.js",))


class Showing(Watched, Protocol):
    """What has the exchanges: the gateway."""

    def kept(self, id: str) -> Sequence[http.HTTPFlow]:
        """The flows of a recorded exchange; none: there is none of this id."""

    def kept_ids(self) -> Sequence[str]:
        """Of the recorded exchanges, the oldest first."""


async def show(exchange: Facts, gateway: Showing) -> None:
    """Answer an exchange with the page."""
    asked = ListAsked.of(exchange.flow.request.query)
    made = await _listed(gateway, asked)
    link = flow_links(exchange.caller)
    content = FORM.render(
        s={"running": (under_way := running(gateway, exchange)), "in_flight": len(under_way)},
        demo=gateway.is_demo,
        asked=asked,
        listing=made,
        recorded=len(gateway.kept_ids()),
        exchanges=made.exchanges,
        tone=tone,
        outcome=outcome,
        page_of=page_of,
        flow_link=link,
        spent=time_bar.pieces,
    )
    exchange.succeed(content, FORM.fields())


async def show_json(exchange: Facts, gateway: Showing) -> None:
    """Answer an exchange with the same as JSON: the exchanges, how many there are, and what they can be chosen by."""
    made = await _listed(gateway, ListAsked.of(exchange.flow.request.query))
    told = {
        "known": made.known,
        "fitting": made.fitting,
        "facets": {facet.name: {one.value: one.count for one in facet.values} for facet in made.facets},
        "exchanges": made.exchanges,
    }
    exchange.succeed(orjson.dumps(told, default=str), [answers.JSON_TYPE, *NO_STORE])


async def _listed(gateway: Showing, asked: ListAsked) -> Listing:
    flows = {id: gateway.kept(id) for id in gateway.kept_ids()}
    known = _known(flows.values(), [summary.plain() for summary in gateway.statistics.last()])

    def holds(id: str, word: str) -> bool:
        return holds_in([body for flow in flows.get(id, ()) for body in _bodies(flow)], word)

    if asked.texts and asked.search.text:  # many megabytes may have to be looked through
        return await asyncio.to_thread(listing, known, asked, holds)
    return listing(known, asked, holds)


def _known(recorded: Iterable[Sequence[http.HTTPFlow]], summaries: Iterable[JSON]) -> list[JSON]:
    """What is known of each exchange, the newest first."""
    found = {str(one["id"]): one for one in summaries}
    for flows in recorded:
        for flow in flows:
            if (record := record_of(flow)).get("side") == CLIENT:
                found[str(record["id"])] = {name: value for name, value in record.items() if name not in _BULKY}
    return sorted(found.values(), key=lambda one: float(one["time"]), reverse=True)


_BULKY = ("seeds", "given", "arrived")
"""What a record has beside the summary."""


def _bodies(flow: http.HTTPFlow) -> list[bytes]:
    messages = (flow.request, flow.response)
    return [content for message in messages if message and (content := message.get_content(strict=False))]
