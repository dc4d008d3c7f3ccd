"""The commands `antigravity.*`, through a real mitmweb."""

from __future__ import annotations

import fcntl
import http.client as http_client
import json
import os
import pty
import re
import socket
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mitmproxy import http

from addons.gateway.grouping.marks import mark
from tests.e2e.conftest import FLASH, KEYS, ROOT, TWO_ACCOUNTS, Gateway, free_port, wait_until
from tests.e2e.mitmweb import CommandFailed, Web, running_web
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Upstream

ALPHA, BRAVO = "alpha@example.com", "bravo@example.com"
KEY_OF = {ALPHA: KEYS[0], BRAVO: KEYS[1]}


@pytest.fixture(scope="module")
def shared_web(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with running_web(upstream, tmp_path_factory.mktemp("web")) as web:
        yield web


@pytest.fixture
def web(shared_web: Web, upstream: Upstream) -> Web:
    """Two accounts, nothing recorded yet."""
    shared_web.reset()
    upstream.forget()
    return shared_web


def side(flows: list[http.HTTPFlow], name: str) -> list[http.HTTPFlow]:
    return [flow for flow in flows if flow.metadata.get("antigravity", {}).get("side") == name]


def record(flow: http.HTTPFlow) -> dict[str, Any]:
    return dict(flow.metadata["antigravity"])


def contents(flow: http.HTTPFlow) -> tuple[Any, ...]:
    """What a replay must leave alone in its original."""
    assert flow.response
    return flow.request.get_state(), flow.response.get_state(), flow.metadata, flow.comment, flow.marked, flow.is_replay


def accounts_of(web: Web, count: int = 4) -> set[str]:
    """Who serves the next requests."""
    return {web.gateway.chat("gpt-4o").headers["x-account-email"] for _ in range(count)}


def run(web: Web, name: str, *arguments: str) -> list[http.HTTPFlow]:
    """Run a command that replays; the flows that it brought, complete."""
    before = {flow.id for flow in web.flows()}
    web.command(name, *arguments)
    web.wait_for_replays()
    return [flow for flow in web.flows() if flow.id not in before]


def test_accounts_are_listed_with_their_state(web: Web) -> None:
    assert web.command("antigravity.accounts") == [f"{ALPHA} · gemini · ready", f"{BRAVO} · gemini · ready"]
    web.gateway.chat("demo-429-first-listed")
    web.gateway.chat("demo-401-all")
    for line, label in zip(web.command("antigravity.accounts"), (ALPHA, BRAVO), strict=True):
        assert line.startswith(f"{label} · gemini · set aside: its credential was refused")


def test_cool_and_release_change_who_serves(web: Web) -> None:
    assert accounts_of(web) == {ALPHA, BRAVO}
    web.command("antigravity.cool", ALPHA, "100")
    assert web.command("antigravity.accounts")[0] in (
        f"{ALPHA} · gemini · cooling for all models {seconds} s" for seconds in (99, 100)
    )
    assert accounts_of(web) == {BRAVO}
    web.command("antigravity.release", ALPHA)
    assert accounts_of(web) == {ALPHA, BRAVO}

    web.command("antigravity.cool", BRAVO, "100", FLASH)
    assert f"cooling for {FLASH}" in web.command("antigravity.accounts")[1]
    assert accounts_of(web) == {ALPHA}
    assert {web.gateway.chat("gemini-3-flash").headers["x-account-email"] for _ in range(4)} == {ALPHA, BRAVO}


def test_a_refused_account_gets_another_chance(web: Web) -> None:
    web.gateway.chat("demo-401-first")
    assert "set aside" in "".join(web.command("antigravity.accounts"))
    for account in (ALPHA, BRAVO):
        web.command("antigravity.release", account)
    assert accounts_of(web) == {ALPHA, BRAVO}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("antigravity.cool", "nobody", "5"), "Invalid choice"),
        (("antigravity.cool", ALPHA, "soon"), "invalid literal"),
        (("antigravity.cool", ALPHA, "0"), "more than 0"),
        (("antigravity.release", "nobody"), "Invalid choice"),
        (("antigravity.explain", "~comment nothing-like-it"), "recorded flows of the gateway"),
        (("antigravity.explain", "@all"), "takes one exchange; the flows are of 2 exchanges (req_"),
        (("antigravity.explain", "@focus"), "mitmweb keeps to itself which row is open"),
        (("antigravity.explain", "req_none"), "No exchange here has the id req_none"),
        (("antigravity.explain", "req_"), "begin with req_; write more of the one"),
        (("antigravity.replay", "req_"), "begin with req_; write more of the one"),
        (("antigravity.replay", "@all"), 'To replay them all, say "true" after the flows'),
        (("antigravity.replay", "@marked"), "recorded flows of the gateway"),
        (("antigravity.replay", "@hidden"), "recorded flows of the gateway"),
        (("antigravity.replay.upstream", "~u nowhere"), "Nothing of this exchange went upstream"),
        (("antigravity.replay.model", "~u nowhere", "gpt-4o"), "has no body"),
        (("antigravity.replay.account", "~u completions", "nobody"), "Invalid choice"),
        (("antigravity.export", "~u nowhere", "/proc/none"), "can't be exported"),
    ],
)
def test_errors_say_what_is_wrong(web: Web, command: tuple[str, ...], said: str) -> None:
    web.gateway.chat("gpt-4o")
    web.gateway.call("GET", "/v1/nowhere")
    with pytest.raises(CommandFailed) as raised:
        web.command(*command)
    assert said in str(raised.value)


