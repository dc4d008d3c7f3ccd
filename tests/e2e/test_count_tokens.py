"""`POST /v1/messages/count_tokens`: many at a time, the same ones once, estimates, and what the record has of it."""

from __future__ import annotations

import json
import threading
from collections import Counter as Counts
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from tests.e2e.conftest import FLASH, TWO_ACCOUNTS, ScriptedUpstream, http_answer, wait_until
from tests.e2e.test_cases import cases
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Answer, Gateway, Starter, Upstream

TOOL = {
    "name": "look",
    "description": "Looks.",
    "input_schema": {"type": "object", "properties": {"where": {"type": "string"}}},
}
SESSION = {"X-Claude-Code-Session-Id": "5b1c", "anthropic-version": "2023-06-01"}
ASKED: tuple[Any, ...] = ({"text": "One."}, {"text": "One."}, {"text": "Two.", "model": "demo-429-all"})
HI: Any = {"candidates": [{"content": {"parts": [{"text": "Hi."}]}, "finishReason": "STOP"}]}


class Counter:
    """An upstream that counts and answers. Counts are held back until `go` is set; `status` refuses them.

    `most` is how many it has ever made at a time.
    """

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.active: Counts[str] = Counts()
        self.most = 0
        self.go = threading.Event()
        self.status = 200
        self._lock = lock = threading.Lock()
        counter = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                key = self.headers["x-goog-api-key"]
                status, answer = (
                    200,
                    {"candidates": [{"content": {"parts": [{"text": "Hi."}]}, "finishReason": "STOP"}]},
                )
                if self.path.endswith(":countTokens"):
                    with lock:
                        counter.bodies.append(body)
                        counter.active[key] += 1
                        counter.most = max(counter.most, counter.active.total())
                    counter.go.wait(PATIENCE)
                    with lock:
                        counter.active[key] -= 1
                    status = counter.status
                    answer = {"totalTokens": 42} if status == 200 else {"error": {"code": status, "message": "No."}}
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.settings = TWO_ACCOUNTS.replace("UPSTREAM", f"http://127.0.0.1:{self._server.server_port}")

    @property
    def held(self) -> list[int]:
        """How many counts each account makes now; the order is that in which the accounts were first asked."""
        with self._lock:
            return list(self.active.values())

    def close(self) -> None:
        self.go.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def counter() -> Iterator[Counter]:
    made = Counter()
    yield made
    made.close()


def count(gateway: Gateway, text: str, path: str = "/v1/messages/count_tokens?beta=true", **more: Any) -> Answer:
    body = {"model": "claude-sonnet-5-5", "messages": [{"role": "user", "content": text}], **more}
    return gateway.call("POST", path, body, headers=SESSION)


def test_the_sdk(gateway: Gateway, upstream: Upstream) -> None:
    client = anthropic.Anthropic(base_url=f"http://127.0.0.1:{gateway.port}", api_key="any")
    asked: Any = {"model": "claude-sonnet-5-5", "messages": [{"role": "user", "content": "x" * 400}], "tools": [TOOL]}
    counted = client.messages.count_tokens(**asked, system="Be brief.")
    assert counted.input_tokens > 100
    assert upstream.requests[-1].path == f"/v1beta/models/{FLASH}:countTokens"
    assert upstream.requests[-1].body["generateContentRequest"]["tools"]
    answer = client.messages.create(**asked, system="Be brief.", max_tokens=500)
    assert answer.usage.input_tokens == counted.input_tokens
    assert client.beta.messages.count_tokens(**asked).input_tokens < counted.input_tokens
    with pytest.raises(anthropic.BadRequestError):
        client.messages.count_tokens(model="claude-sonnet-5-5", messages=[])


def test_its_paths(gateway: Gateway) -> None:
    for path in ("/v1/messages/count_tokens", "/v1/v1/messages/count_tokens?beta=true", "/messages/count_tokens"):
        assert count(gateway, "paths", path).json["input_tokens"] > 0
    found = gateway.call("POST", "/v1/messages/count_tokens", {"messages": []}, headers=SESSION).json
    assert found["type"] == "error"
    assert gateway.call("GET", "/v1/messages/count_tokens", headers=SESSION).status == 405


