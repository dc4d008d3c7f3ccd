"""One run of the client's command, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scripts.drilling.watch import SeenRequest


@dataclass(slots=True)
class DrillRun:
    """What came of one run."""

    status: int | None
    """The exit status; negative: the signal that ended it; None: it hung, and was killed."""
    output: str
    errors: str
    """Standard output and standard error."""
    seconds: float
    requests: list[SeenRequest] = field(default_factory=list)
    began: float = 0.0
    """Of `time.monotonic`."""
    met: list[str] = field(default_factory=list)
    """What the gateway did on demand."""
    broken: list[str] = field(default_factory=list)
    """The ids of tool calls that it broke, or how they begin."""


def environment(environ: Mapping[str, str], root: str, key: str) -> dict[str, str]:
    """Where SDKs and tools find the gateway. `root`: its address without `/v1`."""
    unset = ("ANTHROPIC_API_KEY", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy")
    return {name: value for name, value in environ.items() if name not in unset} | {
        "OPENAI_BASE_URL": f"{root}/v1",
        "OPENAI_API_KEY": key,
        "ANTHROPIC_BASE_URL": root,
        "ANTHROPIC_AUTH_TOKEN": key,
        "GOOGLE_GEMINI_BASE_URL": root,
        "GEMINI_API_KEY": key,
        "GATEWAY_KEY": key,
    }


def arguments(command: Sequence[str], root: str, model: str) -> list[str]:
    """The command with its placeholders filled in: `{url}` (with `/v1`), `{root}`, `{model}`."""
    filled = {"{url}": f"{root}/v1", "{root}": root, "{model}": model}
    made = []
    for word in command:
        for name, value in filled.items():
            word = word.replace(name, value)
        made.append(word)
    return made


async def run(command: Sequence[str], environ: Mapping[str, str], patience: float) -> DrillRun:
    """Run it, for so many seconds at most. Raises OSError where it can't be started."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(environ),
        start_new_session=os.name == "posix",
    )
    output, errors = asyncio.ensure_future(_read(process.stdout)), asyncio.ensure_future(_read(process.stderr))
    hung = False
    try:
        await asyncio.wait_for(asyncio.gather(process.wait(), output, errors), patience)
    except TimeoutError:
        hung = True
    finally:
        _kill(process)  # and what it has left running
        await process.wait()
    told = [task.result() if task.done() and not task.cancelled() else b"" for task in (output, errors)]
    status = None if hung else process.returncode
    out, err = (text.decode("utf-8", "replace") for text in told)
    return DrillRun(status, out, err, time.monotonic() - began, began=began)


async def _read(stream: asyncio.StreamReader | None) -> bytes:
    assert stream is not None
    return await stream.read()


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        elif process.returncode is None:
            process.kill()
