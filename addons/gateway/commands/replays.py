"""`antigravity.replay`: an exchange once more, as it was, with another model, on another account, or from Gemini on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mitmproxy import command, exceptions

from addons.gateway.commands.accounts import ACCOUNT, account_of
from addons.gateway.commands.found import attempts, clients, found, one_client, recorded
from addons.gateway.record.again import copied, replace_model, start
from mapping.faults import Fault

if TYPE_CHECKING:
    from addons.gateway.gateway import Gateway

REPLAY_SEVERAL = ' To replay them all, say "true" after the flows.'


class ReplayCommands:
    """Exchanges asked for again. The originals stay as they are."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    @command.command("antigravity.replay")
    def replay(self, flows: str, several: bool = False) -> None:
        """
        Send a client's request again, as it stands now; with several "true" those of all exchanges that the flows are
        of. The originals stay as they are.
        """
        meant = found(flows)
        start([copied(client) for client in (clients(meant) if several else [one_client(meant, REPLAY_SEVERAL)])])

    @command.command("antigravity.replay.upstream")
    def replay_upstream(self, flows: str, several: bool = False) -> None:
        """
        Ask Gemini again, with an attempt's request as it stands now and on the same account; of a client's request:
        with its last attempt. With several "true" all attempts that are meant. The originals stay as they are.
        """
        meant = found(flows)
        calls = attempts(recorded(meant))
        if len(calls) > 1 and not several:
            raise exceptions.CommandError(f"This would ask Gemini {len(calls)} times.{REPLAY_SEVERAL}")
        start([copied(attempt) for attempt in calls])

    @command.command("antigravity.replay.model")
    def replay_model(self, flows: str, model: str) -> None:
        """
        Send a client's request again as if it had named another model. The original stays as it is.
        """
        made = copied(one_client(found(flows)))
        try:
            replace_model(made.request, model)
        except Fault as e:
            raise exceptions.CommandError(e.message) from None
        start([made])

    @command.command("antigravity.replay.account")
    @command.argument("account", type=ACCOUNT)
    def replay_account(self, flows: str, account: str) -> None:
        """
        Send a client's request again on this account only, even if it rests. The original stays as it is.
        """
        made = copied(one_client(found(flows)))
        self._gateway.replays.pin(made, account_of(self._gateway, account).label)
        start([made])
