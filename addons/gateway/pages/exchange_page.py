"""`GET /exchanges/req_...`: the page of one exchange. What is on it: `sections`.

Making it takes up to a second of a processor for a large exchange, so that is done on a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

from mitmproxy import http

from addons.gateway.accounts.pool import Pool
from addons.gateway.cases import copies, exchanges
from addons.gateway.cases.exchanges import TakenExchange
from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.summary import Summary, models, status_of
from addons.gateway.look.addresses import base_url_of, flow_links, page_of
from addons.gateway.pages import running
from addons.gateway.pages.drawn import SERVED
from addons.gateway.pages.running import RunningExchange
from addons.gateway.pages.sections import Reading
from addons.gateway.record.flow_record import record_of
from addons.gateway.status.statistics import Statistics
from mapping.faults import Fault
from mapping.inspect.printable import one_line
from mapping.inspect.prompt_cache.report import LOOKED_AT
from mapping.values import JSON

ALL = "all"
"""In the query: show everything."""
MASK = "mask"
"""In the query: with fillers for what was said."""
WITH = "with"
"""In the query: what it is to be compared with, by its id."""
FILE = ".html"
"""Behind the id: the page as a file."""
_KNOWN = 30
"""How many others are offered to compare with."""


class Keeping(Protocol):
    """What has the exchanges: the gateway."""

    statistics: Statistics
    pool: Pool

    @property
    def exchanges(self) -> Mapping[str, Facts]:
        """What is under way, by the id of its flow."""

    def kept(self, id: str) -> Sequence[http.HTTPFlow]:
        """The flows of the exchange with this request id; none: it is not recorded."""


def ids(id: str, query: Mapping[str, str]) -> list[str]:
    """The exchanges that a page is about: its own, and the one that it is compared with."""
    return [id.removesuffix(FILE), query.get(WITH, "").strip()]


def turns_before(gateway: Keeping, id: str) -> list[str]:
    """The turns of its conversation before a recorded exchange with which its page compares it, the oldest first."""
    flows = gateway.kept(id)
    return _before(record_of(flows[0]), gateway.statistics.last()) if flows else []


async def show(asking: Facts, gateway: Keeping, id: str, elsewhere: RunningExchange | None = None) -> None:
    """Answer an exchange with the page of another one. Raises Fault: 404, where nothing is known of it.

    `elsewhere`: it is under way in another worker.
    """
    query = asking.flow.request.query
    mask = query.get(MASK) == "1"
    if id.endswith(FILE):
        content = await asyncio.to_thread(_file, gateway.kept(id.removesuffix(FILE)), id.removesuffix(FILE), mask)
        named = f'attachment; filename="{one_line(id, 80)}"'.encode("ascii", "replace")
        asking.succeed(content, [*SERVED.form.fields(), (b"Content-Disposition", named)])
        return
    known = _of(asking, gateway, id, elsewhere)
    link = flow_links(asking.caller)(str(known.record.get("flow_id") or ""), True)
    content = await asyncio.to_thread(_page, known, _Wishes.of(query), link, base_url_of(asking).removesuffix("/v1"))
    asking.succeed(content, SERVED.form.fields())


@dataclass(frozen=True, slots=True)
class _Wishes:
    """What the address asks for."""

    everything: bool
    masked: bool
    renewed: bool
    with_id: str

    @classmethod
    def of(cls, query: Mapping[str, str]) -> _Wishes:
        return cls(query.get(ALL) == "1", query.get(MASK) == "1", "poll" in query, query.get(WITH, "").strip()[:80])


@dataclass(slots=True)
class _Known:
    """What there is of an exchange, taken from the gateway: it may go on meanwhile."""

    record: JSON
    flows: Sequence[http.HTTPFlow]
    running: str
    others: tuple[tuple[str, str], ...]
    accounts: tuple[str, ...]
    kept: Callable[[str], Sequence[http.HTTPFlow]]
    before: Sequence[str] = ()
    """The ids of the turns of its conversation before it, the oldest first."""


def _of(asking: Facts, gateway: Keeping, id: str, elsewhere: RunningExchange | None) -> _Known:
    summaries = gateway.statistics.last()
    accounts = tuple(account.label for account in gateway.pool.accounts)
    others = tuple((one.id, f"{models(one)} · {status_of(one)}") for one in summaries[:_KNOWN] if one.id != id)
    if (facts := running.find(gateway.exchanges, id)) is not None and facts is not asking:
        elsewhere = running.taken(facts)
    if elsewhere is not None:
        return _Known(elsewhere.record, elsewhere.flows, elsewhere.line, others, accounts, gateway.kept)
    if flows := gateway.kept(id):
        record = record_of(flows[0])
        return _Known(record, flows, "", others, accounts, gateway.kept, turns_before(gateway, id))
    if (summary := next((one for one in summaries if one.id == id), None)) is not None:
        return _Known(summary.plain(), (), "", others, accounts, gateway.kept)
    raise _unknown(id)


def _before(record: JSON, newest_first: Sequence[Summary]) -> list[str]:
    conversation, agent, time = (record.get(name) for name in ("conversation", "agent", "time"))
    if not isinstance(conversation, str) or not isinstance(time, float):
        return []
    same = [one for one in newest_first if one.conversation == conversation and one.agent == agent and one.time < time]
    return [one.id for one in same[:LOOKED_AT]][::-1]


def _page(known: _Known, wishes: _Wishes, flow_link: str | None, url: str) -> bytes:
    taken = exchanges.from_flows(known.flows) if known.flows else None
    if taken is not None and wishes.masked:
        taken = copies.masked(taken)
    record = known.record if taken is None else taken.record
    reading = Reading(
        record,
        taken,
        everything=wishes.everything,
        all_at=_address(str(record.get("id")), wishes),
        running=known.running,
        renewed=wishes.renewed,
        masked=wishes.masked,
        url=url,
        thread=[exchanges.from_flows(flows) for id in known.before if (flows := known.kept(id))],
        other=_other(known, wishes.with_id, mask=wishes.masked),
        known=known.others,
        accounts=known.accounts,
    )
    return SERVED.render(reading, flow_link, wishes.with_id)


def _address(id: str, wishes: _Wishes) -> str:
    """Of the page that shows everything; empty: this one does."""
    if wishes.everything:
        return ""
    return f"{page_of(id)}?{urlencode({ALL: '1', **({MASK: '1'} if wishes.masked else {})})}"


def _other(known: _Known, id: str, *, mask: bool) -> TakenExchange | str | None:
    if not id:
        return None
    if not (flows := known.kept(id)):
        return not_kept(id)
    other = exchanges.from_flows(flows)
    return copies.masked(other) if mask else other


def _file(flows: Sequence[http.HTTPFlow], id: str, mask: bool) -> bytes:
    from addons.gateway.pages import one_file

    if not flows:
        raise Fault(404, not_kept(id), code="exchange_not_found")
    return one_file.html(exchanges.from_flows(flows), mask=mask)


def not_kept(id: str) -> str:
    """Why there is nothing to show or to send again, and what to do about it."""
    return (
        f"What was sent and answered in {one_line(id, 60)} is not kept here, or not any more. It is kept with serve.py "
        "--pages, --web or --console, for as many exchanges as trace.keep and trace.keep_bytes in the settings say."
    )


def _unknown(id: str) -> Fault:
    return Fault(
        404,
        f"No exchange {one_line(id, 60)} is known here. The last 200 are, and those of which flows are kept: "
        "as many as trace.keep and trace.keep_bytes in the settings say.",
        code="exchange_not_found",
    )
