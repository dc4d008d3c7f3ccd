"""Claude Code as it is used beside `claude -p`: with an MCP server, in plan mode and auto mode, in a terminal, by a
program that feeds it turn by turn.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from addons.demo.answer import media
from addons.gateway.status import shell_lines
from tests.e2e.conftest import TWO_ACCOUNTS
from tests.e2e.messages import mcp_server
from tests.e2e.messages.claude import MODEL, Claude, call, check_saved, saved
from tests.e2e.messages.sdk import root
from tests.e2e.messages.terminal import terminal
from tests.e2e.messages.test_claude_code import asked, check_cached, declared, parts
from tests.e2e.scripted_model import Call, Say, ScriptedModel
from tests.e2e.sdk_tools import first_calls, is_genuine

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter, Upstream

pytestmark = pytest.mark.claude

PICTURE = media.image_part("a picture", "1:1")["inlineData"]["data"]


def test_an_mcp_server(claude: Claude, watched: Gateway, upstream: Upstream, tmp_path: Path) -> None:
    """Its tools are found by a search, their results are texts, pictures and errors, and it gets more tools."""
    (tmp_path / "picture.txt").write_text(PICTURE)
    server = {"command": sys.executable, "args": [mcp_server.__file__, str(tmp_path / "picture.txt")]}
    config = json.dumps({"mcpServers": {"drawer": server}})
    names = [f"mcp__drawer__{name}" for name in ("tell", "draw", "fail", "grow", "grown")]
    *first, grown = names
    lines = [
        call("ToolSearch", query=f"select:{','.join(first)}"),
        call("mcp__drawer__tell", city="Zürich"),
        *map(call, first[1:]),
        call("ToolSearch", query=f"select:{grown}"),
        call(grown),
    ]
    run = claude.run(watched, "\n".join(["Go.", *lines]), "--mcp-config", config, "--allowedTools", "mcp__drawer")
    assert run.calls == ["ToolSearch", *first, "ToolSearch", grown]
    assert "grown up" in run.answer

    bodies = asked(upstream)
    assert declared(bodies[0]).isdisjoint(names)
    assert declared(bodies[1]).intersection(names) == set(first)
    assert declared(bodies[-1]).issuperset(names)
    told, drawn, failed, *_ = [r for r in parts(bodies[-1], "functionResponse") if r["name"] in names]
    assert told["response"] == {"output": f"{mcp_server.WORDS} of Zürich"}
    assert "Here it is." in drawn["response"]["output"]
    assert [part["inlineData"] for part in drawn["parts"]] == [{"mimeType": "image/png", "data": PICTURE}]
    assert failed["response"] == {"error": mcp_server.FAILURE}
    check_cached(bodies, "systemInstruction")


def test_plan_mode_and_a_session_that_is_resumed(claude: Claude, watched: Gateway, upstream: Upstream) -> None:
    file = claude.work / "made.txt"
    plan = claude.run(watched, f"Plan.\n{call('Write', file_path=str(file), content='x')}", "--permission-mode", "plan")
    assert "while in plan mode" in plan.answer
    assert not file.exists()
    line = call("Write", file_path=str(file), content="y")
    done = claude.run(watched, f"Now do it, and ultrathink.\n{line}", "--resume", plan.session)
    assert done.session == plan.session
    assert file.read_text() == "y"
    (refused, written) = parts(asked(upstream)[-1], "functionResponse")
    assert "plan mode" in refused["response"]["error"]
    assert "output" in written["response"]
    assert all(map(is_genuine, first_calls(asked(upstream)[-1])))
    check_cached(asked(upstream), "tools")


def test_turns_that_a_program_feeds(claude: Claude, watched: Gateway, upstream: Upstream) -> None:
    """As the Agent SDK does it: one process, a turn when the last one is over."""
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}
    turns: list[Any] = [
        call("Bash", command="echo said-1"),
        [picture, {"type": "text", "text": call("Bash", command="echo said-2")}],
        call("Bash", command="echo said-3"),
    ]
    options = ["-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"]
    options += ["--include-partial-messages", "--model", MODEL, "--allowedTools", "Bash"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        claude.command(*options), cwd=claude.work, env=claude.environ(watched), stdin=pipe, stdout=pipe, text=True
    )
    with process:
        assert process.stdin
        assert process.stdout
        answers = []
        for turn in turns:
            process.stdin.write(json.dumps({"type": "user", "message": {"role": "user", "content": turn}}) + "\n")
            process.stdin.flush()
            answers.append(next(event for event in map(json.loads, process.stdout) if event["type"] == "result"))
        process.stdin.close()
    assert process.returncode == 0
    assert [answer["is_error"] for answer in answers] == [False] * 3
    for number, answer in enumerate(answers, 1):
        assert f"said-{number}" in answer["result"]
    bodies = asked(upstream)
    assert [content["role"] for content in bodies[-1]["contents"]] == ["user", "model"] * 5 + ["user"]
    assert parts(bodies[-1], "inlineData") == [{"mimeType": "image/png", "data": PICTURE}]
    check_cached(bodies, "systemInstruction", "tools")


def test_in_a_terminal(claude: Claude, watched: Gateway, upstream: Upstream) -> None:
    settings = claude.home / ".claude"
    settings.mkdir()
    known = {"hasCompletedOnboarding": True, "projects": {str(claude.work): {"hasTrustDialogAccepted": True}}}
    (settings / ".claude.json").write_text(json.dumps(known))
    command = claude.command("--model", MODEL, "--allowedTools", "Bash", "--permission-mode", "default")
    with terminal(command, claude.environ(watched), claude.work) as (screen, process):
        screen.wait_for(MODEL)
        screen.type(call("Bash", command="echo said-$((6 * 7))"))
        screen.wait_for("got these results: Bash")
        assert "said-42" in screen.text
        screen.type("/context")
        screen.wait_for("Free space")
        screen.type("/exit")
        screen.wait_for("Resume this session with")
        process.wait()
    assert "said-42" in str(parts(asked(upstream)[-1], "functionResponse"))
    counts = [request for request in upstream.requests if request.path.endswith(":countTokens")]
    assert len(counts) > 3


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    scripted = ScriptedModel()
    yield scripted
    scripted.close()


@pytest.mark.parametrize(("severity", "runs"), [(3, True), (97, False)], ids=["harmless", "dangerous"])
def test_auto_mode(claude: Claude, starter: Starter, model: ScriptedModel, severity: int, runs: bool) -> None:
    """With the lines for a shell it asks a small model whether an action is dangerous, and goes by the answer."""
    gateway = starter(TWO_ACCOUNTS.replace("UPSTREAM", model.url), "-w", "saved.flow")
    model.aside = Say(f"<severity>{severity}</severity>")
    model.script += [Call([("Bash", {"command": 'python3 -c \'open("made.txt", "w")\''})]), Say("Done.")]
    lines = shell_lines.lines("claude", root(gateway), "any")
    done = claude.sh(f"{lines}\nclaude --permission-mode auto -p {shlex.quote('Make a file.')}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "Done."
    assert model.faults == []
    assert (claude.work / "made.txt").exists() == runs
    (result,) = parts(model.asked[-1].body, "functionResponse")
    assert ("error" in result["response"]) != runs
    assert "claude-sonnet" in gateway.log
    assert "safeguards" not in gateway.log
    check_saved(saved(gateway))
