"""Tokens that end, are revoked, or can't be had, while requests go on: against an upstream that checks every token."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from tests.e2e.conftest import wait_until
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Answer, Gateway, Starter

MODEL = "gemini-2.5-flash"
UNAUTHENTICATED = {"error": {"code": 401, "message": "Request had invalid credentials.", "status": "UNAUTHENTICATED"}}
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


class Handler(BaseHTTPRequestHandler):
    """A request is read to its end, and answered by `respond`."""

    protocol_version = "HTTP/1.1"
    respond: Callable[[Handler, bytes], None]

    def do_POST(self) -> None:
        type(self).respond(self, self.rfile.read(int(self.headers["Content-Length"])))

    def reply(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100

    def __init__(self, respond: Callable[[Any, bytes], None]) -> None:
        super().__init__(("127.0.0.1", 0), type("Bound", (Handler,), {"respond": staticmethod(respond)}))
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The gateway hangs up on what it does not want to hear; that is no fault of a test."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class Google:
    """A token server, and an upstream that takes each of its tokens until that ends or is revoked.

    Credentials are known by their refresh token: `alpha-1` and `alpha-2` are two logins of the person `alpha`.
    """

    def __init__(self) -> None:
        self.lifetime = 3600
        self.delay = 0.0
        """Seconds that the token server takes."""
        self.held: set[str] = set()
        """Logins whose token has to wait for `go_on`."""
        self.go_on = threading.Event()
        self.gone: set[str] = set()
        """Logins that are revoked."""
        self.useless: set[str] = set()
        """Logins whose tokens the upstream never takes."""
        self.odd_reply: tuple[int, bytes] | None = None
        self.given: dict[str, list[str]] = defaultdict(list)
        self.at_a_time: Counter[str] = Counter()
        self.most_at_a_time = 0
        self.asked: list[tuple[str, bool]] = []
        """(token, whether it was good) of each request at the upstream."""
        self.stream_waits = False
        """Streams stop after their first event until `stream_on` is set."""
        self.stream_on = threading.Event()
        self._good_until: dict[str, float] = {}
        self._lock = threading.Lock()
        self.tokens = Server(self._give)
        self.upstream = Server(self._answer)

    def stop(self) -> None:
        self.go_on.set()
        self.stream_on.set()
        self.tokens.stop()
        self.upstream.stop()

    def revoke_tokens(self) -> None:
        """All tokens that were given so far are bad from now on, though they should last longer."""
        self._good_until.clear()

    def count(self, login: str) -> int:
        return len(self.given[login])

    def _give(self, request: Handler, body: bytes) -> None:
        login = parse_qs(body.decode())["refresh_token"][0]
        with self._lock:
            self.at_a_time[login] += 1
            self.most_at_a_time = max(self.most_at_a_time, self.at_a_time[login])
        try:
            if login in self.held:
                self.go_on.wait(PATIENCE)
            time.sleep(self.delay)
            status, reply = self._token(login)
        finally:
            with self._lock:
                self.at_a_time[login] -= 1
        request.reply(status, reply)

    def _token(self, login: str) -> tuple[int, bytes]:
        if login in self.gone:
            return 400, b'{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}'
        if self.odd_reply:
            return self.odd_reply
        with self._lock:
            token = f"token-of-{login}-{len(self.given[login]) + 1}"
            self.given[login].append(token)
            if login not in self.useless:
                self._good_until[token] = time.monotonic() + self.lifetime
        return 200, json.dumps({"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"}).encode()

    def _answer(self, request: Handler, body: bytes) -> None:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        good = time.monotonic() < self._good_until.get(token, 0.0)
        self.asked.append((token, good))
        if not good:
            request.reply(401, json.dumps(UNAUTHENTICATED).encode())
        elif "streamGenerateContent" in request.path:
            self._stream(request)
        else:
            request.reply(200, json.dumps(event("one two", "STOP")).encode())

    def _stream(self, request: Handler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(b"data: " + json.dumps(event("one ")).encode() + b"\r\n\r\n")
        if self.stream_waits:
            self.stream_on.wait(PATIENCE)
        request.wfile.write(b"data: " + json.dumps(event("two", "STOP")).encode() + b"\r\n\r\n")
        request.close_connection = True


def event(text: str, finish: str | None = None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 3}}


@pytest.fixture
def google() -> Iterator[Google]:
    found = Google()
    yield found
    found.stop()


class People:
    """Accounts with logins of people, and the settings for them."""

    def __init__(self, folder: Path, google: Google) -> None:
        self.folder = folder
        self._google = google

    def log_in(self, name: str, login: str, mode: int = 0o600) -> None:
        """Write a person's credentials file, in one go."""
        secrets = {"client_id": "id", "client_secret": "client-secret-5f", "refresh_token": login}
        content = {"type": "authorized_user", "token_uri": self._google.tokens.url + "/token", **secrets}
        written = self.folder / f"{name}.new"
        written.write_text(json.dumps(content))
        written.chmod(mode)
        written.replace(self.folder / f"{name}.json")

    def account(self, name: str, *lines: str) -> str:
        if not (self.folder / f"{name}.json").exists():
            self.log_in(name, f"{name}-1")
        file = self.folder / f"{name}.json"
        more = "".join(f"{line}\n" for line in lines)
        return (
            f'[[accounts]]\nemail = "{name}"\ncredentials = "{file}"\nbase_url = "{self._google.upstream.url}"\n{more}'
        )


