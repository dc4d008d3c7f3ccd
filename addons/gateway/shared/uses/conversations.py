"""Which exchanges belong to one conversation, known to all workers: each tells what it has found.

That is said only, and kept nowhere: whoever has not heard it takes a later turn for another conversation.
"""

from __future__ import annotations

from typing import Any

from addons.gateway.grouping.known import KnownConversations
from addons.gateway.shared.hub import Hub


def share(hub: Hub, known: KnownConversations) -> None:
    """Share them from now on; before the hub starts."""

    def heard(body: Any) -> None:
        digest, id = body
        known.put(bytes.fromhex(digest), str(id))

    known.tell = lambda digest, id: hub.say("conversation", [digest.hex(), id])
    hub.on("conversation", heard)
