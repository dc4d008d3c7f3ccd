"""`antigravity.costs`: what exchanges have cost."""

from __future__ import annotations

from collections.abc import Sequence

from mitmproxy import command, http

from addons.gateway.commands.found import all_flows, found
from addons.gateway.commands.output import as_asked
from addons.gateway.record.flow_record import record_of


class CostCommands:
    """What exchanges have cost."""

    @command.command("antigravity.costs")
    def costs(self, flows: str = "@all", as_json: bool = False) -> Sequence[str]:
        """
        What exchanges have cost together: by model, account, day and conversation, and why costs are unknown. Of all
        that are in the list, or of those that are named. With as_json "true" as JSON.
        """
        from addons.gateway.cases.export import by_exchange  # takes its time to load, as the following
        from addons.gateway.costs import report

        wanted = {record_of(one).get("id") for one in found(flows) if isinstance(one, http.HTTPFlow)}
        known = by_exchange(all_flows())
        made = report.report(report.taken(all) for id, all in known.items() if id in wanted)
        return as_asked(made.plain(), made.lines(), as_json)
