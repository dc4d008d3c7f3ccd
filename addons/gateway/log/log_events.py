"""mitmproxy's `add_log` events, made only while an addon listens to them.

mitmproxy formats each log record once more for this deprecated hook, and wakes its loop to ask every addon for it: more
than half of what a line in the log costs.
"""

from __future__ import annotations

import logging
from typing import Any

from mitmproxy import addonmanager

from addons.gateway.wire import compat


class LogEvents:
    """In the place of mitmproxy's own decision, which is always."""

    def __init__(self, master: Any) -> None:
        self._master = master
        self._able = compat.offers(compat.LOG_EVENTS)

    def follow(self) -> None:
        """See who listens; an addon may have come or gone."""
        chain = addonmanager.traverse(self._master.addons.chain)
        self._make(any(getattr(addon, "add_log", None) is not None for addon in chain))

    def uninstall(self) -> None:
        """Leave it to mitmproxy again."""
        self._make(True)
        self._able = False

    def _make(self, wanted: bool) -> None:
        if not self._able:
            return
        handler = self._master._legacy_log_events
        root = logging.getLogger()
        if wanted and handler not in root.handlers:
            root.addHandler(handler)
        elif not wanted:
            root.removeHandler(handler)
