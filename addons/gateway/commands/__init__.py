"""Commands for mitmweb's and mitmproxy's command line: `antigravity.*`, each topic in a module of its own.

What each says of itself, mitmproxy shows to people: the first paragraph of its docstring is its help.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from addons.gateway.commands.accounts import AccountCommands
from addons.gateway.commands.breakpoints import BreakpointCommands
from addons.gateway.commands.conversations import ConversationCommands
from addons.gateway.commands.copies import CopyCommands
from addons.gateway.commands.costs import CostCommands
from addons.gateway.commands.faults import FaultCommands
from addons.gateway.commands.looking import LookingCommands
from addons.gateway.commands.pages import PageCommands
from addons.gateway.commands.replays import ReplayCommands
from addons.gateway.commands.timing import TimingCommands

if TYPE_CHECKING:
    from addons.gateway.gateway import Gateway


def all_commands(gateway: Gateway) -> list[object]:
    """Addons that have nothing but commands."""
    return [
        AccountCommands(gateway),
        LookingCommands(),
        CopyCommands(),
        PageCommands(),
        ReplayCommands(gateway),
        TimingCommands(gateway),
        FaultCommands(gateway),
        ConversationCommands(),
        CostCommands(),
        BreakpointCommands(gateway),
    ]
