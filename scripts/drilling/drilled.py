"""A drill from its beginning to its end."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import sys
from collections.abc import Mapping, Sequence

from scripts import bootstrap
from scripts.drilling import runs, table
from scripts.drilling.faults import Drilled, chosen
from scripts.drilling.gateway import DrillGateway
from scripts.drilling.runs import DrillRun
from scripts.drilling.verdict import DrillVerdict, judge
from scripts.drilling.watch import Watch

BASELINES = 2
"""Runs without a fault: what only one of them prints is no text of the answer."""


class Drill:
    """Runs the client again and again."""

    def __init__(
        self, gateway: DrillGateway, watch: Watch, command: Sequence[str], environ: Mapping[str, str], patience: float
    ) -> None:
        self._gateway = gateway
        self._watch = watch
        self._command = command
        self._environ = environ
        self._patience = patience

    async def baselines(self) -> list[DrillRun]:
        """The runs without a fault. Raises SetupError for a client that fails by itself."""
        made = []
        for _ in range(BASELINES):
            run = await self.once("")
            if run.status != 0:
                end = "hung" if run.status is None else f"ended with status {run.status}"
                raise bootstrap.SetupError(
                    f"Without any fault the client {end}; a drill has nothing to compare with.\n{run.errors[-2000:]}"
                )
            if not run.requests:
                raise bootstrap.SetupError(
                    "The client has asked the gateway for nothing. Where does it get its address from? {url} in its "
                    "arguments stands for it, and OPENAI_BASE_URL, ANTHROPIC_BASE_URL, GOOGLE_GEMINI_BASE_URL are set."
                )
            made.append(run)
        return made

    async def row(self, drilled: Drilled, baselines: Sequence[DrillRun]) -> DrillVerdict:
        """One row of the table."""
        return judge(drilled, await self.once(drilled.header(secrets.token_hex(3))), baselines)

    async def once(self, header: str) -> DrillRun:
        """One run of the client."""
        self._watch.begin(header)
        run = await runs.run(self._command, self._environ, self._patience)
        seen = [one for one in self._watch.seen if one.method == "POST"]
        run.requests = seen
        if header:
            run.met, run.broken = await asyncio.to_thread(self._gateway.told, [one.id for one in seen])
        return run


async def drill(options: argparse.Namespace, command: Sequence[str]) -> int:
    """Run a drill and print what came of it; the exit status. Raises SetupError."""
    for word in options.only:
        if not chosen([word], later=True):
            known = ", ".join(dict.fromkeys(one.fault for one in chosen((), later=True)))
            raise bootstrap.SetupError(f"--only {word}: no fault has this in it. There are: {known}.")
    if options.url:
        gateway = await DrillGateway.running(options.url, options.key)
    else:
        gateway = await DrillGateway.start(options.port)
    watch = Watch(gateway.place, options.endpoint, options.model or "*", options.key)
    try:
        root = await watch.start()
        words = runs.arguments(command, root, options.model or "")
        environ = runs.environment(os.environ, root, options.key or "any")
        made = Drill(gateway, watch, words, environ, options.timeout)
        try:
            baselines = await made.baselines()
        except OSError as e:
            raise bootstrap.SetupError(f"{words[0]} can't be started: {e.strerror or e}") from None
        rows = chosen(options.only, later=min(len(run.requests) for run in baselines) > 1)
        if not rows:
            raise bootstrap.SetupError("--only names faults of a second request, and the client makes one alone.")
        verdicts = []
        for number, one in enumerate(rows, 1):
            if sys.stderr.isatty():
                print(f"\r{number}/{len(rows)} {one.name:<40}", end="", file=sys.stderr, flush=True)
            verdicts.append(await made.row(one, baselines))
        if sys.stderr.isatty():
            print(f"\r{'':<50}\r", end="", file=sys.stderr, flush=True)
    finally:
        await watch.stop()
        await gateway.stop()
    if options.json:
        print(json.dumps({"rows": [one.plain() for one in verdicts], "summary": table.summed_up(verdicts)}, indent=2))
    else:
        print("\n".join(table.lines(verdicts)))
    return 1 if any(one.bad for one in verdicts) else 0
