"""How long tests wait for what has to come. A busy machine may take its time; only a failure takes all of it."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds."""
FOR_AN_AGENT = 5 * PATIENCE
"""Seconds for a run of Codex, Claude Code and their like. Only one that hangs takes them."""


def wait_until(condition: Callable[[], bool]) -> None:
    """Look until something is so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.01)
