"""The faults of a token server: the client gets a 503 that names the account, in good time; nothing is left over."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import free_port, wait_until
from tests.e2e.faults.conftest import PERSON, left, write_credentials
from tests.e2e.faults.faulty_upstream import KEEP, RESET, STALL, STREAM, FaultyUpstream, Script, endless, head, whole

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter

FAULTS: dict[str, Script] = {
    "closes": [b""],
    "resets": [RESET],
    "garbage": [b"\x16\x03\x01\x00\xff\r\n\r\n" * 9],
    "HTML": [whole(b"<html>x</html>")],
    "an empty answer": [whole(b"")],
    "JSON without a token": [whole(b"{}")],
    "a token that is none": [whole(b'{"access_token": "a\\nb", "expires_in": 3600}')],
    "a list": [whole(b"[1]")],
    "204": [head(status="204 No Content")],
    "a redirect": [head("Location: http://x/", "Content-Length: 0", status="302 Found")],
    "404 with HTML": [whole(b"<html>x</html>", status="404 Not Found")],
    "cut": [head("Content-Length: 99") + b'{"access_token": "x'],
    "an endless head": [b"HTTP/1.1 200 OK\r\n", endless(b"X: y\r\n")],
    "an endless body": [head(), endless(b" ")],
    "stalls": [STALL],
    "stalls in its body": [head("Content-Length: 99"), STALL],
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_token_server(starter: Starter, tmp_path: Path, fault: Script) -> None:
    tokens = FaultyUpstream()
    tokens.play(*fault)
    gateway = start(starter, tmp_path, tokens, deadline="700ms" if STALL in fault else "30s")
    before = left(gateway)
    for stream in (False, True):
        answer = gateway.chat(PERSON, stream=stream)
        if STALL in fault:
            assert (answer.status, answer.error["code"]) == (504, "upstream_timeout")
        else:
            assert (answer.status, answer.error["code"]) == (503, "no_credential")
            assert "person" in answer.error["message"]
        assert "secret" not in answer.error["message"]
    tokens.hang_up()
    wait_until(lambda: left(gateway) == before)
    tokens.close()
    assert gateway.call("GET", "/healthz").status == 200
    assert "Traceback" not in gateway.log
    assert "secret" not in gateway.log


def test_a_token_server_that_is_down_comes_back(
    starter: Starter, tmp_path: Path, faulty_upstream: FaultyUpstream
) -> None:
    tokens = FaultyUpstream()
    tokens.play(b"")
    faulty_upstream.play(whole())
    gateway = start(starter, tmp_path, tokens, faulty_upstream.url)
    assert gateway.chat(PERSON).status == 503
    tokens.play(whole(b'{"access_token": "token-1", "expires_in": 3600, "token_type": "Bearer"}'))
    wait_until(lambda: gateway.chat(PERSON).status == 200)
    tokens.close()


def test_nobody_waits_for_a_silent_token_server_where_another_account_can_serve(
    starter: Starter, tmp_path: Path, faulty_upstream: FaultyUpstream
) -> None:
    """The first one does, who could not know."""
    tokens = FaultyUpstream()
    tokens.play(RESET)
    faulty_upstream.play(whole())
    write_credentials(tmp_path, tokens)
    accounts = f"""
[routing]
strategy = "fill_first"
[[accounts]]
email = "person"
credentials = "{tmp_path / "person.json"}"
base_url = "{faulty_upstream.url}"
[[accounts]]
email = "other"
api_key = "key"
base_url = "{faulty_upstream.url}"
"""
    gateway = starter(accounts)
    assert gateway.chat(PERSON).status == 200
    asked = tokens.requests
    assert asked > 0
    tokens.play(STALL)
    answers = [gateway.chat(PERSON) for _ in range(5)]
    assert {answer.headers["x-account-email"] for answer in answers} == {"other"}
    assert tokens.requests == 0
    person = next(a for a in gateway.call("GET", "/status.json").json["accounts"] if a["label"] == "person")
    assert "person.json" in person["reason"]
    wait_until(lambda: "An account has no token" in gateway.log)
    # A changed file is a new chance at once.
    tokens.hang_up()
    tokens.play(whole(b'{"access_token": "token-1", "expires_in": 3600, "token_type": "Bearer"}'))
    write_credentials(tmp_path, tokens)
    wait_until(lambda: gateway.chat(PERSON).headers["x-account-email"] == "person")
    tokens.close()


def test_a_stream_shows_life_while_its_token_is_fetched(
    starter: Starter, tmp_path: Path, faulty_upstream: FaultyUpstream
) -> None:
    token = whole(b'{"access_token": "token-1", "expires_in": 3600, "token_type": "Bearer"}')
    tokens = FaultyUpstream()
    tokens.play(lambda _: time.sleep(0.6), token)
    faulty_upstream.play(STREAM, KEEP)
    write_credentials(tmp_path, tokens)
    gateway = starter(f"""
[proxy]
keep_alive = "200ms"
[limits]
deadline = "2s"
[[accounts]]
email = "person"
credentials = "{tmp_path / "person.json"}"
base_url = "{faulty_upstream.url}"
""")
    answer = gateway.chat(PERSON, stream=True)
    assert answer.body.count(b": keep-alive\n\n") >= 2
    assert answer.events[-1] == "[DONE]"
    assert faulty_upstream.requests == 1
    tokens.play(STALL)
    write_credentials(tmp_path, tokens)
    faulty_upstream.play(whole(b"{}", status="401 Unauthorized"), KEEP)
    answer = gateway.chat(PERSON, stream=True)  # its token is refused, and there is no other
    assert answer.body.count(b": keep-alive\n\n") >= 2
    assert answer.events[-1]["error"]["code"] == "upstream_timeout"
    tokens.close()


def start(
    starter: Starter, folder: Path, tokens: FaultyUpstream, upstream: str = "", *, deadline: str = "30s"
) -> Gateway:
    """A deadline that ends what stalls, or one that no answer misses on a busy machine."""
    write_credentials(folder, tokens)
    credentials = (
        f'credentials = "{folder / "person.json"}"\nbase_url = "{upstream or f"http://127.0.0.1:{free_port()}"}"\n'
    )
    return starter(f'[limits]\ndeadline = "{deadline}"\n[[accounts]]\nemail = "person"\n{credentials}')
