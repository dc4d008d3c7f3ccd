"""The view "Tokens": how many tokens each part of the prompt took."""

from __future__ import annotations

from typing import override

from mitmproxy import http

from addons.gateway.cases import exchanges
from addons.gateway.prompts.of_exchange import NOTHING, limit_here, tokens_of
from addons.gateway.views.exchange_view import ExchangeView
from addons.gateway.views.siblings import Siblings


class TokensView(ExchangeView):
    """See the module."""

    not_ours = "This is no exchange of the gateway, so there are no tokens to tell."

    @override
    def told(self, flow: http.HTTPFlow, found: Siblings, *, on_answer: bool) -> str:
        tokens = tokens_of(exchanges.of_siblings(found), limit_here())
        return NOTHING if tokens is None else "\n".join(tokens.lines())
