"""`antigravity.explain`, `antigravity.export`, `antigravity.diff`: what is told of exchanges that are over."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import mitmproxy.types
from mitmproxy import command, exceptions
from mitmproxy.contentviews import Metadata
from mitmproxy.log import ALERT

from addons.gateway import views
from addons.gateway.commands.found import family, found, one_client, recorded, taken
from addons.gateway.commands.output import as_asked
from addons.gateway.record.flow_record import ATTEMPT, record_of

logger = logging.getLogger("antigravity")


class LookingCommands:
    """What is told of exchanges that are over."""

    @command.command("antigravity.explain")
    def explain(self, flows: str) -> Sequence[str]:
        """
        What became of an exchange: its attempts, and what the translation did to each field.
        """
        client = one_client(found(flows))
        shown = [
            ("ATTEMPTS", views.ATTEMPTS, client.request),
            ("THE REQUEST", views.TRANSLATION, client.request),
            ("THE ANSWER", views.TRANSLATION, client.response),
        ]
        lines = []
        for title, view, message in shown:
            text = view.prettify(b"", Metadata(flow=client, http_message=message)) if message else "There is none."
            lines += [title, *text.splitlines(), ""]
        return lines[:-1]

    @command.command("antigravity.export")
    def export(self, flows: str, folder: mitmproxy.types.Path, mask: bool = False) -> None:
        """
        Write an exchange into a folder, as a case that can be run again offline. It holds no credential; with mask
        "true" the texts of the messages are masked too.
        """
        from addons.gateway.cases import export as cases  # takes its time to load, and is needed here only

        try:
            case = cases.export(family(found(flows)), Path(folder), mask=mask)
        except cases.CaseError as e:
            raise exceptions.CommandError(str(e)) from None
        logger.log(ALERT, f"Exported to {case}.")

    @command.command("antigravity.diff")
    def diff(self, before: str, after: str, as_json: bool = False) -> Sequence[str]:
        """
        Two exchanges side by side, both sides of each: requests, tools, answers, times, tokens. Of two flows of
        attempts, these two attempts. With as_json "true" as JSON.
        """
        from addons.gateway.cases import compare, exchanges

        pairs = [recorded(found(spec)) for spec in (before, after)]
        if all(len(flows) == 1 and record_of(flows[0]).get("side") == ATTEMPT for flows in pairs):
            compared = compare.attempts(*(exchanges.of_attempt(flows[0]) for flows in pairs))
        else:
            compared = compare.exchanges(*map(taken, pairs))
        return as_asked(compared.plain(), compared.lines(), as_json)
