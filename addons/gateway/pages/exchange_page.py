"""`GET /exchanges/req_...`: the page of one exchange. What is on it: `sections`.

Making it takes up to a second of a processor for a large exchange, so that is done on a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from mitmproxy import http

from addons.gateway.cases import exchanges
from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.summary import CLIENT_LEFT, Summary
from addons.gateway.look.addresses import flow_links, page_of
from addons.gateway.look.making import PageForm
from addons.gateway.pages import sections
from addons.gateway.pages.sections import Reading
from addons.gateway.status.statistics import Statistics
from mapping.faults import Fault
from mapping.inspect.printable import one_line
from mapping.values import JSON

FORM = PageForm(
    "exchange.html", styles=("look.css", "exchange.css"), scripts=("live.js", "copy.js", "ways.js"), sounds=True
)
ALL = "all"
"""In the query: show everything."""


class Keeping(Protocol):
    """What has the exchanges: the gateway."""

    statistics: Statistics

    @property
    def exchanges(self) -> Mapping[str, Facts]:
        """What is under way, by the id of its flow."""

    def kept(self, id: str) -> Sequence[http.HTTPFlow]:
        """The flows of the exchange with this request id; none: it is not recorded."""


async def show(exchange: Facts, gateway: Keeping, id: str) -> None:
    """Answer an exchange with the page of another one. Raises Fault: 404, where nothing is known of it."""
    query = exchange.flow.request.query
    reading = _reading(gateway, id, everything=query.get(ALL) == "1")
    link = flow_links(exchange.caller)(str(reading.record.get("flow_id") or ""), True)
    content = await asyncio.to_thread(render, reading, link)
    exchange.succeed(content, FORM.fields())


def render(reading: Reading, flow_link: str | None = None) -> bytes:
    """The page. `flow_link`: where mitmweb shows the exchange."""
    record = reading.record
    return FORM.render(
        id=str(record.get("id") or ""),
        title=headline(record),
        tone=tone(record),
        message=record.get("message"),
        recorded=reading.taken is not None,
        everything=reading.everything,
        running=reading.running,
        flow_link=flow_link,
        sections=sections.made(reading),
    )


def headline(record: JSON) -> str:
    """`gpt-4o → gemini-3.8-flash · 200`."""
    asked, model = record.get("client_model"), record.get("model")
    models = f"{asked} → {model or '?'}" if asked and asked != model else str(model or "")
    status, error = record.get("status"), record.get("error")
    told = " ".join(str(one) for one in (status, error) if one)
    return one_line(" · ".join(filter(None, (models or f"{record.get('method')} {record.get('path')}", told))), 200)


def tone(record: JSON) -> str:
    """The colour of what became of it, as on the status page."""
    if record.get("outcome") == CLIENT_LEFT or record.get("status") is None:
        return "left"
    if record["status"] >= 400 or record.get("error"):
        return "bad"
    return "warn" if len(record.get("attempts") or ()) > 1 else "good"


def _reading(gateway: Keeping, id: str, *, everything: bool) -> Reading:
    all_at = f"{page_of(id)}?{ALL}=1"
    if flows := gateway.kept(id):
        taken = exchanges.from_flows(flows)
        return Reading(taken.record, taken, everything, all_at)
    if summary := _summary(gateway.statistics.last(), id):
        return Reading(summary.plain(), None, everything, all_at)
    raise Fault(
        404,
        f"No exchange {one_line(id, 60)} is known here. The last 200 are, and those of which flows are kept.",
        code="exchange_not_found",
    )


def _summary(known: Sequence[Summary], id: str) -> Summary | None:
    return next((one for one in known if one.id == id), None)
