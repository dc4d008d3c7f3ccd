"""`GET /exchanges`: the last exchanges, to be chosen among by facets and words; `GET /exchanges.json` as data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from addons.gateway.exchange.facts import Facts
from addons.gateway.http import answers
from addons.gateway.look import time_bar
from addons.gateway.look.addresses import flow_links, page_of
from addons.gateway.look.making import NO_STORE, PageForm
from addons.gateway.look.tones import tone
from addons.gateway.pages.listed.known import KnownExchanges, holds_by
from addons.gateway.pages.listed.listing import ListAsked, Listing, listing
from addons.gateway.status.page import outcome
from mapping import jsonio

FORM = PageForm("list.html", styles=("look.css", "list.css"), scripts=("live.js",))

type LookUp = Callable[[Sequence[str], Facts], Awaitable[KnownExchanges]]
"""What is known, of all workers; words to be looked for in requests and answers, and who asks."""


async def show(asking: Facts, look_up: LookUp, *, demo: bool) -> None:
    """Answer an exchange with the page."""
    asked, known, made = await _listed(asking, look_up)
    content = FORM.render(
        s={"running": known.running, "in_flight": len(known.running)},
        demo=demo,
        asked=asked,
        listing=made,
        recorded=known.recorded,
        exchanges=made.exchanges,
        tone=tone,
        outcome=outcome,
        spent=time_bar.pieces,
        page_of=page_of,
        flow_link=flow_links(asking.caller),
    )
    asking.succeed(content, FORM.fields())


async def show_json(asking: Facts, look_up: LookUp) -> None:
    """Answer an exchange with the same as JSON: the exchanges, how many there are, and what they can be chosen by."""
    _, known, made = await _listed(asking, look_up)
    told = {
        "known": made.known,
        "fitting": made.fitting,
        "running": known.running,
        "facets": {facet.name: {one.value: one.count for one in facet.values} for facet in made.facets},
        "exchanges": made.exchanges,
    }
    asking.succeed(jsonio.dumps(told), [answers.JSON_TYPE, *NO_STORE])


async def _listed(asking: Facts, look_up: LookUp) -> tuple[ListAsked, KnownExchanges, Listing]:
    asked = ListAsked.of(asking.flow.request.query)
    known = await look_up(asked.search.words() if asked.texts else (), asking)
    return asked, known, listing(known.newest_first(), asked, partial(holds_by, known.holding))
