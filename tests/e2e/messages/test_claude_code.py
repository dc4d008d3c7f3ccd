"""Claude Code over the demo upstream: its tools, sessions that go on, tokens, faults.

The demo calls what a line `call NAME {...}` of the prompt says, one line after the other. Everything that it was
answered is checked.
"""

from __future__ import annotations

import base64
import itertools
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from addons.demo.answer import media
from addons.gateway.status import shell_lines
from tests.e2e.conftest import PRO, TWO_ACCOUNTS
from tests.e2e.messages.claude import KEY, MODEL, Claude, call, check_saved, saved
from tests.e2e.messages.sdk import root
from tests.e2e.mitmweb import start_web
from tests.e2e.sdk_tools import first_calls, is_genuine

if TYPE_CHECKING:
    from mitmproxy import http

    from tests.e2e.conftest import Gateway, Starter, Upstream

pytestmark = pytest.mark.claude


def asked(upstream: Upstream) -> list[Any]:
    """The bodies of the requests for an answer."""
    return [request.body for request in upstream.requests if "ontent" in request.path.rpartition(":")[2]]


def parts(body: Any, kind: str) -> list[Any]:
    """The members of this kind of all parts of a request, in order."""
    return [part[kind] for content in body["contents"] for part in content["parts"] if kind in part]


def declared(body: Any) -> set[str]:
    """The names of the functions that a request declares."""
    return {f["name"] for tool in body.get("tools", ()) for f in tool.get("functionDeclarations", ())}


def check_cached(bodies: list[Any], *members: str) -> None:
    """Each request begins with the one before, so that Gemini's prompt cache counts. `members` are the same in all."""
    for before, now in itertools.pairwise(bodies):
        for member in members:
            assert now[member] == before[member]
        said, known = ([(c["role"], part) for c in body["contents"] for part in c["parts"]] for body in (now, before))
        assert said[: len(known)] == known


# ---- tasks


@pytest.mark.parametrize("model", ["gemini-2.5-flash", MODEL, "claude-opus-4-6", "claude-opus-5-5"])
def test_a_command_and_a_second_turn(claude: Claude, watched: Gateway, upstream: Upstream, model: str) -> None:
    first = claude.run(
        watched, f"Make a file.\n{call('Bash', command='echo one > made.txt; echo said-42')}", model=model
    )
    assert first.calls == ["Bash"]
    assert first.results == ["said-42"]
    assert "said-42" in first.answer
    assert (claude.work / "made.txt").read_text() == "one\n"

    lines = [call("Bash", command="echo two >> made.txt"), call("Bash", command="cat made.txt")]
    second = claude.run(watched, "\n".join(["Go on.", *lines]), "--continue", model=model)
    assert second.session == first.session
    assert "one\\ntwo" in second.answer

    bodies = asked(upstream)
    assert len(bodies) == 5, [texts(body)[-200:] for body in bodies]
    commands = ["echo one > made.txt; echo said-42", "echo two >> made.txt", "cat made.txt"]
    assert [c["args"]["command"] for c in parts(bodies[-1], "functionCall")] == commands
    assert all(map(is_genuine, first_calls(bodies[-1]))) == (model != "gemini-2.5-flash")
    system = json.dumps(bodies[-1]["systemInstruction"])
    assert "x-anthropic-billing-header" not in system
    assert "DeferredToolPlaceholder" not in declared(bodies[-1])
    check_cached(bodies, "systemInstruction", "tools")


def texts(body: Any) -> str:
    return "\n".join(parts(body, "text"))


VARIANTS = {
    "all tools at once": {"ENABLE_TOOL_SEARCH": "0"},
    "without betas": {"CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS": "1"},
    "without thinking": {"MAX_THINKING_TOKENS": "0"},
}


