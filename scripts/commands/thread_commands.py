"""What scripts/cases.py does with conversations: all turns of one, and why its prompts were not cached."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from addons.gateway.cases.exchanges import TakenExchange
from addons.gateway.conversations import finding, view
from addons.gateway.conversations.prompts import told_cache
from addons.gateway.log.terminal import say, takes_all
from mapping.inspect.printable import json_text
from mapping.values import JSON
from scripts.commands.exchange_commands import MARK, taken_of


def tell(what: str, name: str, spec: str, *, as_json: bool) -> int:
    """Print what there is to say of conversations: `what` is one of `TOLD`. Raises CaseError.

    `name`: what has the exchanges. `spec`: which conversation, see `finding.chosen`.
    """
    if MARK in name and not os.path.exists(name):
        name, _, spec = name.rpartition(MARK)
    found = finding.chosen(finding.by_conversation(taken_of(name)), spec)
    for number, (id, taken) in enumerate(found.items()):
        plain, lines = TOLD[what](id, taken)
        if as_json:
            say(json_text(json.dumps(plain, ensure_ascii=False), ascii_only=not takes_all()))
        else:
            say("\n".join(lines if not number else ["", *lines]))
    return 0


def _conversation(id: str, taken: Sequence[TakenExchange]) -> tuple[JSON, list[str]]:
    made = view.conversation(id, taken)
    return made.plain(), made.lines()


TOLD = {"conversation": _conversation, "cache": told_cache}
"""What can be told of a conversation, as JSON and as lines."""
