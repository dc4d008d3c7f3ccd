"""Codex CLI: tasks with tool calls, sessions that go on, its two ways to a provider, its tool sets, errors, compaction.

The demo upstream calls what a line `call NAME {...}` of the prompt says, one line after the other.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from addons.demo.answer import media
from addons.gateway.status import shell_lines
from tests.e2e.conftest import PRO, TWO_ACCOUNTS
from tests.e2e.sdk_tools import first_calls, is_genuine
from tests.patience import FOR_AN_AGENT

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter, Upstream

pytestmark = pytest.mark.codex

PROGRAM = Path(__file__).parent / "codex" / "node_modules" / "@openai" / "codex" / "bin" / "codex.js"
KEY = "sk-codex-key"
MODEL = "gemini-3.1-pro-preview"

QUIET = """
check_for_update_on_startup = false
analytics.enabled = false
feedback.enabled = false
"""
OWN_PROVIDER = """
model_provider = "gateway"
{quiet}
[model_providers.gateway]
name = "gateway"
base_url = "{base_url}"
env_key = "GATEWAY_KEY"
wire_api = "responses"
"""
BUILT_IN_PROVIDER = """
openai_base_url = "{base_url}"
{quiet}
"""
CATALOG_PROVIDER = """
model_provider = "gateway"
{quiet}
[model_providers.gateway]
name = "gateway"
base_url = "{base_url}"
wire_api = "responses"
model_catalog_url = "{base_url}/models"
experimental_bearer_token = "any"
"""
"""The README's block."""
AT_ONCE = tuple(
    f"model_providers.gateway.{what}=0" for what in ("request_max_retries", "stream_max_retries")
)  # as a person sets it who does not want to wait


@dataclass
class Run:
    """What a run of `codex exec --json` printed."""

    status: int
    events: list[dict[str, Any]]
    log: str

    def items(self, kind: str) -> list[dict[str, Any]]:
        return [e["item"] for e in self.events if e["type"] == "item.completed" and e["item"]["type"] == kind]

    @property
    def message(self) -> str:
        """The final message."""
        assert self.status == 0, (self.events, self.log)
        assert self.events[-1]["type"] == "turn.completed", self.events
        return str(self.items("agent_message")[-1]["text"])

    @property
    def commands(self) -> list[tuple[int, str]]:
        """Exit status and output of the commands that were run."""
        return [(item["exit_code"], item["aggregated_output"]) for item in self.items("command_execution")]

    @property
    def error(self) -> str:
        """The message of a turn that failed."""
        assert self.status == 1, (self.events, self.log)
        assert self.events[-1]["type"] == "turn.failed", self.events
        return str(self.events[-1]["error"]["message"])


