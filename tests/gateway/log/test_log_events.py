"""Who hears of log lines by mitmproxy's deprecated hook."""

from __future__ import annotations

import logging
from typing import Any

from addons.gateway.log.log_events import LogEvents


class Heard:
    def add_log(self, entry: Any) -> None: ...


class Manager:
    def __init__(self) -> None:
        self.chain: list[Any] = []


class Master:
    def __init__(self) -> None:
        self.addons = Manager()
        self._legacy_log_events = logging.NullHandler()
        logging.getLogger().addHandler(self._legacy_log_events)

    @property
    def makes_events(self) -> bool:
        return self._legacy_log_events in logging.getLogger().handlers


def test_events_are_made_while_somebody_listens() -> None:
    master = Master()
    events = LogEvents(master)
    try:
        events.follow()
        assert not master.makes_events
        master.addons.chain.append(Heard())
        for _ in range(2):
            events.follow()
            assert master.makes_events
        assert logging.getLogger().handlers.count(master._legacy_log_events) == 1
        master.addons.chain.clear()
        events.follow()
        assert not master.makes_events
        events.uninstall()
        assert master.makes_events
    finally:
        logging.getLogger().removeHandler(master._legacy_log_events)
