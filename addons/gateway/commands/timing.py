"""`antigravity.timeline`, `antigravity.tokens`: where the time and the tokens of an exchange went."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mitmproxy import command, ctx, exceptions, http
from mitmproxy.log import ALERT
from mitmproxy.utils import asyncio_utils

from addons.gateway.commands.found import found, one_client, taken
from addons.gateway.commands.output import as_asked

if TYPE_CHECKING:
    from addons.gateway.cases.exchanges import TakenExchange
    from addons.gateway.gateway import Gateway
    from addons.gateway.prompts.counting import PromptCounting

logger = logging.getLogger("antigravity")


class TimingCommands:
    """Where the time and the tokens of an exchange went."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._counting: PromptCounting | None = None

    @command.command("antigravity.timeline")
    def timeline(self, flows: str, as_json: bool = False) -> Sequence[str]:
        """
        Where the time of an exchange went: waiting, each attempt, the first byte, thinking, text, tools, and where
        nothing came for a while. With as_json "true" as JSON.
        """
        from addons.gateway.timing import drawing, phases

        made = phases.timeline(taken(found(flows)))
        return as_asked(made.plain(), drawing.lines(made), as_json)

    @command.command("antigravity.tokens")
    def tokens(self, flows: str, count: bool = False, as_json: bool = False) -> Sequence[str]:
        """
        The tokens of an exchange's prompt by its parts, and how full the model's window is. With count "true" Gemini is
        asked to count: the answers come in the log, and this command and the view show them from then on. With as_json
        "true" as JSON.
        """
        from addons.gateway.prompts.of_exchange import NOTHING, tokens_of

        meant = found(flows)
        exchange = taken(meant)
        made = tokens_of(exchange, self._gateway.models.input_limit)
        if made is None:
            raise exceptions.CommandError(NOTHING)
        if count:
            counted = self._count(one_client(meant), exchange)
            asyncio_utils.create_task(counted, name="counting of tokens", keep_ref=True)
        lines = as_asked(made.plain(), made.lines(), as_json)
        return [*lines, "", "Gemini is asked to count; the log tells what it says."] if count and not as_json else lines

    async def _count(self, client: http.HTTPFlow, exchange: TakenExchange) -> None:
        """Have it counted, and tell of it where a person sees it."""
        from addons.gateway.prompts.counting import PromptCounting

        if self._counting is None:
            self._counting = PromptCounting(self._gateway)
        for one in await self._counting.count(client, exchange):
            said = one.error if one.tokens is None else f"{one.tokens:,} tokens"
            logger.log(ALERT, f"{exchange.id}: {one.what}: {said}")
        view: Any = ctx.master.addons.get("view")
        if view is not None:
            view.update([client])