def test_every_command_has_help(web: Web) -> None:
    known = json.loads(web.fetch("/commands.json"))
    ours = {name: about for name, about in known.items() if name.startswith("antigravity.")}
    assert set(ours) == {
        "antigravity.accounts",
        "antigravity.accounts.labels",
        "antigravity.cool",
        "antigravity.cache",
        "antigravity.conversation",
        "antigravity.copy",
        "antigravity.copy.file",
        "antigravity.copy.forms",
        "antigravity.costs",
        "antigravity.diff",
        "antigravity.explain",
        "antigravity.export",
        "antigravity.fault",
        "antigravity.fault.off",
        "antigravity.faults",
        "antigravity.hold",
        "antigravity.letgo",
        "antigravity.page",
        "antigravity.release",
        "antigravity.replay",
        "antigravity.replay.account",
        "antigravity.replay.model",
        "antigravity.replay.upstream",
        "antigravity.step",
        "antigravity.timeline",
        "antigravity.tokens",
    }
    assert all(len(about["help"]) > 20 for about in ours.values())
    assert [one["type"] for one in ours["antigravity.replay.account"]["parameters"]] == ["str", "choice"]
    assert [one["type"] for one in ours["antigravity.export"]["parameters"]] == ["str", "path", "bool"]


def test_explain_tells_attempts_and_translation(web: Web) -> None:
    answer = web.gateway.chat("demo-503-first-explain", "why?", stream=True, logit_bias={"1": 2})
    for flows in (f"~comment {answer.headers['x-request-id']}", "~u v1beta & ~comment ✖"):
        text = "\n".join(web.command("antigravity.explain", flows))
        for said in ("ATTEMPTS", "503", ALPHA, BRAVO, "THE REQUEST", "logit_bias", "THE ANSWER", "finish"):
            assert said in text, said


