"""The demo upstream of a soak run, with short quotas: it notes who asked for the model that is always out of quota.

From the notes it is seen whether an account was asked while it was cooling (`while_cooling`).
"""

import argparse
import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple, TextIO
from urllib.parse import unquote

if not __package__:  # run as a file
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from addons.demo import faults, kinds
from addons.demo.server import DemoRequest, start

QUOTA = 4.0
"""Seconds for which a key is refused. Each request for `NOTED` is, and begins them anew."""
NOTED = "demo-429-all"
GAP = 1.0
"""Seconds within which all workers know that an account is cooling; what was sent before that is on its way."""
EARLY = 0.1
"""Seconds by which a quota may be over sooner than it is here: clocks, and the answer's way."""


class Refused(NamedTuple):
    """A request that was refused: when (`time.monotonic`, which all processes share), and with which key."""

    at: float
    key: str


class Excuse(NamedTuple):
    """A time in which workers can't know what others know, and how many of them may err then, each once."""

    begin: float
    end: float
    workers: int


class Cooling(NamedTuple):
    """What the notes say."""

    rounds: int
    """How often an account began to cool."""
    excused: int
    """How often one was asked while cooling, by a worker that could not know."""
    wrong: int
    """And by one that could."""


def while_cooling(
    asked: Sequence[Refused], excuses: Sequence[Excuse], *, quota: float = QUOTA, gap: float = GAP
) -> Cooling:
    """How often a key was asked more than `gap` after it had been refused, and before its quota was back.

    In a cooldown that meets excuses, as many may do so as they say. What comes within `gap` of another is one with it:
    a worker may have sent several requests before the first was answered.
    """
    rounds = excused = wrong = 0
    for key in dict.fromkeys(one.key for one in asked):
        begun = last = float("-inf")
        left = 0
        for at in sorted(one.at for one in asked if one.key == key):
            if at >= begun + quota - EARLY:
                rounds += 1
                begun = last = at
                left = _allowed(excuses, begun, begun + quota)
            elif at > last + gap:
                last = at
                if left > 0:
                    left, excused = left - 1, excused + 1
                else:
                    wrong += 1
    return Cooling(rounds, excused, wrong)


def _allowed(excuses: Sequence[Excuse], begin: float, end: float) -> int:
    return sum(one.workers for one in excuses if one.begin <= end and one.end >= begin)


def read_notes(path: str) -> list[Refused]:
    """What was noted."""
    with open(path, encoding="utf-8") as file:
        return [Refused(float(at), key) for at, key in (line.split() for line in file)]


class _Notes:
    """In place of the demo's list of requests: a line for each that counts."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def append(self, request: DemoRequest) -> None:
        target = kinds.target(unquote(request.path))
        if target and target.method != "countTokens" and target.named(request.body) == NOTED:
            key = request.headers.get("x-goog-api-key", "?")
            self._file.write(f"{time.monotonic():.3f} {key}\n")
            self._file.flush()


async def _run(notes: _Notes, pause: float) -> None:
    demo = await start(0, pause=pause)
    demo.requests = notes  # type: ignore[assignment] # it is only appended to
    print(f"The demo upstream listens on {demo.url}", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await demo.stop()


def main() -> None:
    """Serve until a signal."""
    parser = argparse.ArgumentParser(description="A demo upstream that notes who is asked while cooling.")
    parser.add_argument("--notes", required=True, metavar="FILE")
    parser.add_argument("--pause", type=float, default=0.002, metavar="SECONDS")
    options = parser.parse_args()
    faults.QUOTA_SECONDS = QUOTA
    with open(options.notes, "w", encoding="utf-8") as file, contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(_Notes(file), options.pause))


if __name__ == "__main__":
    main()
