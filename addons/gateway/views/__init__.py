"""Views of mitmproxy that show the exchanges: as conversations, their translation, their attempts.

mitmproxy has no way to take a view back: one that stays after the addon is gone fits what it fits, and harms nothing.
"""

from __future__ import annotations

from mitmproxy import contentviews

from addons.gateway.views.attempts_view import Attempts
from addons.gateway.views.client_view import ClientConversation
from addons.gateway.views.gemini_view import GeminiConversation
from addons.gateway.views.translation_view import Translation

VIEWS = (ClientConversation(), GeminiConversation(), Translation(), Attempts())


def register() -> None:
    """Makes the views known to mitmproxy: each once, also when the script is loaded again."""
    for view in VIEWS:
        if contentviews.registry.get(view.name) is not view:
            contentviews.add(view)
