"""Where the pages about exchanges are found: by the name of the endpoint.

What a page needs is loaded when somebody looks at one. Of several workers each shows the exchanges of all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from addons.gateway.exchange.facts import Facts
from addons.gateway.http.routes import Match
from addons.gateway.workers.inside import Worker

if TYPE_CHECKING:
    from addons.gateway.pages.listed.known import KnownExchanges
    from addons.gateway.pages.listed.workers import GatewaySeen, RecordingGateway

_SHORTEST = 6
"""Characters of the beginning of an id (`req_2f`) that stands for it."""


def endpoints(
    gateway: RecordingGateway, worker: Worker | None
) -> dict[str, Callable[[Facts, Match], Awaitable[None] | None]]:
    """By name. Each is given an exchange, and answers it. `worker`: this gateway is one of several."""
    together = None
    if worker is not None:
        from addons.gateway.pages.listed.workers import Together

        together = Together(gateway, worker)

    async def seen(*ids: str) -> RecordingGateway | GatewaySeen:
        return gateway if together is None else await together.seen(*ids)

    async def known(words: Sequence[str], asking: Facts) -> KnownExchanges:
        from addons.gateway.pages.listed.known import known_here

        if together is not None:
            return await together.known(words, asking)
        if words:  # many megabytes may have to be looked through
            return await asyncio.to_thread(known_here, gateway, words, asking)
        return known_here(gateway, words, asking)

    async def exchange(asking: Facts, match: Match) -> None:
        from addons.gateway.pages import exchange_page
        from addons.gateway.pages.listed.known import ids_beginning

        beginning = match.id.partition(".")[0]
        found = ids_beginning(gateway, beginning)
        if together is None:
            await exchange_page.show(asking, gateway, whole(match.id, found))
            return
        if found != [beginning]:
            found = await together.ids_beginning(beginning)
        id = whole(match.id, found)
        elsewhere = await together.under_way(id)
        ids = exchange_page.ids(id, asking.flow.request.query)
        all_seen = await together.seen_with_all(ids, partial(exchange_page.turns_before, id=ids[0]))
        await exchange_page.show(asking, all_seen, id, elsewhere)

    async def exchanges(asking: Facts, match: Match) -> None:
        from addons.gateway.pages.listed import list_page

        await list_page.show(asking, known, demo=gateway.is_demo)

    async def exchanges_json(asking: Facts, match: Match) -> None:
        from addons.gateway.pages.listed import list_page

        await list_page.show_json(asking, known)

    async def conversation(asking: Facts, match: Match) -> None:
        from addons.gateway.pages import conversation_page

        records = conversation_page.of_conversation(match.id, (await known((), asking)).newest_first())
        gateways = await seen(*(str(record["id"]) for record in records))
        await conversation_page.show(asking, gateways, match.id, records)

    async def edit(asking: Facts, match: Match) -> None:
        from addons.gateway.pages import actions

        actions.show_edit(asking, await seen(match.id), match.id)

    async def again(asking: Facts, match: Match) -> None:
        from addons.gateway.pages import actions

        await actions.ask_again(asking, await seen(match.id), match.id)

    async def case(asking: Facts, match: Match) -> None:
        from addons.gateway.pages import actions

        await actions.take_case(asking, await seen(match.id), match.id)

    return {
        "exchange": exchange,
        "exchanges": exchanges,
        "exchanges_json": exchanges_json,
        "conversation": conversation,
        "exchange_edit": edit,
        "exchange_again": again,
        "exchange_case": case,
    }


def whole(id: str, known: Iterable[str]) -> str:
    """The request id that begins so, if there is one; else what was given. An ending (`.html`) stays."""
    beginning, dot, ending = id.partition(".")
    found = {one for one in known if one.startswith(beginning)}
    return found.pop() + dot + ending if len(found) == 1 and len(beginning) >= _SHORTEST else id
