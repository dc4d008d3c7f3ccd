"""Views of mitmproxy that show the exchanges: as conversations, their translation, their attempts.

mitmproxy gets to know their names at the start, and each is loaded when something is to be shown: under mitmdump that
is mostly never. mitmproxy has no way to take a view back: one that stays after the addon is gone fits what it fits, and
harms nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import override

from mitmproxy import contentviews
from mitmproxy.contentviews import Contentview, Metadata


class OnDemand(Contentview):
    """A view that is made when it is needed."""

    def __init__(self, name: str, make: Callable[[], Contentview]) -> None:
        self._name = name
        self._made = cache(make)

    @property
    @override
    def name(self) -> str:
        return self._name

    @override
    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        return self._made().render_priority(data, metadata)

    @override
    def prettify(self, data: bytes, metadata: Metadata) -> str:
        return self._made().prettify(data, metadata)


def _client() -> Contentview:
    from addons.gateway.views.client_view import ClientConversation

    return ClientConversation()


def _gemini() -> Contentview:
    from addons.gateway.views.gemini_view import GeminiConversation

    return GeminiConversation()


def _translation() -> Contentview:
    from addons.gateway.views.translation_view import Translation

    return Translation()


def _attempts() -> Contentview:
    from addons.gateway.views.attempts_view import AttemptsView

    return AttemptsView()


CLIENT = OnDemand("Client conversation", _client)
GEMINI = OnDemand("Gemini conversation", _gemini)
TRANSLATION = OnDemand("Translation", _translation)
ATTEMPTS = OnDemand("Attempts", _attempts)
VIEWS = (CLIENT, GEMINI, TRANSLATION, ATTEMPTS)


def register(*further: Contentview) -> None:
    """Makes the views known to mitmproxy, and those of other rooms: each once, also when the script is loaded again."""
    for view in (*VIEWS, *further):
        if contentviews.registry.get(view.name) is not view:
            contentviews.add(view)