def test_two_exchanges_side_by_side(web: Web) -> None:
    """By id; two attempts by their numbers. The first is retried, so that it has two."""
    first = web.gateway.chat("demo-503-first-diff", "Name a red fish.").headers["x-request-id"]
    second = web.gateway.chat("demo-503-first-diff", "Name a blue fish.", seed=7).headers["x-request-id"]
    text = "\n".join(web.command("antigravity.diff", first, second))
    for said in ("Name a [-red-]{+blue+} fish.", "seed\n+ 7", "── times ──", "── tokens ──", "attempts         503 "):
        assert said in text, said
    told = json.loads("".join(web.command("antigravity.diff", first, second, "true")))
    assert told["differs"]
    [asked] = [part for part in told["sections"] if part["name"] == "the client's request"]
    assert [change["path"] for change in asked["changes"]] == ["messages[0].content", "seed"]
    same = web.command("antigravity.diff", first, first, "true")
    assert not json.loads("".join(same))["differs"]
    attempts = "\n".join(web.command("antigravity.diff", f"{first}/1", f"{first}/2"))
    assert "attempt 1/2 of" in attempts
    assert "outcome   503 " in attempts
    assert not [key for key in KEYS if key in text + attempts]
    with pytest.raises(CommandFailed, match="has no attempt 3; it has 2"):
        web.command("antigravity.diff", first, f"{first}/3")


def test_a_conversation_is_told_as_a_whole(web: Web) -> None:
    """By its id, by any exchange of it. A helper of Claude Code's is in its conversation, and apart."""
    gateway = web.gateway
    first = gateway.chat("gpt-4o", "Name a fish.").json["choices"][0]["message"]
    turns = [{"role": "user", "content": "Name a fish."}, first, {"role": "user", "content": "Another."}]
    system = {"role": "system", "content": "Today is 2026-11-29."}
    second = gateway.call("POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": [system, *turns]})
    gateway.chat("gpt-4o", "Something else.")
    session = {"x-claude-code-session-id": "s", "user-agent": "claude-cli/2.1.332 (external, cli)"}
    main = gateway.chat("gpt-4o", "Look around.", headers=session)
    helper = {**session, "x-claude-code-agent-id": "a1", "x-claude-code-agent-type": "Explore"}
    gateway.chat("demo-404-all", "Where?", headers=helper)

    ids = [record(flow)["conversation"] for flow in side(web.flows(), "client")]
    assert ids[0] == ids[1] != ids[2]
    assert ids[3] == ids[4]
    told = {record(flow)["agent"] for flow in side(web.flows(), "client")}
    assert told == {None, "Explore 34f9"}
    rows = [flow.comment for flow in web.flows() if f"conversation {ids[0]} [" in flow.comment]
    assert len(rows) == 4, "each exchange and its attempt"
    assert all(mark(ids[0]) in row for row in rows)

    lines = web.command("antigravity.conversation", ids[0])
    assert lines == web.command("antigravity.conversation", second.headers["x-request-id"])
    assert "2 turns" in lines[0]
    assert "    > Another." in lines
    cache = "\n".join(web.command("antigravity.cache", second.headers["x-request-id"]))
    assert "the system message was added" in cache
    plain = json.loads("".join(web.command("antigravity.conversation", main.headers["x-request-id"], "true")))
    assert plain["client"] == "claude-cli 2.1.332"
    assert [(turn["agent"], turn["status"]) for turn in plain["turns"]] == [(None, 200), ("Explore 34f9", 404)]
    assert len(json.loads("".join(web.command("antigravity.cache", ids[3], "true")))["threads"]) == 2

    costs = web.command("antigravity.costs")
    assert costs[0] == "unknown for 4 exchanges"
    assert costs[-1] == "4 exchanges: unknown: no price for gemini-4-hydrogen"
    assert "By conversation:" in costs
    one = json.loads("".join(web.command("antigravity.costs", second.headers["x-request-id"], "true")))
    assert [row["conversation"] for row in one["by_conversation"]] == [ids[0]]
    assert (one["total"]["exchanges"], one["total"]["unknown"]) == (1, 1)


def test_what_is_in_no_conversation_is_told_of(web: Web) -> None:
    id = web.gateway.call("POST", "/v1/embeddings", {"model": "e", "input": "a"}).headers["x-request-id"]
    with pytest.raises(CommandFailed, match="no turn of a conversation"):
        web.command("antigravity.conversation", id)