@pytest.fixture
def people(tmp_path: Path, google: Google) -> People:
    return People(tmp_path, google)


def served_by(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    assert b"two" in answer.body
    return answer.headers["x-account-email"]


# ---- tokens that end


def test_tokens_that_end_within_seconds_fail_no_request(starter: Starter, google: Google, people: People) -> None:
    """Every token is good for 6 s, and given up 5 s before its end: about once a second each account needs another."""
    google.lifetime, google.delay = 6, 0.1
    gateway = starter(people.account("alpha") + people.account("bravo"))
    answers: list[Answer] = []

    def keep_asking(thread: int) -> None:
        while min(google.count("alpha-1"), google.count("bravo-1")) < 4:
            answers.append(gateway.chat(MODEL, stream=bool(thread % 2)))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(keep_asking, range(8)))
    assert {served_by(answer) for answer in answers} == {"alpha", "bravo"}
    assert all(good for _, good in google.asked)
    assert len(google.asked) == len(answers)
    assert all("x-antigravity-notes" not in answer.headers for answer in answers)
    assert google.most_at_a_time == 1
    assert len({token for token, _ in google.asked}) >= 7
    assert "token-of" not in gateway.log


# ---- tokens that the upstream refuses though they should be good


@STREAMED
def test_a_token_that_is_refused_early_is_renewed_at_once(
    starter: Starter, google: Google, people: People, stream: bool
) -> None:
    gateway = starter(people.account("alpha") + people.account("bravo"))
    assert {served_by(gateway.chat(MODEL)) for _ in range(2)} == {"alpha", "bravo"}
    google.revoke_tokens()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: gateway.chat(MODEL, stream=stream), range(16)))
    assert Counter(served_by(answer) for answer in answers) == {"alpha": 8, "bravo": 8}
    assert google.given == {f"{name}-1": [f"token-of-{name}-1-{n}" for n in (1, 2)] for name in ("alpha", "bravo")}
    assert "set aside" not in gateway.log


def test_the_calls_that_make_up_one_answer_share_a_renewal(starter: Starter, google: Google, people: People) -> None:
    gateway = starter(people.account("alpha"))
    assert served_by(gateway.chat(MODEL)) == "alpha"
    google.revoke_tokens()
    answer = gateway.chat("gemini-3-flash", n=3)
    assert len(answer.json["choices"]) == 3
    assert google.count("alpha-1") == 2
    assert "set aside" not in gateway.log


@STREAMED
def test_an_account_whose_new_token_is_refused_too_is_set_aside(
    starter: Starter, google: Google, people: People, stream: bool
) -> None:
    google.useless.add("alpha-1")
    gateway = starter(people.account("alpha") + people.account("bravo"))
    for _ in range(3):
        assert served_by(gateway.chat(MODEL, stream=stream)) == "bravo"
    refused = [token for token, good in google.asked if not good]
    assert refused == ["token-of-alpha-1-1", "token-of-alpha-1-2"]
    assert gateway.log.count("Account alpha is set aside") == 1


