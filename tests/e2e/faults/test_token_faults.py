"""The faults of a token server: the client gets a 503 that names the account, in good time; nothing is left over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import free_port, wait_until
from tests.e2e.faults.conftest import PERSON, left, write_credentials
from tests.e2e.faults.faulty_upstream import (
    RESET,
    STALL,
    FaultyUpstream,
    Script,
    endless,
    head,
    whole,
)

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
    gateway = start(starter, tmp_path, tokens)
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


def start(starter: Starter, folder: Path, tokens: FaultyUpstream, upstream: str = "") -> Gateway:
    write_credentials(folder, tokens)
    credentials = (
        f'credentials = "{folder / "person.json"}"\nbase_url = "{upstream or f"http://127.0.0.1:{free_port()}"}"\n'
    )
    return starter(f'[limits]\ndeadline = "700ms"\n[[accounts]]\nemail = "person"\n{credentials}')
