"""Accounts with credentials that are renewed: tokens on the wire, refreshes under load, refusals."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import TWO_ACCOUNTS, wait_until

if TYPE_CHECKING:
    from tests.e2e.conftest import Starter, Upstream


class TokenServer:
    """Gives out `token-1`, `token-2`, ... that last `lifetime` seconds; with `refuse` set it refuses."""

    def __init__(self) -> None:
        self.given = 0
        self.lifetime = 3600
        self.refuse = False
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = outer.answer()
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/token"

    def answer(self) -> tuple[int, dict[str, object]]:
        with self._lock:
            if self.refuse:
                return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
            self.given += 1
            return 200, {"access_token": f"token-{self.given}", "expires_in": self.lifetime, "token_type": "Bearer"}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    server = TokenServer()
    yield server
    server.close()


def account(folder: Path, tokens: TokenServer, label: str = "person") -> str:
    """Settings for an account with a person's credentials."""
    file = folder / f"{label}.json"
    secrets = {"client_id": "id", "client_secret": "client-secret-5f", "refresh_token": "refresh-secret-6a"}
    file.write_text(json.dumps({"type": "authorized_user", "token_uri": tokens.url, **secrets}))
    file.chmod(0o600)
    return f'[[accounts]]\nemail = "{label}"\ncredentials = "{file}"\nbase_url = "UPSTREAM"\n'


def bearers(upstream: Upstream) -> list[str]:
    return [request.headers["authorization"] for request in upstream.requests]


def test_a_token_is_fetched_once_and_used(
    starter: Starter, upstream: Upstream, tokens: TokenServer, tmp_path: Path
) -> None:
    gateway = starter(account(tmp_path, tokens))
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: gateway.chat("gemini-2.5-flash"), range(24)))
    assert {answer.status for answer in answers} == {200}
    assert set(bearers(upstream)) == {"Bearer token-1"}
    assert tokens.given == 1
    for secret in ("token-1", "client-secret-5f", "refresh-secret-6a"):
        assert secret not in gateway.log
        assert all(secret.encode() not in answer.body for answer in answers)


def test_refreshes_under_load_fail_no_request(
    starter: Starter, upstream: Upstream, tokens: TokenServer, tmp_path: Path
) -> None:
    """Tokens that are at their end as soon as they are given: every request needs a fresh one."""
    tokens.lifetime = 4
    gateway = starter(account(tmp_path, tokens))
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: gateway.chat("gemini-2.5-flash", stream=bool(n % 2)), range(40)))
    assert {answer.status for answer in answers} == {200}
    assert tokens.given > 1
    assert len(set(bearers(upstream))) > 1


def test_a_refused_token_gets_a_second_try_then_the_account_is_set_aside(
    starter: Starter, upstream: Upstream, tokens: TokenServer, tmp_path: Path
) -> None:
    gateway = starter(account(tmp_path, tokens))
    refused = gateway.chat("demo-401-all")
    assert refused.status == 401
    assert bearers(upstream) == ["Bearer token-1", "Bearer token-2"]
    aside = gateway.chat("gemini-2.5-flash")
    assert aside.status == 503
    assert "person: its credential was refused" in aside.error["message"]
    assert len(upstream.requests) == 2


def test_revoked_credentials_set_the_account_aside_until_they_change(
    starter: Starter, upstream: Upstream, tokens: TokenServer, tmp_path: Path
) -> None:
    tokens.refuse = True
    gateway = starter(account(tmp_path, tokens) + TWO_ACCOUNTS.partition("\n\n")[0])
    for _ in range(3):
        answer = gateway.chat("gemini-2.5-flash")
        assert answer.status == 200
        assert answer.headers["x-account-email"] == "alpha@example.com"
    assert "person" in gateway.log
    tokens.refuse = False
    account(tmp_path, tokens)  # written anew, as after another login
    (tmp_path / "person.json").write_text((tmp_path / "person.json").read_text() + "\n")
    wait_until(lambda: "its credentials have changed" in gateway.log)
    wait_until(lambda: gateway.chat("gemini-2.5-flash").headers["x-account-email"] == "person")


def test_a_token_server_that_is_down(starter: Starter, tokens: TokenServer, tmp_path: Path) -> None:
    gateway = starter(account(tmp_path, tokens))
    tokens.close()
    answer = gateway.chat("gemini-2.5-flash")
    assert answer.status == 503
    assert answer.error["code"] == "no_credential"
    assert "person" in answer.error["message"]
    assert gateway.call("GET", "/healthz").status == 200
