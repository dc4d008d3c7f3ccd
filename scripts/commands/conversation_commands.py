"""What scripts/cases.py does with conversations: all turns of one, and why its prompts were not cached."""

from __future__ import annotations

import os

from addons.gateway.conversations import finding
from addons.gateway.conversations.prompts import told_cache
from addons.gateway.conversations.view import told_conversation
from scripts.commands.exchange_commands import MARK, say_each, taken_of


def tell(what: str, name: str, spec: str, *, as_json: bool) -> int:
    """Print what there is to say of conversations: `what` is one of `TOLD`. Raises CaseError.

    `name`: what has the exchanges. `spec`: which conversation, see `finding.chosen`.
    """
    if MARK in name and not os.path.exists(name):
        name, _, spec = name.rpartition(MARK)
    found = finding.chosen(finding.by_conversation(taken_of(name)), spec)
    say_each((TOLD[what](id, taken) for id, taken in found.items()), as_json=as_json)
    return 0


TOLD = {"conversation": told_conversation, "cache": told_cache}
"""What can be told of a conversation, as JSON and as lines."""
