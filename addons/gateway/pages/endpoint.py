"""Where the pages about exchanges are found: by the name of the endpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from addons.gateway.exchange.facts import Facts
from addons.gateway.http.routes import Match

if TYPE_CHECKING:
    from addons.gateway.pages.exchange_page import Keeping


def endpoints(gateway: Keeping) -> dict[str, Callable[[Facts, Match], Awaitable[None] | None]]:
    """By name. Each is given an exchange, and answers it."""

    async def exchange(asking: Facts, match: Match) -> None:
        from addons.gateway.pages import exchange_page  # not needed before somebody looks

        await exchange_page.show(asking, gateway, match.id)

    return {"exchange": exchange}