TOOL = {"type": "function", "function": {"name": "look", "description": "Looks around. " * 20}}


def test_where_time_and_tokens_went(web: Web, upstream: Upstream) -> None:
    id = web.gateway.chat("demo-503-first-time", "Name a fish.", stream=True, tools=[TOOL]).headers["x-request-id"]
    wait_until(lambda: any(record(flow).get("id") == id for flow in side(web.flows(), "client")))
    text = "\n".join(web.command("antigravity.timeline", id))
    for said in ("attempt 1 · 503 UNAVAILABLE", "\n  pause ", "attempt 2 · 200", "\n  first byte", "\n  tools "):
        assert said in text, said
    told = json.loads("".join(web.command("antigravity.timeline", id, "true")))
    assert [one["fine"] for one in told["attempts"]] == [False, True]
    assert 0 < told["marks"]["sent"] <= told["marks"]["first_byte"] <= told["marks"]["first_content"] <= told["total"]
    client = next(flow for flow in web.flows() if record(flow).get("id") == id)
    assert web.view(client, "request", "timeline") == text

    before = len(upstream.requests)
    shared = json.loads("".join(web.command("antigravity.tokens", id, "false", "true")))
    assert (shared["how"], shared["asked"], len(upstream.requests)) == ("shared", [], before)
    assert "Gemini is asked to count; the log tells what it says." in web.command("antigravity.tokens", id, "true")
    counted: dict[str, Any] = {}

    def is_counted() -> bool:
        counted.update(json.loads("".join(web.command("antigravity.tokens", id, "false", "true"))))
        return counted["how"] == "counted"

    wait_until(is_counted)
    assert counted["total"] == shared["total"]
    assert [one["what"] for one in counted["asked"]] == ["the whole request", "without tools"]
    assert counted["sections"]["tools"] > counted["sections"]["last message"] > 0
    line = f"{id}: without tools: {counted['sections']['last message']} tokens"
    wait_until(lambda: line in web.fetch("/events").decode())
    assert "── what Gemini was asked to count ──" in web.view(client, "request", "tokens")

    page = web.gateway.call("GET", f"/exchanges/{id}")
    assert page.status == 200
    assert "What took the tokens of the prompt" in page.body.decode()
    assert "what Gemini was asked to count" in page.body.decode()
    assert not [flow for flow in web.flows() if flow.request.path.startswith("/exchanges")]

    refused = web.gateway.chat("demo-400-count", "Name a fish.").headers["x-request-id"]
    web.command("antigravity.tokens", refused, "true")
    wait_until(lambda: json.loads("".join(web.command("antigravity.tokens", refused, "false", "true")))["asked"])
    told = json.loads("".join(web.command("antigravity.tokens", refused, "false", "true")))
    assert told["how"] == "estimated"
    [one] = told["asked"]
    assert one["tokens"] is None
    assert one["error"].startswith("400 ")
    with pytest.raises(CommandFailed, match="No exchange here has the id"):
        web.command("antigravity.tokens", "req_none", "true")


def test_a_running_exchange_says_what_it_is_doing(web: Web) -> None:
    """In the comment of its row, anew while it runs; the row is gone when the client is."""
    connection = http_client.HTTPConnection("127.0.0.1", web.gateway.port)
    body = {"model": "demo-slow-30", "stream": True, "messages": [{"role": "user", "content": "Hello!"}]}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    said = re.compile(r"running [1-9] s · demo-slow-30 · attempt 1 · waiting for the first byte \[req_\w+\]")

    def rows() -> list[str]:
        return [flow.comment for flow in web.flows() if said.fullmatch(flow.comment)]

    wait_until(lambda: len(rows()) == 1)
    first = rows()
    wait_until(lambda: rows() != first)
    connection.close()
    wait_until(lambda: not rows())


