"""Accounts that are set aside, known to all workers: one that Gemini refuses is asked again by one request of all.

A value holds how the account was set aside last, and when that was ended last (Unix seconds). It belongs to the label
and the credential: whoever replaces a refused key gives the account another chance.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial

from addons.gateway.accounts.account import Account, Aside, PoolNews
from addons.gateway.shared.board import Board
from addons.gateway.shared.hub import Hub
from addons.gateway.shared.uses.latest import latest
from addons.gateway.shared.vault import Vault
from mapping.values import JSON

KEPT_FOR = 86400.0
"""Seconds after an account was set aside, or asked, for which that is known."""


def share(hub: Hub, vault: Vault, news: PoolNews, accounts: Callable[[], Iterable[Account]]) -> None:
    """Share them from now on; before the hub starts. `accounts`: those of the settings, as they stand."""
    board = hub.board(Board("asides", merged, changed=partial(_changed, vault, accounts)))
    news.aside = partial(_tell, board, vault)


def merged(mine: JSON, theirs: JSON) -> JSON:
    """What comes of two: the latest refusal, unless it was ended since."""
    return latest("aside", "ended", mine, theirs)


def _field(vault: Vault, account: Account) -> str:
    return f"{account.label} {vault.digest('credential', account.credential.identity)[:8]}"


def _tell(board: Board, vault: Vault, account: Account) -> None:
    now = time.time()
    aside = account.aside
    if aside is None:
        value: JSON = {"aside": None, "ended": now, "until": now + KEPT_FOR}
    else:
        ahead = now - time.monotonic()
        told = {
            "reason": aside.reason,
            "began": aside.began + ahead,
            "ends": aside.until + ahead,
            "asked": aside.asked + ahead,
            "strikes": aside.strikes,
            "money": aside.money,
        }
        value = {"aside": told, "ended": 0.0, "until": now + KEPT_FOR}
    board.set(_field(vault, account), value)


def _changed(vault: Vault, accounts: Callable[[], Iterable[Account]], field: str, value: JSON) -> None:
    for account in accounts():
        if _field(vault, account) == field:
            account.aside = _aside(value)


def _aside(value: JSON) -> Aside | None:
    told = value["aside"]
    if told is None:
        return None
    behind = time.monotonic() - time.time()
    return Aside(
        told["reason"],
        told["began"] + behind,
        told["ends"] + behind,
        told["asked"] + behind,
        told["strikes"],
        told["money"],
    )
