"""How many tokens each part of an exchange's prompt took, by what was recorded, or counted by Gemini."""

from __future__ import annotations

from mitmproxy.contentviews import Contentview

from addons.gateway.views import OnDemand


def _tokens() -> Contentview:
    from addons.gateway.prompts.tokens_view import TokensView

    return TokensView()


TOKENS = OnDemand("Tokens", _tokens)
