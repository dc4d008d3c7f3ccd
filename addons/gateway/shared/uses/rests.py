"""Cooldowns, known to all workers: two that meet the same 429 cool the account once.

A value holds the latest rest of an account for a model, and when the account served last after one (Unix seconds). Of
two rests the later one holds, and there is one strike: whoever had known of the other would not have struck again.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from addons.gateway.accounts.cooldowns import MAX_RESTS, Cooldowns, Rest, cause_of
from addons.gateway.shared.board import Board
from addons.gateway.shared.hub import Hub
from addons.gateway.shared.uses.latest import latest
from addons.gateway.storage.state import STRIKES_COUNT_FOR
from mapping import jsonio
from mapping.values import JSON


def share(hub: Hub, cooldowns: Cooldowns) -> None:
    """Share them from now on; before the hub starts."""
    board = hub.board(Board("rests", merged, changed=partial(_changed, cooldowns), most=MAX_RESTS))
    cooldowns.tell = partial(_tell, board)
    for (account, model), rest in cooldowns.rests().items():
        _tell(board, account, model, rest)


def merged(mine: JSON, theirs: JSON) -> JSON:
    """See the module."""
    return latest("rest", "served", mine, theirs)


def _tell(board: Board, account: str, model: str, rest: Rest | None) -> None:
    """An account rests for a model, or has served since (None)."""
    now = time.time()
    if rest is None:
        value: JSON = {"rest": None, "served": now, "until": now + STRIKES_COUNT_FOR}
    else:
        ahead = now - time.monotonic()
        told = {
            "began": rest.began + ahead,
            "ends": rest.until + ahead,
            "reason": rest.reason,
            "strikes": rest.strikes,
            "told": rest.told,
            "cause": rest.cause.value,
            "said": rest.said,
        }
        value = {"rest": told, "served": 0.0, "until": rest.until + ahead + STRIKES_COUNT_FOR}
    board.set(jsonio.dumps([account, model]).decode(), value)


def _changed(cooldowns: Cooldowns, field: str, value: JSON) -> None:
    account, model = jsonio.loads(field)
    told: Any = value["rest"]
    if told is None:
        cooldowns.take(account, model, None)
        return
    behind = time.monotonic() - time.time()
    rest = Rest(
        told["began"] + behind,
        told["ends"] + behind,
        told["reason"],
        told["strikes"],
        told["told"],
        cause_of(told["cause"]),
        told["said"],
    )
    cooldowns.take(account, model, rest)