@pytest.mark.parametrize("environ", VARIANTS.values(), ids=VARIANTS)
def test_other_settings(claude: Claude, watched: Gateway, upstream: Upstream, environ: dict[str, str]) -> None:
    """What it leaves out then of what it was answered costs no signature."""
    lines = [call("Bash", command="echo one"), call("Bash", command="echo two")]
    run = claude.run(watched, "\n".join(lines), environ=environ)
    assert run.results == ["one", "two"]
    assert "two" in run.answer
    assert all(map(is_genuine, first_calls(asked(upstream)[-1])))
    thinking = [body["generationConfig"]["thinkingConfig"] for body in asked(upstream)]
    assert all(config.get("includeThoughts", False) == ("MAX_THINKING_TOKENS" not in environ) for config in thinking)


def test_a_picture(claude: Claude, watched: Gateway, upstream: Upstream) -> None:
    picture = media.image_part("a picture", "1:1")["inlineData"]
    file = claude.work / "picture.png"
    file.write_bytes(base64.b64decode(picture["data"]))
    run = claude.run(watched, f"Look.\n{call('Read', file_path=str(file))}")
    assert "I see 1" in run.answer
    assert "image/png" in run.answer
    (result,) = parts(asked(upstream)[-1], "functionResponse")
    assert [part["inlineData"]["mimeType"] for part in result["parts"]] == ["image/png"]


