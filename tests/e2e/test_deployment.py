"""Several machines behind a load balancer, as compose.yaml starts them: `site.py` does the same without Docker."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from openai import OpenAI
from websockets.sync.client import connect

from scripts.test import haproxy
from tests.e2e.conftest import wait_until
from tests.e2e.sdk_tools import TOOLS, by_hand, first_calls, is_genuine, results
from tests.e2e.site import HAPROXY_CFG, HOSTS, KEY, Site, other, site
from tests.e2e.test_codex import Codex, shell
from tests.e2e.workers import CHAT, GatedUpstream, Stream
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Upstream

pytestmark = pytest.mark.haproxy

BEARER = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def shared_machines(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site"), upstream.url) as running:
        yield running


@pytest.fixture
def machines(shared_machines: Site, upstream: Upstream) -> Site:
    """Over the demo upstream."""
    upstream.forget()
    return shared_machines


@pytest.fixture
def gated() -> Iterator[GatedUpstream]:
    made = GatedUpstream()
    yield made
    made.close()


@pytest.fixture
def held_back(gated: GatedUpstream, tmp_path: Path) -> Iterator[Site]:
    """Over an upstream that keeps back all but the first words of its streams, until its gate is opened."""
    with site(tmp_path, gated.url) as running:
        yield running


@pytest.fixture
def codex(tmp_path: Path) -> Codex:
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    return Codex(home, work)


def under_way(gateway: Gateway) -> int:
    return int(gateway.call("GET", "/status.json", headers=BEARER).json["in_flight"])


def turns_since(machines: Site, before: int, count: int) -> list[str]:
    """Who had these turns. HAProxy writes its line when an answer has been sent."""
    wait_until(lambda: len(machines.turns()) >= before + count)
    return machines.turns()[before:]


def cross(turns: list[str]) -> bool:
    """Whether each turn was another machine's than the one before."""
    return all(a == other(b) for a, b in itertools.pairwise(turns))


