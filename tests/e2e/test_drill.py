"""scripts/drill.py with real clients: the OpenAI SDKs for Python and Node, and curl."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts import bootstrap, drill
from scripts.drilling import drilled
from tests.e2e.conftest import TWO_ACCOUNTS, Gateway, Upstream, start_gateway
from tests.e2e.messages.claude import PROGRAM
from tests.ports import free_port

CODEX = Path(__file__).parent / "codex" / "node_modules" / "@openai" / "codex" / "bin" / "codex.js"
CLIENTS = Path(__file__).parent / "drill"
NODE = Path(__file__).parent / "node"

type Drilling = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def faulty(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = "[faults]\nenabled = true\n" + TWO_ACCOUNTS.replace("UPSTREAM", upstream.url)
    running = start_gateway(tmp_path_factory.mktemp("drill"), settings)
    yield running
    running.stop()


@pytest.fixture
def drilling(faulty: Gateway, capsys: pytest.CaptureFixture[str]) -> Drilling:
    """Drills a client; its rows by name."""

    def run(*argv: str) -> dict[str, Any]:
        options, command = drill.parse(["--url", f"http://127.0.0.1:{faulty.port}", "--json", *argv])
        status = asyncio.run(drilled.drill(options, command))
        told = json.loads(capsys.readouterr().out)
        assert status == any(row["bad"] for row in told["rows"])
        return {row["name"]: row for row in told["rows"]}

    return run


def only(*words: str) -> list[str]:
    return [part for word in words for part in ("--only", word)]


def test_a_streaming_program(drilling: Drilling) -> None:
    rows = drilling(*only("429;", "cut;after=3", "cut-call"), "--", sys.executable, str(CLIENTS / "chat.py"), "chat")
    soon = rows["429, come back in 1 s"]
    assert (soon["outcome"], soon["requests"], soon["bad"]) == ("finished", 2, False)
    assert soon["retries"][0] >= 1
    assert rows["cut"]["outcome"] == "crashed"
    assert "APIConnectionError" in rows["cut"]["said"]
    assert not rows["cut in a tool call"]["met"]


def test_an_agent_that_looks_at_arguments(drilling: Drilling) -> None:
    rows = drilling(
        *only("arguments", "503 each", "503, 2nd"), "--", sys.executable, str(CLIENTS / "agent.py"), "careful"
    )
    told = rows["broken arguments"]
    assert (told["half_call"], told["bad"]) == ("error: the arguments are no JSON", False)
    assert rows["503 each time"]["outcome"] == "failed"
    later = rows["503, 2nd request"]
    assert (later["outcome"], later["requests"], len(later["retries"])) == ("finished", 3, 1)


def test_an_agent_that_does_not(drilling: Drilling) -> None:
    rows = drilling(*only("arguments"), "--", sys.executable, str(CLIENTS / "agent.py"), "careless")
    ran = rows["broken arguments"]
    assert (ran["ran_half"], ran["bad"]) == (True, True)
    assert ran["half_call"].startswith('sunny in {"')


@pytest.mark.skipif(not (NODE / "node_modules").is_dir(), reason="scripts/test.py installs the SDK for Node")
def test_an_agent_in_javascript(drilling: Drilling) -> None:
    rows = drilling(*only("error at once", "arguments", "529"), "--", "node", str(CLIENTS / "agent.mjs"), str(NODE))
    assert rows["529"]["outcome"] == "finished"
    assert rows["error at once"]["outcome"] == "crashed"
    assert rows["broken arguments"]["half_call"]
    assert not rows["broken arguments"]["bad"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_a_shell_script_that_does_not_look_loses_text(drilling: Drilling) -> None:
    body = json.dumps({"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": "A story"}]})
    curl = (
        "curl -sN {url}/chat/completions -H 'content-type: application/json' -d '" + body + "' | grep -o '\"content.*'"
    )
    rows = drilling(*only("cut", "503"), "--", "sh", "-c", curl + " || true")
    assert rows["cut"]["outcome"] == "finished"
    assert rows["cut"]["lost"]
    assert rows["cut"]["bad"]


QUIET = "check_for_update_on_startup = false\nanalytics.enabled = false\nfeedback.enabled = false\n"
PROVIDER = {
    "model_provider": "gateway",
    "model_providers.gateway.name": "gateway",
    "model_providers.gateway.base_url": "{url}",
    "model_providers.gateway.wire_api": "responses",
    "model_providers.gateway.env_key": "GATEWAY_KEY",
}
FAULTS = only("cut-call", "arguments", "error;after=3")


@pytest.mark.codex
def test_codex(drilling: Drilling, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(QUIET)
    settings = [word for name, value in PROVIDER.items() for word in ("-c", f'{name}="{value}"')]
    prompt = 'Say it.\ncall exec_command {"cmd": "echo said-42"}'
    rows = drilling(
        *FAULTS, "--", "env", f"HOME={tmp_path}", f"CODEX_HOME={tmp_path}", "node", str(CODEX), "exec",
        "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "-m", "gemini-3.1-pro-preview",
        *settings, "--", prompt,
    )  # fmt: skip
    assert {name: row["outcome"] for name, row in rows.items() if row["met"]} == dict.fromkeys(rows, "finished")
    assert rows["broken arguments"]["half_call"].startswith("failed to parse function arguments")
    assert not any(row["bad"] for row in rows.values())


@pytest.mark.claude
def test_claude_code(drilling: Drilling, tmp_path: Path) -> None:
    prompt = 'Say it.\ncall Bash {"command": "echo said-42", "description": "say it"}'
    rows = drilling(
        *FAULTS, "--endpoint", "/v1/messages", "--", "env", f"HOME={tmp_path}", f"CLAUDE_CONFIG_DIR={tmp_path}",
        f"CLAUDE_CODE_TMPDIR={tmp_path}", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "NO_PROXY=127.0.0.1",
        "node", str(PROGRAM), "-p", prompt, "--model", "gemini-3.1-pro-preview", "--allowedTools", "Bash",
    )  # fmt: skip
    assert {name: row["outcome"] for name, row in rows.items() if row["met"]} == dict.fromkeys(rows, "finished")
    assert "InputValidationError" in rows["broken arguments"]["half_call"]
    assert not any(row["bad"] for row in rows.values())


def test_what_a_drill_can_do_nothing_with(faulty: Gateway) -> None:
    url = ["--url", f"http://127.0.0.1:{faulty.port}"]
    for command, said in (
        (["false"], "Without any fault the client ended with status 1"),
        (["true"], "The client has asked the gateway for nothing."),
        (["no-such-command"], "no-such-command can't be started"),
    ):
        options, words = drill.parse([*url, "--", *command])
        with pytest.raises(bootstrap.SetupError, match=said):
            asyncio.run(drilled.drill(options, words))


def test_a_gateway_that_is_none_is_named(upstream: Upstream) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    for url, said in (
        (nobody, f"The gateway at {nobody} does not answer /status.json: "),
        (upstream.url, f"The gateway at {upstream.url} answers /status.json with HTTP 404"),
    ):
        options, command = drill.parse(["--url", url, "--", "no-such-command"])
        with pytest.raises(bootstrap.SetupError, match=said):
            asyncio.run(drilled.drill(options, command))


def test_a_drill_on_a_gateway_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    options, command = drill.parse(
        [*only("503 each"), "--timeout", "30", "--", "curl", "-sf", "{url}/chat/completions", "-H",
         "content-type: application/json", "-d", '{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}]}']
    )  # fmt: skip
    assert asyncio.run(drilled.drill(options, command)) == 0
    assert "The client survives all 1 faults." in capsys.readouterr().out
