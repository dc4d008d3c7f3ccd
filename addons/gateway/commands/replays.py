"""`antigravity.replay`: an exchange once more, as it was, with another model, on another account, or from Gemini on."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from mitmproxy import command, ctx, exceptions, http
from mitmproxy.log import ALERT

from addons.gateway.commands.accounts import ACCOUNT, account_of
from addons.gateway.commands.found import attempts, clients, found, one_client, recorded
from addons.gateway.record.flow_record import KEY, REPLAY_OF, record_of
from addons.gateway.wire.bodies import received
from mapping import jsonio
from mapping.dialect import json_object
from mapping.faults import Fault

if TYPE_CHECKING:
    from addons.gateway.gateway import Gateway

logger = logging.getLogger("antigravity")

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
        start(
            [
                copied_for_replay(client)
                for client in (clients(meant) if several else [one_client(meant, REPLAY_SEVERAL)])
            ]
        )

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
        start([copied_for_replay(attempt) for attempt in calls])

    @command.command("antigravity.replay.model")
    def replay_model(self, flows: str, model: str) -> None:
        """
        Send a client's request again as if it had named another model. The original stays as it is.
        """
        made = copied_for_replay(one_client(found(flows)))
        try:
            body = json_object(received(made.request).body)
        except Fault as e:
            raise exceptions.CommandError(e.message) from None
        if "model" not in body:
            raise exceptions.CommandError("This request names no model.")
        made.request.headers.pop("content-encoding", None)
        made.request.content = jsonio.dumps({**body, "model": model})
        start([made])

    @command.command("antigravity.replay.account")
    @command.argument("account", type=ACCOUNT)
    def replay_account(self, flows: str, account: str) -> None:
        """
        Send a client's request again on this account only, even if it rests. The original stays as it is.
        """
        made = copied_for_replay(one_client(found(flows)))
        self._gateway.replays.pin(made, account_of(self._gateway, account).label)
        start([made])


def copied_for_replay(original: http.HTTPFlow) -> http.HTTPFlow:
    """A flow with the same request, to be replayed."""
    record = record_of(original)
    id = record.get("id") or record.get(REPLAY_OF)
    made = http.HTTPFlow(original.client_conn, original.server_conn)
    made.request = original.request.copy()
    made.request.timestamp_start = made.request.timestamp_end = time.time()
    made.metadata[KEY] = {"side": record["side"], "account": record.get("account"), REPLAY_OF: id}
    made.comment = f"replay of [{id}]"
    return made


def start(copies: list[http.HTTPFlow]) -> None:
    """Show the copies, and have mitmproxy replay them."""
    if view := ctx.master.addons.get("view"):
        view.add(copies)
    ctx.master.commands.call("replay.client", copies)
    logger.log(ALERT, f"Replaying {len(copies)} request{'s' if len(copies) != 1 else ''}.")