@dataclass
class Codex:
    """Codex with a home and a working folder of its own, which talks to nobody but a gateway."""

    home: Path
    work: Path

    def use(self, gateway: Gateway, config: str = OWN_PROVIDER) -> None:
        """Write config.toml."""
        text = config.format(base_url=gateway.base_url, quiet=QUIET)
        (self.home / "config.toml").write_text(text)

    def execute(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        return self._start(["node", str(PROGRAM), *arguments], text)

    def sh(self, script: str) -> subprocess.CompletedProcess[str]:
        """What a person has typed."""
        return self._start(["sh", "-euc", script], "")

    def _start(self, command: list[str], text: str) -> subprocess.CompletedProcess[str]:
        nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
        here = {"HOME": str(self.home), "CODEX_HOME": str(self.home), "GATEWAY_KEY": KEY, "NO_PROXY": "127.0.0.1"}
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "SYSTEMROOT")}
        return subprocess.run(
            command,
            cwd=self.work,
            env={**kept, **nowhere, **here},
            input=text,
            capture_output=True,
            text=True,
            timeout=FOR_AN_AGENT,
        )

    def run(self, prompt: str, *options: str, model: str = MODEL, resume: bool = False, config: Any = ()) -> Run:
        """A turn: of a new session, or of the last one. `config` are settings as `-c` takes them."""
        start = ["exec", "resume", "--last"] if resume else ["exec"]
        always = ["--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "--json", "-m", model]
        settings = [word for setting in config for word in ("-c", setting)]
        done = self.execute(*start, *always, *settings, *options, "--", prompt)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        return Run(done.returncode, events, done.stderr)


@pytest.fixture
def codex(tmp_path: Path) -> Codex:
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    return Codex(home, work)


def call(name: str, **args: Any) -> str:
    """The line of a prompt that makes the demo call a function."""
    return f"call {name} {json.dumps(args)}"


def shell(command: str) -> str:
    return call("exec_command", cmd=command)


def parts(body: Any, kind: str) -> list[dict[str, Any]]:
    """The members of this kind of all parts of a request, in order."""
    return [part[kind] for content in body["contents"] for part in content["parts"] if kind in part]


def declared(body: Any) -> set[str]:
    """The names of the functions that a request declares."""
    return {f["name"] for tool in body.get("tools", ()) for f in tool.get("functionDeclarations", ())}


def texts(body: Any) -> str:
    return "".join(parts(body, "text"))


# ---- tasks


@pytest.mark.parametrize("model", ["gemini-2.5-flash", MODEL, "gemini-4-argon"])
def test_a_task_and_a_second_turn(codex: Codex, gateway: Gateway, upstream: Upstream, model: str) -> None:
    codex.use(gateway)
    first = codex.run(f"Make a file.\n{shell('echo one > made.txt; echo said-42')}", model=model)
    assert first.commands == [(0, "said-42\n")]
    assert (codex.work / "made.txt").read_text() == "one\n"
    assert "said-42" in first.message

    second = codex.run(f"Go on.\n{shell('echo two >> made.txt')}\n{shell('cat made.txt')}", model=model, resume=True)
    assert second.commands == [(0, ""), (0, "one\ntwo\n")]
    assert "one\\ntwo\\n" in second.message

    assert len(upstream.requests) == 5
    assert all(request.path.endswith(":streamGenerateContent") for request in upstream.requests)
    assert all(request.query["alt"] == "sse" for request in upstream.requests)
    body = upstream.requests[-1].body
    commands = ["echo one > made.txt; echo said-42", "echo two >> made.txt", "cat made.txt"]
    assert [c["args"] for c in parts(body, "functionCall")] == [{"cmd": command} for command in commands]
    assert [r["name"] for r in parts(body, "functionResponse")] == ["exec_command"] * 3
    assert "said-42" in parts(body, "functionResponse")[0]["response"]["output"]
    assert all(map(is_genuine, first_calls(body))) == (model != "gemini-2.5-flash")
    assert texts(body).index("Make a file.") < texts(body).index("got these results") < texts(body).index("Go on.")


@pytest.mark.parametrize("kept", [True, False], ids=["with its store", "without"])
def test_a_session_goes_on_with_a_restarted_gateway(
    codex: Codex, starter: Starter, upstream: Upstream, tmp_path: Path, kept: bool
) -> None:
    """Signatures come back from the `encrypted_content` that Codex keeps, if the new gateway can open it."""
    store = f'[responses]\nstore = "{tmp_path / "store.sqlite"}"\n' if kept else ""
    before = starter(store + TWO_ACCOUNTS)
    codex.use(before)
    assert "said-1" in codex.run(f"First.\n{shell('echo said-1')}").message
    before.stop()
    codex.use(starter(store + TWO_ACCOUNTS))
    assert "said-2" in codex.run(f"Second.\n{shell('echo said-2')}", resume=True).message
    earlier, latest = first_calls(upstream.requests[-1].body)
    assert is_genuine(earlier) == kept
    assert is_genuine(latest)


def test_pictures_and_an_output_schema(codex: Codex, gateway: Gateway, upstream: Upstream) -> None:
    codex.use(gateway)
    picture = media.image_part("a picture", "1:1")["inlineData"]
    (codex.work / "picture.png").write_bytes(base64.b64decode(picture["data"]))
    schema = {
        "type": "object",
        "properties": {"colour": {"type": "string", "enum": ["red"]}, "count": {"type": "integer"}},
        "required": ["colour", "count"],
        "additionalProperties": False,
    }
    (codex.work / "schema.json").write_text(json.dumps(schema))
    run = codex.run(f"Look.\n{call('view_image', path='picture.png')}", "--output-schema", "schema.json")
    assert json.loads(run.message) == {"colour": "red", "count": 1}
    (result,) = parts(upstream.requests[-1].body, "functionResponse")
    assert [part["inlineData"]["mimeType"] for part in result["parts"]] == [picture["mimeType"]]
    assert all(r.body["generationConfig"]["responseJsonSchema"] == schema for r in upstream.requests)


# ---- the tool sets of models that Codex knows

MAPPED = """
[proxy]
auth_mode = "strict"
api_key = "sk-codex-key"

[models.mapping]
"gpt-5.5" = "gemini-3.1-pro-preview"
"gpt-5.6*" = "gemini-4-argon"
"""
PATCH = "*** Begin Patch\n*** Update File: a.txt\n@@\n-one\n+two\n*** Add File: b.txt\n+new\n*** End Patch\n"


def test_custom_tools_and_tools_that_are_searched_for(codex: Codex, starter: Starter, upstream: Upstream) -> None:
    codex.use(starter(MAPPED + TWO_ACCOUNTS))
    lines = [
        shell("echo one > a.txt"),
        call("apply_patch", input=PATCH),
        call("tool_search", query="agents"),
        call("multi_agent_v1__close_agent", target="nobody"),
        shell("cat a.txt b.txt"),
    ]
    run = codex.run("\n".join(["Go.", *lines]), model="gpt-5.5")
    assert run.commands[-1] == (0, "two\nnew\n")
    assert "two\\nnew\\n" in run.message
    first, last = upstream.requests[0].body, upstream.requests[-1].body
    assert "multi_agent_v1__close_agent" not in declared(first)
    assert declared(first) < declared(last)
    assert parts(last, "functionCall")[1]["args"] == {"input": PATCH}
    results = [result["response"]["output"] for result in parts(last, "functionResponse")]
    assert "Success" in results[1]
    assert "multi_agent_v1__close_agent" in results[2]
    assert "invalid agent id" in results[3]  # Codex took it for the tool of its namespace
    assert all(map(is_genuine, first_calls(last)))


def test_tools_that_come_as_input_items(codex: Codex, starter: Starter, upstream: Upstream) -> None:
    """The newest models are given JavaScript to write, by a custom tool in a namespace."""
    codex.use(starter(MAPPED + TWO_ACCOUNTS))
    script = 'const done = await tools.exec_command({cmd: "echo one > a.txt; cat a.txt"}); text(done.output);'
    patch = f"text(await tools.apply_patch({json.dumps(PATCH)}));"
    lines = [call("functions__exec", input=script), call("functions__exec", input=patch)]
    run = codex.run("\n".join(["Go.", *lines]), model="gpt-5.6-sol")
    assert run.message
    assert run.commands == [(0, "one\n")]
    assert (codex.work / "a.txt").read_text() == "two\n"
    assert (codex.work / "b.txt").read_text() == "new\n"
    body = upstream.requests[-1].body
    assert [c["args"] for c in parts(body, "functionCall")] == [{"input": script}, {"input": patch}]
    assert "one" in parts(body, "functionResponse")[0]["response"]["output"]
    assert all(map(is_genuine, first_calls(body)))
    assert {"functions__exec", "functions__wait", "collaboration__spawn_agent"} <= declared(body)


# ---- Codex's own provider

LOGIN = ("login", "--with-api-key")
BIG = "test -e big || { touch big; yes 'a long line' | head -n 2000; }"
"""Prints much, but only once: after a compaction the demo calls it again."""


def test_the_built_in_provider_speaks_on_a_websocket(codex: Codex, starter: Starter, upstream: Upstream) -> None:
    gateway = starter(MAPPED + TWO_ACCOUNTS)
    codex.use(gateway, BUILT_IN_PROVIDER)
    assert codex.execute(*LOGIN, text=KEY).returncode == 0
    run = codex.run(f"Go.\n{shell('echo said-7')}", model="gpt-5.5")
    assert run.commands == [(0, "said-7\n")]
    assert "said-7" in run.message
    assert "/v1/responses · 101 ·" in gateway.log
    assert "426" not in gateway.log
    assert len(upstream.requests) == 2


@pytest.mark.parametrize(
    ("config", "asks"),
    [(OWN_PROVIDER, "CONTEXT CHECKPOINT COMPACTION"), (BUILT_IN_PROVIDER, "Summarise this conversation")],
    ids=["own provider", "built-in provider"],
)
def test_a_long_session_is_compacted(
    codex: Codex, starter: Starter, upstream: Upstream, config: str, asks: str
) -> None:
    codex.use(starter(MAPPED + TWO_ACCOUNTS), config)
    codex.execute(*LOGIN, text=KEY)
    assert codex.run(f"First.\n{shell(BIG)}", model="gpt-5.5").message
    upstream.forget()
    limit = ["model_auto_compact_token_limit=12000"]
    run = codex.run(f"Second.\n{shell('echo said-8')}", model="gpt-5.5", resume=True, config=limit)
    assert run.message
    compaction, *after = (request.body for request in upstream.requests)
    assert asks in texts(compaction)
    assert "a long line" in texts(compaction) + str(parts(compaction, "functionResponse"))
    assert after
    for body in after:
        assert "First." in texts(body)
        assert "Second." in texts(body)
        assert "You said: " in texts(body)  # the demo's summary
        assert "a long line\\na long line" not in texts(body) + json.dumps(parts(body, "functionResponse"))


@pytest.mark.parametrize("told", [False, True], ids=["not asked for", "asked for"])
def test_with_the_catalogue_of_models_no_metadata_is_missing(
    codex: Codex, gateway: Gateway, upstream: Upstream, told: bool
) -> None:
    """With it the warning that Codex gives at each start is gone, and it sends the model's usual thinking level."""
    codex.use(gateway, CATALOG_PROVIDER if told else OWN_PROVIDER)
    done = codex.run(f"Look.\n{shell('echo said-7')}")
    assert "said-7" in done.message
    warnings = [item["message"] for item in done.items("error")]
    assert [f"Model metadata for `{MODEL}` not found" in message for message in warnings] == [True] * (not told)
    asked = [body for request in upstream.requests if (body := request.body) and "contents" in body]
    levels = [body["generationConfig"]["thinkingConfig"].get("thinkingLevel") for body in asked]
    assert levels == ["MEDIUM" if told else None] * 2


# ---- errors

SHOWN_AT_ONCE = [
    ("demo-400", "Request contains an invalid argument.", 2),  # Gemini does not say what: once with other tools
    ("demo-404", "models/demo-404 is not found", 1),
    ("demo-429-day-all", "Quota exceeded", 2),
    ("demo-max-tokens", "max_output_tokens", 1),
    ("no-such-model", "The model 'no-such-model' does not exist.", 0),
]


@pytest.mark.parametrize(("model", "words", "calls"), SHOWN_AT_ONCE, ids=[row[0] for row in SHOWN_AT_ONCE])
def test_errors_that_would_come_again_are_shown_at_once(
    codex: Codex, gateway: Gateway, upstream: Upstream, model: str, words: str, calls: int
) -> None:
    codex.use(gateway)
    assert words in codex.run("Say hi.", model=model).error
    assert len(upstream.requests) == calls


SHOWN_AFTER_RETRIES = [
    ("demo-429-all", "429 Too Many Requests"),
    ("demo-503-all", "This model is currently experiencing high demand."),
    ("demo-error-mid-stream", "An internal error has occurred."),
    ("demo-cut-mid-stream", "The stream was interrupted"),
]


@pytest.mark.parametrize(("model", "words"), SHOWN_AFTER_RETRIES, ids=[row[0] for row in SHOWN_AFTER_RETRIES])
def test_errors_that_may_pass_are_tried_again_as_codex_is_set(
    codex: Codex, gateway: Gateway, model: str, words: str
) -> None:
    codex.use(gateway)
    assert words in codex.run("Say hi.", model=model, config=AT_ONCE).error


def test_the_lines_for_a_shell(codex: Codex, gateway: Gateway, upstream: Upstream) -> None:
    """Those of `serve.py --print-env codex`: no file is needed, and the catalogue is found."""
    lines = shell_lines.lines("codex", gateway.base_url.removesuffix("/v1"), "any")
    assert f"{gateway.base_url}/models" in lines
    program = codex.home / "codex"
    program.write_text(f'#!/bin/sh\nexec node {shlex.quote(str(PROGRAM))} "$@"\n')
    program.chmod(0o755)
    prompt = shlex.quote(f"Look.\n{shell('echo said-7')}")
    done = codex.sh(f"{lines}\nPATH={shlex.quote(str(codex.home))}:$PATH\ncodex exec --skip-git-repo-check -- {prompt}")
    assert done.returncode == 0, done.stderr
    assert "said-7" in done.stdout
    assert upstream.requests[-1].path.startswith(f"/v1beta/models/{PRO}")
    assert "metadata for" not in done.stdout + done.stderr