def test_an_exchange_is_copied(web: Web, tmp_path: Path) -> None:
    said = "It's $HOME, 你好"
    first = web.gateway.chat("gpt-4o", said).headers["x-request-id"]
    web.gateway.chat("gpt-4o", "another", stream=True)
    assert web.command("antigravity.copy.forms") == ["curl", "python", "javascript", "markdown", "html", "jsonl"]
    program = "\n".join(web.command("antigravity.copy", first, "python"))
    assert f'base_url="{web.gateway.base_url}"' in program
    assert said in program
    masked = "\n".join(web.command("antigravity.copy", first, "markdown", "true"))
    assert "> xx'x $xxxx" in masked
    file = tmp_path / "all.jsonl"
    web.command("antigravity.copy.file", "@all", "jsonl", str(file))
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["input"][0]["content"] for row in rows] == [said, "another"]
    assert all(row["output"]["content"] for row in rows)
    assert not [secret for secret in (*KEYS, ALPHA, BRAVO) if secret in file.read_text() + program + masked]
    for arguments, why in (
        (("@all", "curl"), "One exchange is copied as curl; these are 2"),
        ((first, "fax"), "Invalid choice"),
        (("req_none", "curl"), "No exchange here has the id"),
    ):
        with pytest.raises(CommandFailed, match=why):
            web.command("antigravity.copy", *arguments)
    with pytest.raises(CommandFailed, match="/proc/none/x: "):
        web.command("antigravity.copy.file", first, "curl", "/proc/none/x")


def test_a_page_is_written(web: Web, tmp_path: Path) -> None:
    id = web.gateway.chat("gpt-4o", "What is a page?").headers["x-request-id"]
    for mask in (False, True):
        file = tmp_path / f"{mask}.html"
        web.command("antigravity.page", id, str(file), *(["true"] if mask else []))
        text = file.read_text()
        assert ("What is a page?" in text) is not mask
        assert "contents[0].parts[0].text" in text
        assert not [secret for secret in (*KEYS, ALPHA, BRAVO) if secret in text]
    with pytest.raises(CommandFailed, match="/proc/none/x: "):
        web.command("antigravity.page", id, "/proc/none/x")


def test_a_request_id_stands_for_its_exchange(web: Web, upstream: Upstream) -> None:
    """As it is in a comment, with its brackets, or as much of its beginning as no other has."""
    ids = [web.gateway.chat("demo-503-first-id").headers["x-request-id"] for _ in range(2)]
    common = next(at for at, (one, other) in enumerate(zip(*ids, strict=True)) if one != other)
    for spec in (ids[0], f"[{ids[0]}]", ids[0][: common + 1]):
        assert ids[0] in "\n".join(web.command("antigravity.explain", spec))
    upstream.forget()
    (client, *_) = side(run(web, "antigravity.replay", ids[1]), "client")
    assert record(client)["replay_of"] == ids[1]
    assert ids[1] in client.comment
    assert record(web.flows()[0])["id"] in "\n".join(web.command("antigravity.explain", ids[0])), "still the original"
    upstream.forget()
    run(web, "antigravity.replay.upstream", ids[0])
    assert len(upstream.requests) == 1, "the last attempt alone"


def test_marks_are_the_persons_own(web: Web, upstream: Upstream) -> None:
    """Failures bear none, so `@marked` is what somebody has marked."""
    web.gateway.chat("demo-500-all")
    good = web.gateway.chat("gpt-4o").headers["x-request-id"]
    flow = next(flow for flow in side(web.flows(), "client") if record(flow)["id"] == good)
    web.fetch(f"/flows/{flow.id}", "PUT", {"marked": ":red_circle:"})
    upstream.forget()
    (client,) = side(run(web, "antigravity.replay", "@marked"), "client")
    assert record(client)["replay_of"] == good
    assert len(upstream.requests) == 1


