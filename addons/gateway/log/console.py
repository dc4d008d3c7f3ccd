"""mitmproxy's console: what mitmdump says at the start, and what mitmweb's list shows, where the console has a place.

Its list has no column for comments, so each row that has one gets a second line. That is drawn in mitmproxy's own
`FlowItem.get_text`; where a version of mitmproxy has no such thing, its list stays as it is.
"""

from __future__ import annotations

import logging
from typing import Any

from mitmproxy import ctx

from mapping.inspect.printable import one_line

logger = logging.getLogger("antigravity")


STAYS = 3600
"""Seconds for which the greeting stays at the bottom; what is shown there later takes its place."""


def greet(banner: str, base_url: str, *, demo: bool) -> None:
    """The banner goes into the event log, and what matters of it at the bottom, until something else is shown there."""
    from mitmproxy.tools.console import signals  # nobody else needs the console

    for line in banner.splitlines():
        if line.strip():
            logger.info(line)
    what = "DEMO (made-up answers)" if demo else "Gateway"
    signals.status_message.send(message=f"{what} at {base_url} · more in the event log (E)", expire=STAYS)


def show_comments() -> None:
    """Have the list show the comments of flows, each on a line of its own."""
    if type(ctx.master).__name__ != "ConsoleMaster":
        return
    from mitmproxy.tools.console import flowlist

    item: Any = getattr(flowlist, "FlowItem", None)
    draw = getattr(item, "get_text", None)
    if draw is None or getattr(draw, "with_comment", False):
        return

    def get_text(self: Any) -> Any:
        drawn = draw(self)
        try:
            return _with_comment(drawn, self.flow.comment)
        except Exception:  # of another version of mitmproxy, or of urwid
            return drawn

    get_text.with_comment = True  # type: ignore[attr-defined]
    item.get_text = get_text


def _with_comment(row: Any, comment: str) -> Any:
    """A row of the list, and its comment below it."""
    if not comment:
        return row
    import urwid

    below = urwid.Text(("text", "       " + one_line(comment)), wrap="ellipsis")
    return urwid.Pile([row, below])
