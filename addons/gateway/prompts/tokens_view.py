"""The view "Tokens": how many tokens each part of the prompt took."""

from __future__ import annotations

from typing import Any, override

from mitmproxy import ctx, http
from mitmproxy.contentviews import Contentview, Metadata

from addons.gateway.cases import exchanges
from addons.gateway.prompts.of_exchange import NOTHING, Limit, tokens_of
from addons.gateway.record.flow_record import record_of
from addons.gateway.views.priority import NOT_MINE
from mapping.gemini.catalogue import input_limit

NOT_OURS = "This is no exchange of the gateway, so there are no tokens to tell."


class TokensView(Contentview):
    """See the module."""

    @override
    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        return NOT_MINE  # there for those who choose it

    @override
    def prettify(self, data: bytes, metadata: Metadata) -> str:
        flow = metadata.flow
        if not isinstance(flow, http.HTTPFlow) or not record_of(flow).get("side"):
            return NOT_OURS
        taken = exchanges.around(flow)
        if taken is None:
            return f"The client's flow of this exchange ({record_of(flow).get('id')}) is not here, and it tells."
        tokens = tokens_of(taken, _limit())
        return NOTHING if tokens is None else "\n".join(tokens.lines())


def _limit() -> Limit:
    """What the accounts' lists say, where a gateway runs here; else what the catalogue does."""
    master: Any = getattr(ctx, "master", None)
    addon = master.addons.get("antigravity") if master is not None else None
    found: Limit = addon.gateway.models.input_limit if addon is not None else input_limit
    return found
