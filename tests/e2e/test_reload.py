"""The script is loaded anew when its file changes (after a `git pull`, say). Nothing may slip through meanwhile, nor
afterwards: by itself mitmproxy would pass a client's request on to the upstream, its key included."""

from __future__ import annotations

import http.client
import json
import os
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import ROOT, TWO_ACCOUNTS, wait_until
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter, Upstream

ANOTHER = "def request(flow):\n    pass\n\n\ndef response(flow):\n    pass\n"
BANNER = "OpenAI-compatible gateway"
BROKEN = b"raise RuntimeError('half a script')\n"
KEY = "key-of-the-client"
WAYS = ("quick", "quick, heard by another script", "layers", "tls")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A copy of the script, whose folder has all that it needs."""
    checkout = tmp_path / "checkout"
    (checkout / "addons").mkdir(parents=True)
    script = checkout / "addons" / "antigravity.py"
    script.write_bytes((ROOT / "addons" / "antigravity.py").read_bytes())
    (checkout / "addons" / "gateway").symlink_to(ROOT / "addons" / "gateway")
    for folder in ("mapping", "scripts"):
        (checkout / folder).symlink_to(ROOT / folder)
    return script


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """How the clients' connections are carried."""
    return str(request.param)


@pytest.fixture
def gateway(way: str, script: Path, starter: Starter, upstream: Upstream, tmp_path: Path) -> Gateway:
    more = []
    if way == "layers":
        more = ["--set", "antigravity_wire=layers"]
    elif "another" in way:
        another = tmp_path / "another.py"
        another.write_text(ANOTHER)
        more = ["-s", str(another)]
    return starter(TWO_ACCOUNTS, *more, script=script, upstream=upstream.url)


class Client:
    """A connection that is kept."""

    def __init__(self, gateway: Gateway, way: str) -> None:
        if way == "tls":
            context = ssl._create_unverified_context()
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                "127.0.0.1", gateway.port, timeout=PATIENCE, context=context
            )
        else:
            self._connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)

    def ask(self, path: str = "/v1/chat/completions", **more: object) -> tuple[int, bytes]:
        """Status and body of an answer."""
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], **more}
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
        self._connection.request("POST", path, json.dumps(body), headers)
        response = self._connection.getresponse()
        return response.status, response.read()

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def connect(gateway: Gateway, way: str) -> Iterator[Callable[[], Client]]:
    """Makes new connections."""
    made: list[Client] = []

    def connect() -> Client:
        made.append(Client(gateway, way))
        return made[-1]

    yield connect
    for client in made:
        client.close()


def change(script: Path, content: bytes) -> None:
    """Write a later version, all at once."""
    later = script.stat().st_mtime + 5
    written = script.with_suffix(".new")
    written.write_bytes(content)
    os.utime(written, (later, later))
    written.replace(script)


def is_answered(client: Client) -> None:
    """Requests are the gateway's: a call, a stream, one of several calls, and one of another dialect."""
    status, body = client.ask()
    assert (status, json.loads(body)["object"]) == (200, "chat.completion")
    status, body = client.ask(stream=True)
    assert (status, body[-14:]) == (200, b"data: [DONE]\n\n")
    status, body = client.ask(n=2)
    assert (status, len(json.loads(body)["choices"])) == (200, 2)
    status, body = client.ask("/v1/responses", input="hi", messages=None)
    assert (status, json.loads(body)["object"]) == (200, "response")


def nothing_slipped_through(upstream: Upstream) -> bool:
    """All that went up was the gateway's, and the client's key was not in it."""
    sent = upstream.requests
    return all(one.path.startswith("/v1beta/") for one in sent) and KEY not in str([one.headers for one in sent])


def test_a_script_that_can_not_be_loaded_anew_lets_nothing_through(
    gateway: Gateway, script: Path, connect: Callable[[], Client], upstream: Upstream
) -> None:
    """mitmproxy drops it."""
    kept = connect()
    is_answered(kept)
    change(script, BROKEN)
    wait_until(lambda: "half a script" in gateway.log)
    for client in (kept, connect()):
        is_answered(client)
    assert nothing_slipped_through(upstream)


def test_a_script_that_is_loaded_anew_takes_over(
    gateway: Gateway, script: Path, connect: Callable[[], Client], upstream: Upstream
) -> None:
    kept = connect()
    whole = script.read_bytes()
    for content, said in ((whole, BANNER), (BROKEN, "half a script"), (whole, BANNER)):
        is_answered(kept)
        count = gateway.log.count(said)
        change(script, content)
        wait_until(lambda said=said, count=count: gateway.log.count(said) > count)
    is_answered(kept)
    is_answered(connect())
    gateway.stop()
    assert gateway.log.count("Traceback") == 1  # of the one that was broken
    assert nothing_slipped_through(upstream)


def test_a_script_that_is_taken_off_lets_nothing_through(
    gateway: Gateway, script: Path, connect: Callable[[], Client], upstream: Upstream
) -> None:
    kept = connect()
    is_answered(kept)
    script.unlink()
    wait_until(lambda: "Removing script" in gateway.log)
    for client in (kept, connect()):
        is_answered(client)
    assert nothing_slipped_through(upstream)