def test_a_document(claude: Claude, watched: Gateway, upstream: Upstream) -> None:
    file = claude.work / "paper.pdf"
    file.write_bytes(b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n")
    run = claude.run(watched, f"Look.\n{call('Read', file_path=str(file))}")
    assert "I see 1 document" in run.answer
    (result,) = parts(asked(upstream)[-1], "functionResponse")
    assert [part["inlineData"]["mimeType"] for part in result["parts"]] == ["application/pdf"]


def test_a_file_is_read_changed_and_tried(claude: Claude, starter: Starter) -> None:
    web = start_web(starter)
    file, trial = claude.work / "sums.py", claude.work / "test_sums.py"
    file.write_text("def add(a, b):\n    return a - b\n")
    trial.write_text("from sums import add\n\nassert add(2, 3) == 5\nprint('all is well')\n")
    lines = [
        call("Read", file_path=str(file)),
        call("Edit", file_path=str(file), old_string="a - b", new_string="a + b"),
        call("Bash", command="python3 test_sums.py"),
    ]
    run = claude.run(web.gateway, "\n".join(["Mend it.", *lines]))
    assert run.calls == ["Read", "Edit", "Bash"]
    assert "all is well" in run.answer
    assert "a + b" in file.read_text()
    flows = web.new_flows([], 8)
    check_saved(flows)
    check_both_sides(flows)
    client, attempt = flows[-2:] if "messages" in flows[-2].request.path else flows[:-3:-1]
    shown = {side: web.view(flow, "request") for side, flow in (("client", client), ("gemini", attempt))}
    assert all("Mend it." in text and "all is well" in text for text in shown.values())
    assert "tool_result" not in shown["client"], "it is shown as a conversation"
    assert all("all is well" in web.view(flow, "response") for flow in (client, attempt))


def check_both_sides(flows: list[http.HTTPFlow]) -> None:
    """Each exchange is there as Claude Code had it and as Gemini had it."""
    theirs = [flow for flow in flows if flow.request.path.startswith("/v1/messages")]
    ours = [flow for flow in flows if ":streamGenerateContent" in flow.request.path]
    assert len(theirs) == len(ours) == 4
    for client, attempt in zip(theirs, ours, strict=True):
        assert client.comment.rpartition("[")[2] == attempt.comment.rpartition("[")[2]
        assert json.loads(client.request.content or b"")["model"] == MODEL
        assert json.loads(attempt.request.content or b"")["contents"]
        assert client.response
        assert b"event: message_stop" in (client.response.content or b"")
        assert attempt.response
        assert b'"candidates"' in (attempt.response.content or b"")
    names = [name for flow in theirs for name in _called(flow.response.content if flow.response else b"")]
    assert names == ["Read", "Edit", "Bash"]


def _called(body: bytes | None) -> list[str]:
    starts = [json.loads(line[6:]) for line in (body or b"").splitlines() if line.startswith(b"data: ")]
    blocks = [event["content_block"] for event in starts if event["type"] == "content_block_start"]
    return [block["name"] for block in blocks if block["type"] == "tool_use"]


def test_a_tool_that_is_searched_for_and_a_search(claude: Claude, watched: Gateway, upstream: Upstream) -> None:
    lines = [call("ToolSearch", query="select:WebSearch"), call("WebSearch", query="Where is Zürich?")]
    run = claude.run(watched, "\n".join(["Look it up.", *lines]))
    assert run.calls == ["ToolSearch", "WebSearch"]
    assert "https://example.com/zurich" in str(run.results[-1])
    assert "Zürich lies in Switzerland" in str(run.results[-1])
    bodies = asked(upstream)
    assert "WebSearch" not in declared(bodies[0])
    assert "WebSearch" in declared(bodies[-1])
    assert {"googleSearch": {}} in [tool for body in bodies for tool in body["tools"]]
    task = [body for body in bodies if "Look it up." in texts(body)]
    assert len(task) == 3
    check_cached(task, "systemInstruction")


@pytest.mark.parametrize("background", [False, True], ids=["waited for", "in the background"])
def test_a_helper(claude: Claude, watched: Gateway, upstream: Upstream, background: bool) -> None:
    told = call("Bash", command="echo said-by-a-helper")
    line = call("Agent", description="A helper", prompt=f"Do this: {told}", run_in_background=background)
    run = claude.run(watched, f"Let somebody do it.\n{line}")
    assert run.calls == ["Agent", "Bash"]
    assert run.answer
    bodies = asked(upstream)
    prompts = [texts(body) for body in bodies]
    assert len([text for text in prompts if "Let somebody do it." not in text]) == 2
    last = bodies[-1]
    results = json.dumps(parts(last, "functionResponse")) + texts(last)
    assert "Bash: {" in results
    assert "said-by-a-helper" in results
    assert all(map(is_genuine, first_calls(last)))
    task = [body for body in bodies if "Let somebody do it." in texts(body)]
    check_cached(task, "systemInstruction", "tools")
    known = watched.call("GET", "/exchanges.json", headers={"Authorization": f"Bearer {KEY}"}).json["exchanges"]
    ours = [one for one in known if one["conversation"] == known[0]["conversation"]]
    agents = [one["agent"] for one in reversed(ours)]
    assert len(ours) == len(bodies), "one conversation, whatever others the gateway has had"
    assert agents[0] is agents[-1] is None
    assert len({agent for agent in agents if agent}) == 1
    assert len([agent for agent in agents if agent]) == 2
    assert {one["client"] for one in ours} == {"claude-cli 2.1.332"}


def test_a_shaped_answer(claude: Claude, watched: Gateway) -> None:
    schema = {
        "type": "object",
        "properties": {"colour": {"type": "string", "enum": ["red"]}, "count": {"type": "integer"}},
        "required": ["colour", "count"],
    }
    run = claude.run(watched, "Look.\ncall StructuredOutput", "--json-schema", json.dumps(schema))
    assert run.answer
    assert run.last["structured_output"] == {"colour": "red", "count": 1}


def test_the_context_is_counted(claude: Claude, watched: Gateway, upstream: Upstream) -> None:
    """25 requests at once are no reason to call an account used up."""
    claude.run(watched, 'call Bash {"command": "echo one"}')
    upstream.forget()
    done = claude.execute(watched, "-p", "/context", "--continue", "--model", MODEL)
    assert done.returncode == 0, done.stderr
    assert MODEL in done.stdout
    assert len([request for request in upstream.requests if request.path.endswith(":countTokens")]) > 3
    assert "cooldown" not in watched.log


def test_a_session_is_compacted(claude: Claude, watched: Gateway, upstream: Upstream) -> None:
    assert claude.run(watched, f"First.\n{call('Bash', command='echo said-1')}").answer
    assert claude.execute(watched, "-p", "/compact", "--continue", "--model", MODEL).returncode == 0
    upstream.forget()
    run = claude.run(watched, f"Second.\n{call('Bash', command='echo said-2')}", "--continue")
    assert "said-2" in run.answer
    assert "continued from a previous conversation" in texts(asked(upstream)[0])
    assert [c["args"]["command"] for c in parts(asked(upstream)[-1], "functionCall")] == ["echo said-2"]


def test_an_answer_that_is_too_long(claude: Claude, watched: Gateway, upstream: Upstream) -> None:
    """It asks for more than the model can say, and gets as much as it can."""
    run = claude.run(watched, "Say hi.", model="demo-max-tokens")
    assert "output token maximum" in run.error
    asked_for = [body["generationConfig"]["maxOutputTokens"] for body in asked(upstream)]
    assert asked_for == [32_000, *[65_536] * 3]


def test_it_finds_out_which_models_there_are(claude: Claude, watched: Gateway) -> None:
    environ = {"CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1"}
    assert claude.run(watched, call("Bash", command="echo one"), environ=environ).answer
    assert "/v1/models" in watched.log


def test_the_lines_for_a_shell(claude: Claude, gateway: Gateway, upstream: Upstream) -> None:
    """Those of `serve.py --print-env claude`; it asks for its own model then."""
    lines = shell_lines.lines("claude", root(gateway), "any")
    prompt = shlex.quote(f"Go.\n{call('Bash', command='echo said-7')}")
    done = claude.sh(f"{lines}\nclaude --allowedTools Bash -p {prompt}")
    assert done.returncode == 0, done.stderr
    assert "said-7" in done.stdout
    assert done.stderr == ""
    assert upstream.requests[-1].path.startswith(f"/v1beta/models/{PRO}")


# ---- restarts


def test_signatures_come_back_over_a_restart(
    claude: Claude, starter: Starter, upstream: Upstream, tmp_path: Path
) -> None:
    settings = f'[responses]\nstore = "{tmp_path / "store.sqlite"}"\n{TWO_ACCOUNTS}'
    before = starter(settings)
    assert "said-1" in claude.run(before, f"First.\n{call('Bash', command='echo said-1')}").answer
    before.stop()
    after = starter(settings, "-w", "saved.flow")
    assert "said-2" in claude.run(after, f"Second.\n{call('Bash', command='echo said-2')}", "--continue").answer
    earlier, latest = first_calls(asked(upstream)[-1])
    given = [part["thoughtSignature"] for part in (earlier, latest)]
    assert len(set(given)) == 2
    assert all(map(is_genuine, (earlier, latest)))
    check_saved(saved(after))


# ---- faults


def test_another_account_goes_on(claude: Claude, watched: Gateway, upstream: Upstream) -> None:
    run = claude.run(watched, call("Bash", command="echo said-3"), model="demo-429-first-claude")
    assert "said-3" in run.answer
    assert len(upstream.requests) == 3


AT_ONCE = {
    "a request that Gemini refuses": ("demo-400", "invalid argument"),
    "no such model": ("no-such-model", "no-such-model"),
    "the quota of the day": ("demo-429-day-all", "quota"),
}


@pytest.mark.parametrize(("model", "said"), AT_ONCE.values(), ids=AT_ONCE)
def test_errors_that_would_come_again_are_shown_at_once(
    claude: Claude, watched: Gateway, upstream: Upstream, model: str, said: str
) -> None:
    assert said in claude.run(watched, "Say hi.", model=model).error
    assert len(upstream.requests) <= 6


AGAIN = {
    "overloaded": ("demo-503-all", "529"),
    "cut in the middle": ("demo-cut-mid-stream", "in the middle of the answer"),
}


@pytest.mark.parametrize(("model", "said"), AGAIN.values(), ids=AGAIN)
def test_what_it_tries_again(claude: Claude, watched: Gateway, model: str, said: str) -> None:
    run = claude.run(watched, "Say hi.", model=model, environ={"CLAUDE_CODE_MAX_RETRIES": "1"})
    assert said in run.error