def test_replay_makes_a_copy(web: Web, upstream: Upstream) -> None:
    first = web.gateway.chat("gemini-2.5-flash-lite", "copy me")  # a model that signs its texts answers each time anew
    before = web.flows()
    upstream.forget()
    new = run(web, "antigravity.replay", "@all")  # both flows of the exchange: one replay
    assert len(upstream.requests) == 1
    (client,), (attempt,) = side(new, "client"), side(new, "attempt")
    assert record(client)["replay_of"] == first.headers["x-request-id"]
    assert record(client)["id"] == record(attempt)["id"] != first.headers["x-request-id"]
    assert client.request.content == before[0].request.content
    assert client.response
    assert json.loads(client.response.content or b"")["choices"] == first.json["choices"]
    assert [contents(web.flow(flow.id)) for flow in before] == list(map(contents, before))


def test_replay_of_the_upstream_side(web: Web, upstream: Upstream) -> None:
    answer = web.gateway.chat("demo-503-first-upstream", "again")
    upstream.forget()
    (last,) = run(web, "antigravity.replay.upstream", "~u chat/completions")
    (asked,) = upstream.requests
    assert asked.headers["x-goog-api-key"] == KEY_OF[answer.headers["x-account-email"]]
    assert last.response
    assert last.response.status_code == 200
    assert record(last)["replay_of"] == answer.headers["x-request-id"]

    both = f"~comment {answer.headers['x-request-id']} & ! ~replay"
    with pytest.raises(CommandFailed, match="This would ask Gemini 2 times"):
        web.command("antigravity.replay.upstream", both)
    two = run(web, "antigravity.replay.upstream", both, "true")
    assert sorted(record(flow)["account"] for flow in two) == [ALPHA, BRAVO]
    assert "ATTEMPTS" in web.command("antigravity.explain", f"@{two[0].id}")[0]


def test_replay_as_another_model(web: Web, upstream: Upstream) -> None:
    web.gateway.chat("gpt-4o", "what are you?")
    new = run(web, "antigravity.replay.model", "~u chat/completions", "gemini-2.5-pro")
    (client,) = side(new, "client")
    assert json.loads(client.request.content or b"")["model"] == "gemini-2.5-pro"
    assert client.response
    assert client.response.headers["x-mapped-model"] == "gemini-2.5-pro"
    assert upstream.requests[-1].path == "/v1beta/models/gemini-2.5-pro:generateContent"


def test_replay_on_another_account_even_if_it_rests(web: Web, upstream: Upstream) -> None:
    web.gateway.chat("gemini-3-flash", "who?", n=2)
    for account, key in KEY_OF.items():
        web.command("antigravity.cool", account, "100")
        upstream.forget()
        new = run(web, "antigravity.replay.account", "~u chat/completions & ! ~replay", account)
        (client,) = side(new, "client")
        assert client.response
        assert client.response.headers["x-account-email"] == account
        assert {request.headers["x-goog-api-key"] for request in upstream.requests} == {key}
    assert all("cooling" in line for line in web.command("antigravity.accounts"))


def test_a_replay_on_an_account_does_not_move_on_to_another(web: Web) -> None:
    web.gateway.chat("demo-500-all")
    new = run(web, "antigravity.replay.account", "~u chat/completions", BRAVO)
    assert {record(flow)["account"] for flow in side(new, "attempt")} == {BRAVO}
    (client,) = side(new, "client")
    assert client.response
    assert client.response.status_code >= 500


def test_export_writes_a_case(web: Web, tmp_path: Path) -> None:
    web.gateway.chat("gpt-4o", "a sentence to be found")
    plain, masked = tmp_path / "plain", tmp_path / "masked"
    web.command("antigravity.export", "~u v1beta", str(plain))
    web.command("antigravity.export", "~u chat/completions", str(masked), "true")
    texts = {folder: "".join(file.read_text() for file in folder.iterdir()) for folder in (plain, masked)}
    assert "a sentence to be found" in texts[plain]
    assert "a sentence to be found" not in texts[masked]
    assert not any(key in text for text in texts.values() for key in KEYS)
    with pytest.raises(CommandFailed, match="is not empty"):
        web.command("antigravity.export", "~u v1beta", str(web.gateway.folder))