@pytest.mark.parametrize("strategy", ["round_robin", "sticky", "fill_first"])
def test_many_at_a_time_are_spread_and_the_same_ones_shared(starter: Starter, counter: Counter, strategy: str) -> None:
    gateway = starter(f'[routing]\nstrategy = "{strategy}"\n{counter.settings}')
    with ThreadPoolExecutor(30) as pool:
        asked = [pool.submit(count, gateway, f"Question {number}?") for number in [*range(25), *[24] * 5]]
        wait_until(lambda: sum(counter.held) == 8)
        held = counter.held  # once they go, the next ones take the places in any order
        counter.go.set()
        answers = [future.result() for future in asked]
    assert [answer.json for answer in answers] == [{"input_tokens": 42}] * 30
    assert held == [4, 4]
    assert counter.most == 8
    assert len(counter.bodies) == 25
    notes = [answer.headers.get("x-antigravity-notes") for answer in answers]
    assert notes.count("1 counted") == 5
    assert notes.count(None) == 25
    again = count(gateway, "Question 0?")
    assert again.headers["x-antigravity-notes"] == "1 counted"
    assert all(answer.headers["request-id"] == answer.headers["x-request-id"] for answer in (*answers, again))


@pytest.mark.parametrize("status", [429, 503, 500])
def test_what_can_not_be_counted_is_estimated_and_answers_go_on(
    starter: Starter, counter: Counter, status: int
) -> None:
    counter.go.set()
    counter.status = status
    gateway = starter('[retry]\nmax_wait = "1s"\n' + counter.settings)
    for number in range(3):
        answer = count(gateway, "x" * 399 + str(number))
        assert answer.json == {"input_tokens": 100}
        assert "estimated=input_tokens" in answer.headers["x-antigravity-notes"]
    assert gateway.chat("gemini-flash").status == 200
    assert len(counter.bodies) == (2 if status == 429 else 6)
    counter.status = 400
    refused = count(starter(counter.settings), "Hi.")
    assert (refused.status, refused.json["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    ("message", "changed"),
    [
        ("tools[0].function_declarations[0].parameters_json_schema: not supported by this model", {"tools"}),
        (
            "Function call is missing a thought_signature in functionCall parts.",
            set(),
        ),  # a placeholder is there already
    ],
    ids=["schema", "signature"],
)
def test_what_is_refused_is_mended(starter: Starter, message: str, changed: set[str]) -> None:
    body = json.dumps({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}).encode()
    refusal = http_answer(body).replace(b"200 OK", b"400 Bad Request")
    upstream = ScriptedUpstream(refusal, http_answer(b'{"totalTokens": 42}'))
    account = f'[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "{upstream.url}"\n'
    call = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "Nothing."}
    messages = [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    answer = count(starter(account), "", messages=[{"role": "user", "content": "Hi."}, *messages], tools=[TOOL])
    upstream.close()
    assert answer.json == {"input_tokens": 42}
    first, second = (body["generateContentRequest"] for body in upstream.bodies)
    assert {name for name in first if first[name] != second[name]} == changed


def test_without_an_account(starter: Starter) -> None:
    answer = count(starter(None), "x" * 400)
    assert (answer.status, answer.json) == (200, {"input_tokens": 100})


def test_a_client_that_leaves_gives_its_turn_to_others(starter: Starter, counter: Counter) -> None:
    gateway = starter(counter.settings)
    with ThreadPoolExecutor(20) as pool:
        left = [pool.submit(leave, gateway, number) for number in range(12)]
        for future in left:
            future.result()
        wait_until(lambda: gateway.log.count("client left") == 12)
        counter.go.set()
        assert count(gateway, "Me.").json == {"input_tokens": 42}


def leave(gateway: Gateway, number: int) -> None:
    """Ask, and hang up once the request has been sent."""
    import socket

    data = json.dumps({"model": "claude-x", "messages": [{"role": "user", "content": f"Leaves {number}."}]}).encode()
    with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
        head = f"POST /v1/messages/count_tokens HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data)


def test_the_record_has_all_of_it(starter: Starter, tmp_path: Path) -> None:
    """Counted, known from before, and estimated: each is a case that passes, and the first two answer from a file."""
    gateway = starter(TWO_ACCOUNTS, "-w", "saved.flow")
    answers = [count(gateway, **asked) for asked in ASKED]
    notes = [answer.headers.get("x-antigravity-notes", "") for answer in answers]
    assert [note.rpartition(" ")[2] for note in notes] == ["", "counted", "estimated=input_tokens"]
    gateway.stop()
    saved = gateway.folder / "saved.flow"
    assert cases("export", saved, tmp_path / "cases").returncode == 0
    done = cases("run", tmp_path / "cases")
    assert (done.returncode, done.stdout) == (0, "3 cases, all as recorded\n")
    again = starter(TWO_ACCOUNTS, "-S", str(saved))
    assert [count(again, **ASKED[0]).body for _ in range(2)] == [answer.body for answer in answers[:2]]
