"""Ports for what tests start."""

from __future__ import annotations

import random
import socket

FIRST, AFTER = 20_000, 32_000
"""Below those that a system gives to whoever wants any, so that nobody gets the port before what it is for has it."""
ANY = random.SystemRandom()
"""Not that of `random`, which Hypothesis sets back."""


def free_port() -> int:
    """One that nobody has."""
    while True:
        port = ANY.randrange(FIRST, AFTER)
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