def test_the_configuration_is_valid() -> None:
    done = subprocess.run([haproxy(), "-c", "-f", str(HAPROXY_CFG)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr


def test_responses_go_on_from_each_other(machines: Site, upstream: Upstream) -> None:
    before = len(machines.turns())
    client = OpenAI(base_url=machines.front.base_url, api_key=KEY)
    previous: str | None = None
    for turn in range(6):
        more: Any = {"previous_response_id": previous} if previous else {}
        made = client.responses.create(model="gemini-2.5-flash", input=f"turn {turn}", **more)
        assert made.previous_response_id == previous
        previous = made.id
        said = [part["text"] for content in upstream.requests[-1].body["contents"] for part in content["parts"]]
        assert [text for text in said if text.startswith("turn")] == [f"turn {number}" for number in range(turn + 1)]
    assert cross(turns_since(machines, before, 6))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_tool_call_whose_signature_the_other_machine_saw(machines: Site, upstream: Upstream, stream: bool) -> None:
    """By a client that drops signatures: what the one remembers of an answer, the other finds."""
    before = len(machines.turns())
    client = OpenAI(base_url=machines.front.base_url, api_key=KEY)
    messages: list[Any] = [{"role": "user", "content": "parallel work"}]
    for _ in range(4):
        body: Any = {"model": "gemini-3-flash", "messages": messages, "tools": TOOLS, "tool_choice": "required"}
        if stream:
            with client.chat.completions.stream(**body) as events:
                message = events.get_final_completion().choices[0].message
        else:
            message = client.chat.completions.create(**body).choices[0].message
        messages += [by_hand(message), *results(message)]
    steps = first_calls(upstream.requests[-1].body)
    assert len(steps) == 3
    assert all(is_genuine(step) for step in steps)
    assert cross(turns_since(machines, before, 4))


@pytest.mark.codex
def test_a_session_of_codex_is_resumed(machines: Site, upstream: Upstream, codex: Codex) -> None:
    """It keeps signatures in `encrypted_content`, which each machine has to open that the other has sealed."""
    before = len(machines.turns())
    codex.use(machines.front)
    first = codex.run(f"First.\n{shell('echo said-1')}\n{shell('echo said-2')}")
    assert first.commands == [(0, "said-1\n"), (0, "said-2\n")]
    second = codex.run(f"Second.\n{shell('echo said-3')}", resume=True)
    assert "said-3" in second.message
    calls = first_calls(upstream.requests[-1].body)
    assert [call["functionCall"]["args"]["cmd"] for call in calls] == [f"echo said-{i}" for i in (1, 2, 3)]
    assert all(map(is_genuine, calls))
    turns = turns_since(machines, before, 5)
    assert len(turns) == 5
    assert cross(turns)


def test_a_stream_is_not_held_back(held_back: Site, gated: GatedUpstream) -> None:
    """What has come is at the client while the upstream has not yet sent the rest, on both machines."""
    streams = [Stream(held_back.front.port, headers=BEARER) for _ in range(2)]
    wait_until(lambda: all(b"Once upon" in stream.received for stream in streams))
    assert not any(b"a time." in stream.received for stream in streams)
    gated.gate.set()
    for stream in streams:
        stream.join(PATIENCE)
        assert stream.whole
    assert sorted(turns_since(held_back, 0, 2)) == sorted(HOSTS)  # who has the fewest got the second


def test_a_machine_is_restarted_and_nobody_notices(held_back: Site, gated: GatedUpstream) -> None:
    """Its stream goes on to its end, new requests go to the other, and when it is back it has its share again."""
    stream = Stream(held_back.front.port, headers=BEARER)
    wait_until(lambda: b"Once upon" in stream.received)
    by = next(name for name, gateway in held_back.gateways.items() if under_way(gateway))
    leaving = held_back.gateways[by]
    leaving.process.terminate()
    statuses = []
    while not held_back.said(by):
        statuses.append(held_back.call("GET", "/status.json").status)
    assert held_back.said(by) == ["DOWN"]
    statuses += [held_back.call("GET", "/status.json").status for _ in range(5)]
    assert set(statuses) == {200}
    assert leaving.process.poll() is None
    gated.gate.set()
    stream.join(PATIENCE)
    assert stream.whole
    assert leaving.process.wait(PATIENCE) == 0
    held_back.start_again(by)
    wait_until(lambda: held_back.said(by) == ["DOWN", "UP"])
    after = [held_back.call("POST", "/v1/chat/completions", {**CHAT, "stream": True}) for _ in range(4)]
    assert {answer.status for answer in after} == {200}
    assert set(turns_since(held_back, 1, 4)) == set(HOSTS)


def test_a_websocket(machines: Site) -> None:
    with connect(f"ws://127.0.0.1:{machines.front.port}/v1/responses", additional_headers=BEARER) as socket:
        previous = None
        for turn in range(2):
            asked = {"model": "gemini-2.5-flash", "input": f"turn {turn}", "previous_response_id": previous}
            socket.send(json.dumps({"type": "response.create", **asked}))
            while (event := json.loads(socket.recv()))["type"] != "response.completed":
                assert event["type"] != "error"
            previous = event["response"]["id"]


def test_what_a_gateway_takes_gets_there(machines: Site) -> None:
    """A long head, a large body."""
    headers = {**BEARER, "X-Long": "x" * 60_000}
    assert machines.front.call("GET", "/status.json", headers=headers).status == 200
    body = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "x" * 20_000_000}]}
    assert machines.call("POST", "/v1/chat/completions", body).status == 200


def test_a_machine_that_is_killed_is_left_out(machines: Site) -> None:
    """Connections that it does not take are tried at the other."""
    machines.gateways["one"].process.kill()
    machines.gateways["one"].process.wait()
    assert {machines.call("GET", "/v1/models").status for _ in range(10)} == {200}
    wait_until(lambda: machines.said("one") == ["DOWN"])
    machines.start_again("one")
    wait_until(lambda: machines.said("one") == ["DOWN", "UP"])
