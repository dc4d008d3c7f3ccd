"""Claude Code as the tests run it: with a home and a working folder of its own, talking to nobody but a gateway."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitmproxy import http, io

from tests.e2e import message_checks
from tests.e2e.answer_checks import Wire
from tests.e2e.messages.sdk import root
from tests.patience import FOR_AN_AGENT

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway

PROGRAM = Path(__file__).parents[1] / "claude" / "node_modules" / "@anthropic-ai" / "claude-code" / "cli-wrapper.cjs"
KEY = "sk-claude-key"
MODEL = "gemini-3.1-pro-preview"
TOOLS = ("Bash", "Read", "Edit", "Write", "WebSearch", "Agent", "ToolSearch")
"""What it may use without asking. As root it takes no switch that allows everything."""


@dataclass
class Run:
    """What a run of `claude -p --output-format stream-json` printed."""

    status: int
    events: list[dict[str, Any]]
    log: str

    @property
    def last(self) -> dict[str, Any]:
        """The event that ends it."""
        assert self.events, self.log
        last = self.events[-1]
        assert last["type"] == "result", (self.events, self.log)
        return last

    @property
    def answer(self) -> str:
        """The final text of a run that went well."""
        assert self.status == 0, (self.events, self.log)
        assert not self.last["is_error"], self.last
        return str(self.last["result"])

    @property
    def error(self) -> str:
        """The text of a run that failed."""
        assert self.status == 1, (self.events, self.log)
        assert self.last["is_error"], self.last
        return str(self.last["result"])

    @property
    def session(self) -> str:
        return str(self.events[0]["session_id"])

    def blocks(self, kind: str) -> list[dict[str, Any]]:
        """The blocks of this kind in all messages, those of helpers too, in order."""
        messages = [event["message"] for event in self.events if event["type"] in ("assistant", "user")]
        return [
            block
            for message in messages
            if isinstance(message["content"], list)
            for block in message["content"]
            if block["type"] == kind
        ]

    @property
    def calls(self) -> list[str]:
        """The names of the tools that it called."""
        return [block["name"] for block in self.blocks("tool_use")]

    @property
    def results(self) -> list[Any]:
        """The contents of their results, in order."""
        return [block["content"] for block in self.blocks("tool_result")]


@dataclass
class Claude:
    """Runs it. `work` is its working folder."""

    home: Path
    work: Path

    def execute(
        self, gateway: Gateway, *arguments: str, environ: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return self._start(self.command(*arguments), self.environ(gateway) | (environ or {}))

    def sh(self, script: str) -> subprocess.CompletedProcess[str]:
        """What a person has typed; it is found as `claude`."""
        program = self.home / "claude"
        program.write_text(f'#!/bin/sh\nexec node {shlex.quote(str(PROGRAM))} "$@"\n')
        program.chmod(0o755)
        return self._start(["sh", "-euc", script], self.environ() | {"PATH": f"{self.home}:{os.environ['PATH']}"})

    def command(self, *arguments: str) -> list[str]:
        return ["node", str(PROGRAM), *arguments]

    def environ(self, gateway: Gateway | None = None) -> dict[str, str]:
        """The environment in which it runs, and finds the gateway."""
        nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
        here = {
            "HOME": str(self.home),
            "CLAUDE_CONFIG_DIR": str(self.home / ".claude"),
            "CLAUDE_CODE_TMPDIR": str(self.home),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "NO_PROXY": "127.0.0.1",
        }
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "SYSTEMROOT")}
        there = {"ANTHROPIC_BASE_URL": root(gateway), "ANTHROPIC_AUTH_TOKEN": KEY} if gateway else {}
        return {**kept, **nowhere, **here, **there}

    def _start(self, command: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.work,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FOR_AN_AGENT,
        )

    def run(
        self, gateway: Gateway, prompt: str, *options: str, model: str = MODEL, environ: dict[str, str] | None = None
    ) -> Run:
        """A turn of a new session, or with `--continue` of the last one."""
        always = ["--output-format", "stream-json", "--verbose", "--model", model, "--allowedTools", ",".join(TOOLS)]
        done = self.execute(gateway, "-p", prompt, *always, *options, environ=environ)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        return Run(done.returncode, events, done.stderr)


def call(name: str, **args: Any) -> str:
    """The line of a prompt that makes the demo call a tool."""
    return f"call {name} {json.dumps(args)}"


def saved(gateway: Gateway) -> list[http.HTTPFlow]:
    """The flows of a gateway that was started with `-w saved.flow`, by their start. Stops it."""
    gateway.stop()
    with (gateway.folder / "saved.flow").open("rb") as file:
        flows = [flow for flow in io.FlowReader(file).stream() if isinstance(flow, http.HTTPFlow)]
    return sorted(flows, key=lambda flow: flow.request.timestamp_start)


def check_saved(flows: list[http.HTTPFlow]) -> None:
    """All that Claude Code was answered is what Anthropic would answer."""
    wire = Wire(message_checks.check_answer)
    for flow in flows:
        path = flow.request.path.partition("?")[0]
        if path.startswith("/v1/messages") and flow.response:
            headers = flow.response.headers
            wire.take(path, flow.response.status_code, headers["content-type"], flow.response.content or b"")
    wire.verify()
