"""`antigravity.accounts`, `antigravity.cool`, `antigravity.release`: the accounts, and their cooldowns."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import mitmproxy.types
from mitmproxy import command, exceptions
from mitmproxy.log import ALERT

from addons.gateway.accounts.account import Account
from addons.gateway.accounts.cooldowns import ALL_MODELS

if TYPE_CHECKING:
    from addons.gateway.gateway import Gateway

logger = logging.getLogger("antigravity")

ACCOUNT = mitmproxy.types.Choice("antigravity.accounts.labels")


class AccountCommands:
    """The accounts, and their cooldowns."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    @command.command("antigravity.accounts")
    def accounts(self) -> Sequence[str]:
        """
        The accounts: label, upstream, and whether each is ready, cools down for a model, or is set aside and why.
        """
        return [self._line(account) for account in self._gateway.pool.accounts]

    @command.command("antigravity.accounts.labels")
    def labels(self) -> Sequence[str]:
        """
        The labels of the accounts, for completion.
        """
        return [account.label for account in self._gateway.pool.accounts]

    @command.command("antigravity.cool")
    @command.argument("account", type=ACCOUNT)
    def cool(self, account: str, seconds: int, model: str = "") -> None:
        """
        Let an account rest for so many seconds: for one Gemini model, or for all when none is named.
        """
        if seconds <= 0:
            raise exceptions.CommandError("The seconds have to be more than 0; antigravity.release ends a rest.")
        if not self._gateway.settings.retry.cooldown:
            raise exceptions.CommandError("No account ever rests: retry.cooldown is false in the settings.")
        rested = account_of(self._gateway, account)
        self._gateway.pool.hold(rested, model, seconds)
        logger.log(ALERT, self._line(rested))

    @command.command("antigravity.release")
    @command.argument("account", type=ACCOUNT)
    def release(self, account: str) -> None:
        """
        Use an account again: ends its cooldowns, and gives it another chance if it was set aside.
        """
        released = account_of(self._gateway, account)
        self._gateway.pool.release(released)
        if released.unusable:
            raise exceptions.CommandError(f"{account} still can't be used: {released.unusable}")
        logger.log(ALERT, self._line(released))

    def _line(self, account: Account) -> str:
        """An account's label, upstream and state."""
        rests = [(model, left) for label, model, left in self._gateway.pool.all_resting() if label == account.label]
        state = "ready"
        if account.unusable:
            state = f"set aside: {account.unusable}"
        elif rests:
            state = "cooling for " + ", ".join(f"{_model(model)} {math.ceil(left)} s" for model, left in rests)
        return f"{account.label} · {account.upstream} · {state}"


def account_of(gateway: Gateway, label: str) -> Account:
    """The account of a label. Raises CommandError."""
    for account in gateway.pool.accounts:
        if account.label == label:
            return account
    raise exceptions.CommandError(f"There is no account {label}.")


def _model(name: str) -> str:
    return "all models" if name == ALL_MODELS else name
