"""What goes on for a script that mitmproxy has dropped: the file was changed, and can't be loaded anew.

Without it mitmproxy would serve new connections by layers of its own, and pass on what comes: a client's request, its
key included, would go to the upstream. And requests that are told by hooks would wait for an answer for ever.
"""

from __future__ import annotations

from typing import Any

from mitmproxy.addonmanager import AddonManager

HOOKS = (
    "next_layer", "http_connect_upstream", "requestheaders", "request", "responseheaders", "response", "error",
)  # fmt: skip
"""Of traffic; nothing else of the script goes on."""

_LOADER = "scriptloader"
"""mitmproxy's addon that scripts are the children of."""


class StandIn:
    """An addon with the hooks of one that was dropped."""

    name = "antigravity_stand_in"

    def __init__(self, dropped: Any) -> None:
        for hook in HOOKS:
            setattr(self, hook, getattr(dropped, hook))


def put(manager: AddonManager, dropped: Any) -> StandIn:
    """Have an addon's hooks go on where scripts have theirs: before mitmproxy chooses layers."""
    take_away(manager)
    stand_in = StandIn(dropped)
    manager.register(stand_in)
    loader = manager.get(_LOADER)
    at = manager.chain.index(loader) if loader in manager.chain else 0
    manager.chain.insert(at, stand_in)
    return stand_in


def take_away(manager: AddonManager) -> None:
    """The script is loaded again."""
    stand_in = manager.get(StandIn.name)
    if stand_in is not None:
        manager.remove(stand_in)
