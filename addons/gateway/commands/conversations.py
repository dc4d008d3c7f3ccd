"""`antigravity.conversation`, `antigravity.cache`: what is told of all exchanges of one session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mitmproxy import command, exceptions

from addons.gateway.commands.found import all_flows, found, one_client
from addons.gateway.commands.output import as_asked
from addons.gateway.record.flow_record import record_of


class ConversationCommands:
    """What is told of all exchanges of one session."""

    @command.command("antigravity.conversation")
    def conversation(self, flows: str, as_json: bool = False) -> Sequence[str]:
        """
        All turns of a conversation: what was said, which tools were called, tokens and costs. It takes the id of the
        conversation (six letters in the comments), or any flow of it. With as_json "true" as JSON.
        """
        from addons.gateway.conversations.view import told_conversation

        return _told(flows, told_conversation, as_json)

    @command.command("antigravity.cache")
    def cache(self, flows: str, as_json: bool = False) -> Sequence[str]:
        """
        Why the prompt cache had no more of the turns of a conversation: what each has in common with the turn before,
        and what broke it. It takes what antigravity.conversation takes.
        """
        from addons.gateway.conversations.prompts import told_cache

        return _told(flows, told_cache, as_json)


def _told(spec: str, tell: Callable[[str, Sequence[Any]], tuple[Any, list[str]]], as_json: bool) -> Sequence[str]:
    """What is to be told of the conversation that a person means. Raises CommandError."""
    from addons.gateway.cases import exchanges
    from addons.gateway.cases.export import by_exchange
    from addons.gateway.cases.files import CaseError
    from addons.gateway.conversations import finding

    known = by_exchange(all_flows())
    ids = {record_of(flow).get("conversation") for flows in known.values() for flow in flows}
    meant = spec.strip()
    if meant not in ids:
        client = record_of(one_client(found(spec)))
        meant = client.get("conversation") or str(client.get("id"))
    if meant in ids:  # the others need not be read
        known = {id: all for id, all in known.items() if any(record_of(f).get("conversation") == meant for f in all)}
    sorted_out = finding.by_conversation(exchanges.from_flows(flows) for flows in known.values())
    try:
        [(id, taken)] = finding.chosen(sorted_out, meant).items()
    except (CaseError, ValueError):
        raise exceptions.CommandError("This exchange is no turn of a conversation.") from None
    plain, lines = tell(id, taken)
    return as_asked(plain, lines, as_json)
