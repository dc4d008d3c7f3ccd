"""scripts/drill.py: what a run says of a client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from addons.gateway.fault_injection.grammar import parse, shown
from scripts import bootstrap, drill
from scripts.drilling import drilled, runs, table
from scripts.drilling.faults import FIRST, LATER, Drilled, chosen
from scripts.drilling.runs import DrillRun
from scripts.drilling.verdict import DrillVerdict, judge, words_of
from scripts.drilling.watch import SeenRequest, Watch


def run(output: str = "The whole answer", status: int | None = 0, **more: Any) -> DrillRun:
    return DrillRun(status, output, more.pop("errors", ""), 1.0, met=["a fault"], **more)


def asked(*times: float, bodies: Iterator[Any] | None = None) -> list[SeenRequest]:
    return [SeenRequest(time, "POST", "/v1/x", json.dumps(next(bodies) if bodies else {}).encode()) for time in times]


def verdict(of: DrillRun, drilled: Drilled = FIRST[0]) -> DrillVerdict:
    baselines = [run("The whole answer 1111", requests=asked(0)), run("The whole answer 2222", requests=asked(0))]
    return judge(drilled, of, baselines)


@pytest.mark.parametrize("one", [*FIRST, *LATER], ids=lambda one: one.name)
def test_each_fault_can_be_ordered(one: Drilled) -> None:
    turns = [shown(turn) for turn in parse(one.header("abc"))]
    assert turns.index(shown(parse(one.fault)[0])) == max(0, one.turn - 1)
    assert turns[-1] == ("ok" if one.turn else shown(parse(one.fault)[0]))


def test_rows_are_chosen_by_words() -> None:
    assert chosen([], later=True) == [*FIRST, *LATER]
    assert chosen([], later=False) == [*FIRST]
    assert {one.fault for one in chosen(["cut-call", "429;"], later=False)} == {"cut-call", "429;retry-after=1"}


def test_a_client_that_finishes() -> None:
    found = verdict(run("The whole answer 3333", requests=asked(0)))
    assert (found.outcome, found.bad, found.retries, found.lost) == ("finished", False, [], [])


def test_a_client_that_tries_again() -> None:
    found = verdict(run(requests=asked(5, 6, 8.5)))
    assert (found.requests, found.retries, found.bad) == (3, [1, 2.5], False)


def test_pauses_count_from_the_request_that_met_the_fault() -> None:
    baselines = [run(requests=asked(0, 1))] * 2
    found = judge(LATER[0], run(requests=asked(0, 0.1, 3)), baselines)
    assert found.retries == [2.9]


def test_a_client_that_loses_text() -> None:
    found = verdict(run("The whole", requests=asked(0)))
    assert (found.lost, found.bad) == (["answer"], True)
    silent = Drilled("empty", "empty", has_text=False)
    assert not verdict(run("", requests=asked(0)), silent).bad


def test_words_that_come_once_are_no_text() -> None:
    assert words_of([run("at 12345 said hello"), run("at 67890 said hello")]) == ["said", "hello"]


@pytest.mark.parametrize(
    ("status", "may_fail", "outcome", "bad"),
    [(1, False, "crashed", True), (1, True, "failed", False), (-11, True, "crashed", True), (None, True, "hung", True)],
)
def test_a_client_that_does_not_finish(status: int | None, may_fail: bool, outcome: str, bad: bool) -> None:
    errors = "Traceback:\n  at x\nlib.APIError: it failed\n  at y\n"
    found = verdict(run("", status, errors=errors, requests=asked(0)), Drilled("x", "503", may_fail=may_fail))
    assert (found.outcome, found.bad, found.said) == (outcome, bad, "lib.APIError: it failed")


CHAT = [
    {"role": "assistant", "tool_calls": [{"id": "call_7", "function": {"name": "f", "arguments": '{"a'}}]},
    {"role": "tool", "tool_call_id": "call_7", "content": "RESULT"},
]
MESSAGES = [
    {"role": "assistant", "content": [{"type": "tool_use", "id": "call_7_and_more", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_7_and_more", "content": "RESULT"}]},
]
OUTPUT = {"type": "function_call_output", "call_id": "call_7", "output": "RESULT"}


@pytest.mark.parametrize(
    "body",
    [
        {"messages": CHAT},
        {"messages": MESSAGES},
        {"input": [{"type": "function_call", "call_id": "call_7", "arguments": '{"a'}, OUTPUT]},
        {"input": [OUTPUT], "previous_response_id": "resp_1"},
    ],
)
@pytest.mark.parametrize(("result", "ran"), [("it is done", True), ("error: arguments are no JSON", False)])
def test_the_result_of_a_broken_call_is_found(body: Any, result: str, ran: bool) -> None:
    body = json.loads(json.dumps(body).replace("RESULT", result))
    found = verdict(run(requests=asked(0, 1, bodies=iter([{}, body])), broken=["call_7"]))
    assert (found.half_call, found.ran_half, found.bad) == (result, ran, ran)


@pytest.mark.parametrize("messages", [[], CHAT[:1], [{"role": "user", "content": "call_7 is a word"}]])
def test_a_broken_call_that_was_not_run(messages: Any) -> None:
    found = verdict(run(requests=asked(0, 1, bodies=iter([{}, {"messages": messages}])), broken=["call_7"]))
    assert found.half_call is None
    assert not found.bad


def test_a_fault_that_did_not_happen_says_nothing() -> None:
    missed = run("", 1, requests=asked(0))
    missed.met = []
    found = verdict(missed)
    assert not found.bad
    assert "1 did not happen" in table.summed_up([found])


def test_the_table() -> None:
    rows = [verdict(run(requests=asked(0, 2))), verdict(run("The", requests=asked(0)), FIRST[1])]
    assert table.lines(rows) == [
        "fault                  outcome         requests  what else",
        "429, come back in 1 s  finished 1.0 s  2         asked again after 2.0 s",
        "429                    finished 1.0 s  1         LOST TEXT: 2 words (whole answer)",
        "",
        "The client survives 1 of 2 faults. Look at: 429.",
    ]


NO_ADDRESSES = ["ftp://x", "x:80", "http://", "http://x:99999", "http://x:port", "http://x/v1"]


def test_the_command_line() -> None:
    options, command = drill.parse(["--only", "cut", "--timeout", "5", "--", "tool", "--json"])
    assert (options.only, options.timeout, options.json, command) == (["cut"], 5, False, ["tool", "--json"])
    for wrong in (["--only", "cut"], *(["--url", url, "--", "tool"] for url in NO_ADDRESSES)):
        with pytest.raises(SystemExit):
            drill.parse(wrong)


def test_a_fault_that_there_is_not_is_no_success() -> None:
    options, command = drill.parse(["--only", "nonsense", "--", "tool"])
    with pytest.raises(bootstrap.SetupError, match=r"--only nonsense: .*429"):
        asyncio.run(drilled.drill(options, command))


def test_placeholders_and_environment() -> None:
    words = runs.arguments(["x", "{url}/chat", "--root={root}", "{model}"], "http://h:1", "gpt-4o")
    assert words == ["x", "http://h:1/v1/chat", "--root=http://h:1", "gpt-4o"]
    found = runs.environment({"HTTP_PROXY": "x", "ANTHROPIC_API_KEY": "x", "PATH": "p"}, "http://h:1", "k")
    assert found["OPENAI_BASE_URL"] == "http://h:1/v1"
    assert found["ANTHROPIC_BASE_URL"] == "http://h:1"
    assert found["PATH"] == "p"
    assert not found.keys() & {"HTTP_PROXY", "ANTHROPIC_API_KEY"}


def test_a_command_that_hangs_is_killed_with_what_it_has_started() -> None:
    waits = "import threading; threading.Event().wait()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {waits!r}])"
    found = asyncio.run(runs.run([sys.executable, "-c", code], {}, 1.0))
    assert found.status is None


REPLY = b"HTTP/1.1 200 OK\r\nx-request-id: req_%d\r\nContent-Length: 2\r\n\r\nok"
TORN = b"HTTP/1.1 200 OK\r\nx-request-id: req_9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"


def test_what_is_asked_is_seen_and_gets_the_header() -> None:
    """Two requests on one connection, one of them chunked; then one whose answer is torn."""
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            for number in range(3):
                got.append(await reader.readuntil(b"\r\n\r\n"))
                got.append(await reader.readexactly((17, 28, 0)[number]))
                writer.write(REPLY % number if number < 2 else TORN)
            await writer.drain()

    async def talk() -> tuple[Watch, bytes]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        watch = Watch(server.sockets[0].getsockname()[:2], "/v1/*", "gpt-*", key="secret")
        host, port = (await watch.start()).removeprefix("http://").split(":")
        watch.begin("503, ok")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b'POST /v1/x?a=b HTTP/1.1\r\nx-api-key: k\r\nContent-Length: 17\r\n\r\n{"model":"gpt-4"}')
        answer = await reader.readuntil(b"ok")
        writer.write(
            b'POST /v1/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nc\r\n{"model":"x"\r\n1\r\n}\r\n0\r\n\r\n'
        )
        answer += await reader.readuntil(b"ok")
        writer.write(b"GET /v1/models HTTP/1.1\r\n\r\n")
        answer += await reader.read()
        writer.close()
        await watch.stop()
        server.close()
        return watch, answer

    watch, answer = asyncio.run(talk())
    assert answer == REPLY % 0 + REPLY % 1 + TORN
    assert [(one.method, one.path, one.status, one.id) for one in watch.seen] == [
        ("POST", "/v1/x", 200, "req_0"),
        ("POST", "/v1/x", 200, "req_1"),
        ("GET", "/v1/models", 200, "req_9"),
    ]
    assert [one.json for one in watch.seen] == [{"model": "gpt-4"}, {"model": "x"}, None]
    heads = got[::2]
    assert [b"X-Antigravity-Fault: 503, ok" in head for head in heads] == [True, False, False]
    assert all(b"Authorization: Bearer secret" in head and b"x-api-key" not in head for head in heads)
