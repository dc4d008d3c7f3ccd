"""The pytest plugin: a project's agent is recorded once, and runs offline from then on, in fresh processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PROJECT = '''
import json, os

import pytest
from openai import OpenAI, BadRequestError

WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}}}}
CHANGED = "CI" in os.environ


def agent(url, city):
    """Asks until the model calls no tool any more."""
    client = OpenAI(base_url=url, api_key="any")
    messages = [{"role": "user", "content": 'call get_weather {"city": "%s"}' % city}]
    while True:
        message = client.chat.completions.create(model="gpt-4o", messages=messages, tools=[WEATHER]).choices[0].message
        if not message.tool_calls:
            return message.content
        messages.append(message)
        for call in message.tool_calls:
            city = json.loads(call.function.arguments)["city"]
            messages.append({"role": "tool", "tool_call_id": call.id, "content": f"It rains in {city}."})


def test_agent(cassette):
    assert "It rains in Perth" in agent(cassette.openai_url, "Perth")
    if not CHANGED:
        agent(cassette.openai_url, "Cairns")


@pytest.mark.skipif(not CHANGED, reason="it is not recorded")
def test_changed(cassette):
    agent(cassette.openai_url, "Darwin")


@pytest.mark.skipif(not CHANGED, reason="it is not recorded")
def test_that_hides_its_errors(cassette):
    try:
        agent(cassette.environ["OPENAI_BASE_URL"], "Hobart")
    except BadRequestError:
        pass


def test_of_something_else():
    pass
'''


def run(project: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the project's tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST") and name != "CI"}
    path = {"PYTHONPATH": str(ROOT / "scripts" / "testing")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "antigravity_cassettes", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *arguments],
        cwd=project,
        env={**kept, **path, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_agent_is_recorded_once_and_runs_offline(tmp_path: Path) -> None:
    (tmp_path / "test_weather.py").write_text(PROJECT)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    tape = tmp_path / "cassettes" / "test_weather"
    recorded = run(tmp_path, "-o", "cassette_arguments=--set antigravity_demo=true")
    assert "2 passed, 2 skipped" in recorded.stdout, recorded.stdout
    before = {path.name: path.read_bytes() for path in tape.iterdir()}
    assert len(before) == 5, "two calls of each agent, and the models"

    offline = run(tmp_path, CI="true")
    assert "2 failed, 2 passed" in offline.stdout, offline.stdout
    assert "has no recording of this request" in offline.stdout
    assert '{"city": "[-' in offline.stdout
    unused = offline.stdout.partition("recordings that were not used")[2]
    assert len([name for name in before if name in unused]) == 2
    assert {path.name: path.read_bytes() for path in tape.iterdir()} == before