def test_each_account_has_a_renewal_of_its_own(starter: Starter, google: Google, people: People) -> None:
    """One request meets two accounts whose tokens were revoked: the second is not set aside for what the first did."""
    gateway = starter(people.account("alpha") + people.account("bravo"))
    assert [served_by(gateway.chat(MODEL)) for _ in range(2)] == ["alpha", "bravo"]
    google.revoke_tokens()
    google.useless.add("alpha-1")
    assert served_by(gateway.chat(MODEL)) == "bravo"
    assert google.given["bravo-1"] == ["token-of-bravo-1-1", "token-of-bravo-1-2"]
    assert "Account bravo is set aside" not in gateway.log


# ---- logins that are revoked


def test_a_revoked_login_is_out_of_service_until_its_file_changes(
    starter: Starter, google: Google, people: People
) -> None:
    gateway = starter(people.account("alpha") + people.account("bravo"))
    answers = [gateway.chat(MODEL) for _ in range(2)]
    google.revoke_tokens()
    google.gone.add("alpha-1")
    done = threading.Event()

    def keep_asking(thread: int) -> None:
        while not done.is_set():
            answers.append(gateway.chat(MODEL, stream=bool(thread % 2)))

    with ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(keep_asking, thread) for thread in range(4)]
        try:
            wait_until(lambda: "Account alpha is set aside" in gateway.log)
            assert "invalid_grant" in gateway.log
            aside = len(answers)
            wait_until(lambda: len(answers) > aside + 20)
            people.log_in("alpha", "alpha-2")
            wait_until(lambda: google.count("alpha-2") == 1)
            back = len(answers)
            wait_until(lambda: len(answers) > back + 20)
        finally:
            done.set()
        for future in asking:
            future.result(PATIENCE)
    names = [served_by(answer) for answer in answers]
    assert set(names[aside + 4 : aside + 20]) == {"bravo"}
    assert "alpha" in names[back:]
    assert "Account alpha: its credentials have changed" in gateway.log


def test_a_revoked_login_alone_is_told_and_comes_back_with_other_settings(
    starter: Starter, google: Google, people: People
) -> None:
    google.gone.add("alpha-1")
    gateway = starter(people.account("alpha"))
    assert gateway.chat(MODEL).error["code"] == "no_credential"
    aside = gateway.chat(MODEL)
    assert aside.status == 503
    assert "alpha" in aside.error["message"]
    assert "invalid_grant" in aside.error["message"]
    assert "alpha-1" not in aside.error["message"]
    people.log_in("bravo", "bravo-1")
    (gateway.folder / "antigravity.toml").write_text(people.account("bravo"))
    wait_until(lambda: "Settings reloaded" in gateway.log)
    assert served_by(gateway.chat(MODEL)) == "bravo"


# ---- token servers that are slow, down, or talk nonsense


@STREAMED
def test_a_slow_token_server_holds_up_nobody_else(
    starter: Starter, google: Google, people: People, stream: bool
) -> None:
    google.held.add("alpha-1")
    gateway = starter(
        people.account("alpha", 'models = ["gemini-2.5-pro"]') + people.account("bravo", f'models = ["{MODEL}"]')
    )
    with ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(gateway.chat, "gemini-2.5-pro", stream=stream) for _ in range(4)]
        wait_until(lambda: google.at_a_time["alpha-1"] == 1)
        assert served_by(gateway.chat(MODEL)) == "bravo"
        assert gateway.call("GET", "/healthz").status == 200
        assert not any(future.done() for future in waiting)
        google.go_on.set()
        assert {served_by(future.result(PATIENCE)) for future in waiting} == {"alpha"}
    assert google.count("alpha-1") == 1


def test_a_client_that_does_not_wait_for_a_slow_token_server(starter: Starter, google: Google, people: People) -> None:
    """What it has begun serves the next one."""
    google.held.add("alpha-1")
    gateway = starter(people.account("alpha"))
    connection = HTTPConnection("127.0.0.1", gateway.port)
    body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]})
    connection.request("POST", "/v1/chat/completions", body)
    wait_until(lambda: google.at_a_time["alpha-1"] == 1)
    connection.close()
    google.go_on.set()
    assert served_by(gateway.chat(MODEL)) == "alpha"
    assert google.count("alpha-1") == 1
    assert "Traceback" not in gateway.log


@STREAMED
def test_the_deadline_ends_the_wait_for_a_token(starter: Starter, google: Google, people: People, stream: bool) -> None:
    google.held.add("alpha-1")
    gateway = starter('[limits]\ndeadline = "1s"\n' + people.account("alpha"))
    late = gateway.chat(MODEL, stream=stream)
    assert (late.status, late.error["code"]) == (504, "upstream_timeout")
    google.go_on.set()
    assert served_by(gateway.chat(MODEL)) == "alpha"
    assert google.count("alpha-1") == 1


