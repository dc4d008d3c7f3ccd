"""Where the pages about exchanges are found: by the name of the endpoint.

What a page needs is loaded when somebody looks at one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from addons.gateway.exchange.facts import Facts
from addons.gateway.http.routes import Match

if TYPE_CHECKING:
    from addons.gateway.pages import actions, exchange_page, list_page

    class Shown(exchange_page.Keeping, list_page.Showing, actions.Acting, Protocol):
        """What is shown, and acted on: the gateway."""


def endpoints(gateway: Shown) -> dict[str, Callable[[Facts, Match], Awaitable[None] | None]]:
    """By name. Each is given an exchange, and answers it."""

    async def exchange(asking: Facts, match: Match) -> None:
        from addons.gateway.pages import exchange_page

        await exchange_page.show(asking, gateway, match.id)

    async def exchanges(asking: Facts, match: Match) -> None:
        from addons.gateway.pages import list_page

        await list_page.show(asking, gateway)

    async def exchanges_json(asking: Facts, match: Match) -> None:
        from addons.gateway.pages import list_page

        await list_page.show_json(asking, gateway)

    def edit(asking: Facts, match: Match) -> None:
        from addons.gateway.pages import actions

        actions.show_edit(asking, gateway, match.id)

    def again(asking: Facts, match: Match) -> Awaitable[None] | None:
        from addons.gateway.pages import actions

        return actions.ask_again(asking, gateway, match.id)

    async def case(asking: Facts, match: Match) -> None:
        from addons.gateway.pages import actions

        await actions.take_case(asking, gateway, match.id)

    return {
        "exchange": exchange,
        "exchanges": exchanges,
        "exchanges_json": exchanges_json,
        "exchange_edit": edit,
        "exchange_again": again,
        "exchange_case": case,
    }
