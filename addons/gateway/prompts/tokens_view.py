"""The view "Tokens": how many tokens each part of the prompt took."""

from __future__ import annotations

from typing import override

from mitmproxy import http
from mitmproxy.contentviews import Contentview, Metadata

from addons.gateway.cases import exchanges
from addons.gateway.prompts.of_exchange import NOTHING, limit_here, tokens_of
from addons.gateway.record.flow_record import record_of
from addons.gateway.views.priority import NOT_MINE

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
        tokens = tokens_of(taken, limit_here())
        return NOTHING if tokens is None else "\n".join(tokens.lines())