ODD = {
    "a web page": (200, b"<html><body>Sign in to this network</body></html>"),
    "a web page of an error": (502, b"<html><title>Bad gateway</title></html>"),
    "no text": (200, bytes(range(256))),
    "nothing": (200, b""),
    "another shape": (200, b'["access_token"]'),
    "no token": (200, b'{"token_type": "Bearer", "expires_in": 60}'),
    "a token of two lines": (200, b'{"access_token": "evil\\r\\nX-Evil: 1", "expires_in": 60}'),
    "no end": (200, b'{"access_token": "' + b"evil" * 5_000_000 + b'", "expires_in": 60}'),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_nonsense_of_a_token_server(starter: Starter, google: Google, people: People, odd: tuple[int, bytes]) -> None:
    google.odd_reply = odd
    key = '[[accounts]]\nemail = "key"\napi_key = "k"\nbase_url = "UPSTREAM"\nmodels = ["gemini-2.5-flash"]\n'
    gateway = starter(people.account("alpha", 'models = ["gemini-2.5-*"]') + key)
    assert {gateway.chat(MODEL).headers["x-account-email"] for _ in range(2)} == {"key"}
    alone = gateway.chat("gemini-2.5-pro")
    assert (alone.status, alone.error["code"]) == (503, "no_credential")
    assert "alpha" in alone.error["message"]
    for text in (alone.error["message"], gateway.log):
        assert "evil" not in text.lower()
        assert "client-secret-5f" not in text
    assert not google.asked
    google.odd_reply = None
    assert served_by(gateway.chat("gemini-2.5-pro")) == "alpha"


def test_a_token_server_that_comes_back(starter: Starter, google: Google, people: People) -> None:
    """While it is down, another account serves; an account that is alone says why it can't."""
    listener = socket.create_server(("127.0.0.1", 0))
    free = listener.getsockname()[1]
    listener.close()
    people.log_in("alpha", "alpha-1")
    file = people.folder / "alpha.json"
    file.write_text(file.read_text().replace(str(google.tokens.server_address[1]), str(free)))
    gateway = starter(
        people.account("alpha", 'models = ["gemini-2.5-*"]') + people.account("bravo", f'models = ["{MODEL}"]')
    )
    assert {served_by(gateway.chat(MODEL)) for _ in range(3)} == {"bravo"}
    alone = gateway.chat("gemini-2.5-pro")
    assert alone.status == 503
    assert "could not be asked" in alone.error["message"]
    people.log_in("alpha", "alpha-1")
    wait_until(lambda: "its credentials have changed" in gateway.log)
    assert served_by(gateway.chat("gemini-2.5-pro")) == "alpha"


# ---- the file


def test_a_stream_ends_well_though_its_credentials_change(starter: Starter, google: Google, people: People) -> None:
    google.stream_waits = True
    gateway = starter(people.account("alpha"))
    with ThreadPoolExecutor(1) as threads:
        streaming = threads.submit(gateway.chat, MODEL, stream=True)
        wait_until(lambda: bool(google.asked))
        people.log_in("alpha", "alpha-2")
        wait_until(lambda: google.count("alpha-2") == 1)
        wait_until(
            lambda: served_by(gateway.chat(MODEL)) == "alpha" and google.asked[-1] == ("token-of-alpha-2-1", True)
        )
        google.stream_on.set()
        answer = streaming.result(PATIENCE)
    assert served_by(answer) == "alpha"
    assert answer.events[-1] == "[DONE]"
    assert google.asked[0] == ("token-of-alpha-1-1", True)


def test_a_file_that_everybody_can_read_is_warned_about_once(starter: Starter, google: Google, people: People) -> None:
    people.log_in("alpha", "alpha-1", mode=0o644)
    gateway: Gateway = starter(people.account("alpha"))
    assert served_by(gateway.chat(MODEL)) == "alpha"
    (gateway.folder / "antigravity.toml").write_text(people.account("alpha", "weight = 2"))
    wait_until(lambda: "Settings reloaded" in gateway.log)
    assert served_by(gateway.chat(MODEL)) == "alpha"
    assert gateway.log.count("chmod 600") == 1
