"""`antigravity.timeline`: where the time of an exchange went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mitmproxy import command

from addons.gateway.commands.found import family, found
from mapping import jsonio

if TYPE_CHECKING:
    from addons.gateway.cases.exchanges import TakenExchange


class TimingCommands:
    """Where the time of an exchange went."""

    @command.command("antigravity.timeline")
    def timeline(self, flows: str, as_json: bool = False) -> Sequence[str]:
        """
        Where the time of an exchange went: waiting, each attempt, the first byte, thinking, text, tools, and where
        nothing came for a while. With as_json "true" as JSON.
        """
        from addons.gateway.timing import drawing, phases

        made = phases.timeline(_taken(flows))
        return [jsonio.dumps(made.plain()).decode()] if as_json else drawing.lines(made)


def _taken(spec: str) -> TakenExchange:
    """The one exchange that a person means. Raises CommandError."""
    from addons.gateway.cases import exchanges  # takes its time to load

    return exchanges.from_flows(family(found(spec)))