def test_no_key_comes_into_what_commands_make(web: Web) -> None:
    web.gateway.chat("demo-429-first-s", stream=True)
    for command in (
        ("antigravity.replay", "@all", "true"),
        ("antigravity.replay.upstream", "~u v1beta", "true"),
        ("antigravity.replay.account", "~u chat/completions & ! ~replay", BRAVO),
    ):
        run(web, *command)
    shown = [web.fetch(path) for path in ("/flows", "/flows/dump", "/events")]
    shown += [json.dumps(web.command("antigravity.accounts")).encode(), web.gateway.log.encode()]
    for flow in web.flows():
        if flow.metadata["antigravity"]["side"] == "client":
            shown.append(json.dumps(web.command("antigravity.explain", f"@{flow.id}")).encode())
    assert len(shown) > 5
    assert not any(key.encode() in data for data in shown for key in KEYS)


class Console:
    """mitmproxy in a terminal of 140 columns."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.port = free_port()
        self._terminal, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
        mitmproxy = [str(Path(sys.executable).parent / "mitmproxy"), "-s", str(ROOT / "addons" / "antigravity.py")]
        mode = ["--mode", f"reverse:https://gateway.invalid@127.0.0.1:{self.port}", "--set", f"confdir={folder}"]
        self.process = subprocess.Popen(
            [*mitmproxy, *mode, *arguments],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env={**os.environ, "TERM": "xterm"},
        )
        os.close(inner)
        self._written = b""
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def text(self) -> str:
        """All that was written to the terminal, without what moves and colours it."""
        return re.sub(rb"\x1b(\[[0-9;?]*[a-zA-Z]|[()][A-Z0-9])|[\x0e\x0f]", b"", self._written).decode(errors="replace")

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def _read(self) -> None:
        try:
            while data := os.read(self._terminal, 65536):
                self._written += data
        except OSError:
            pass


def test_in_mitmproxys_console(upstream: Upstream, tmp_path: Path) -> None:
    """Also that the console gets as far as the others: the settings are watched."""
    file = tmp_path / "antigravity.toml"
    file.write_text(TWO_ACCOUNTS.replace("UPSTREAM", upstream.url))
    console = Console(tmp_path, "--set", f"antigravity_config={file}")
    gateway = Gateway(console.process, console.port, tmp_path / "log", tmp_path)

    def account() -> str:
        return gateway.chat("gpt-4o").headers["x-account-email"]

    try:
        wait_until(lambda: "Flows" in console.text and connects(console.port))
        wait_until(lambda: f"Gateway at http://127.0.0.1:{console.port}/v1" in console.text)
        console.type(f":antigravity.cool {ALPHA} 50\r")
        wait_until(lambda: f"{ALPHA} · gemini · cooling for all models 50 s" in console.text)
        assert {account() for _ in range(4)} == {BRAVO}
        wait_until(lambda: "gpt-4o -> gemini" in console.text)  # the comment, below its row
        console.type(":antigravity.explain @focus\r")
        wait_until(lambda: "ATTEMPTS" in console.text)
        file.write_text(file.read_text().replace("@example.com", "@example.org"))
        wait_until(lambda: account().endswith(".org"))
        console.type(":antigravity.copy @focus python\r")
        wait_until(lambda: "from openai import OpenAI" in console.text)
        console.type("q")
        console.type(":antigravity.diff @focus @focus\r")
        wait_until(lambda: "the client's request" in console.text)
        assert "Unhandled error" not in console.text
    finally:
        console.process.terminate()
        console.process.wait(PATIENCE)


def connects(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0
