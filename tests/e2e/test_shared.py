"""Two gateways that share what they know: by a folder on one machine, and by Valkey."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
from openai import OpenAI

from tests.e2e.conftest import KEYS, PATIENT, TWO_ACCOUNTS, wait_until
from tests.e2e.sdk_tools import TOOLS, by_hand, first_calls, is_genuine, results
from tests.e2e.test_token_refresh import Google, People
from tests.gateway.shared.places import Server, valkey
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter, Upstream

SECRET = "a-secret-that-seals-what-is-private"

type Pair = Callable[..., list[Gateway]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "valkey"
    folder.mkdir()
    with valkey(folder) as running:
        yield running


def by_valkey(server: Server, settings: str, state: str = "[state]") -> str:
    return f'{state}\nurl = "{server.url}"\nkey = "{SECRET}"\n{settings}'


@pytest.fixture(params=["sqlite", "valkey"])
def pair(request: pytest.FixtureRequest, starter: Starter, tmp_path: Path) -> Pair:
    """Starts gateways that share."""

    def start(settings: str = TWO_ACCOUNTS, number: int = 2, **more: Any) -> list[Gateway]:
        if request.param == "valkey":
            server = request.getfixturevalue("server")
            return [starter(by_valkey(server, settings, PATIENT), **more) for _ in range(number)]
        environ = {"ANTIGRAVITY_SHARED": str(tmp_path / "shared")}
        workers = [environ | {"ANTIGRAVITY_WORKER": str(one)} for one in range(number)]
        return [starter(settings + PATIENT, environ=one, **more) for one in workers]

    return start


def account(gateway: Gateway, label: str) -> Any:
    found = gateway.call("GET", "/status.json").json["accounts"]
    return next(one for one in found if one["label"] == label)


def held(server: Server) -> dict[bytes, bytes]:
    """Everything that is in Valkey, as it is there. Each key has a life time."""
    with redis.Redis(port=server.port) as client:
        keys: list[Any] = list(client.scan_iter())
        assert all(client.pttl(key) != -1 for key in keys)
        return {key: client.dump(key) or b"" for key in keys}


def asked(upstream: Upstream) -> list[str]:
    """The keys that were shown since this was called last, in order."""
    keys = [request.headers["x-goog-api-key"] for request in upstream.requests]
    upstream.forget()
    return keys


def test_an_account_that_cools_is_not_asked_by_the_other(pair: Pair, upstream: Upstream) -> None:
    one, two = pair()
    model = f"demo-429-first-{uuid.uuid4()}"
    assert one.chat(model).status == 200
    assert asked(upstream) == [*KEYS]
    wait_until(lambda: account(two, "alpha@example.com")["state"] == "cooling")
    for _ in range(2):
        answer = two.chat(model)
        assert (answer.status, answer.headers["x-account-email"]) == (200, "bravo@example.com")
    assert asked(upstream) == [KEYS[1]] * 2


def test_an_account_that_is_refused_is_not_asked_by_the_other(pair: Pair, upstream: Upstream) -> None:
    one, two = pair(TWO_ACCOUNTS.replace(KEYS[0], "invalid-key-one"))
    assert one.chat("gemini-2.5-flash").status == 200
    assert asked(upstream) == ["invalid-key-one", KEYS[1]]
    wait_until(lambda: account(two, "alpha@example.com")["state"] == "set aside")
    assert two.chat("gemini-2.5-flash").status == 200
    assert asked(upstream) == [KEYS[1]]


def test_a_gateway_that_comes_later_knows_what_the_others_know(pair: Pair, upstream: Upstream) -> None:
    (one,) = pair(number=1)
    model = f"demo-429-first-{uuid.uuid4()}"
    assert one.chat(model).status == 200
    asked(upstream)
    (two,) = pair(number=1)
    assert two.chat(model).status == 200
    assert asked(upstream) == [KEYS[1]]


def test_turns_of_the_rotation_are_counted_by_both(pair: Pair, upstream: Upstream) -> None:
    one, two = pair()
    for gateway in (one, two, one, two, two, one, one, one, two, two):
        assert gateway.chat("gemini-2.5-flash").status == 200
    assert asked(upstream) == [*KEYS] * 5
    late = pair(number=1)[0]
    for gateway in (one, late, two, late):
        assert gateway.chat("gemini-2.5-flash").status == 200
    assert asked(upstream) == [*KEYS] * 2


def test_a_conversation_stays_on_its_account_at_the_other_too(pair: Pair, upstream: Upstream) -> None:
    """From when it has heard of it, which it has soon: what is heard later than the next turn decides for both, too."""
    one, two = pair('[routing]\nstrategy = "sticky"\n' + TWO_ACCOUNTS)

    def stays(name: str, first: Gateway, other: Gateway) -> bool:
        upstream.forget()
        made = respond(first, prompt_cache_key=name)["id"]
        respond(other, prompt_cache_key=name)
        respond(other, previous_response_id=made)
        respond(first, prompt_cache_key=name)
        return len(set(asked(upstream))) == 1

    for number in range(6):
        pair_of_them = (one, two) if number % 3 else (two, one)
        wait_until(partial(stays, f"conversation {number}", *pair_of_them))


def test_the_limit_holds_for_both_together(pair: Pair, upstream: Upstream) -> None:
    one, two = pair("[limits]\nin_flight = 1\n" + TWO_ACCOUNTS)
    slow = http.client.HTTPConnection("127.0.0.1", one.port, timeout=PATIENCE)
    body = {"model": "demo-slow-30", "messages": [{"role": "user", "content": "hi"}]}
    slow.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    wait_until(lambda: len(upstream.requests) == 1)
    wait_until(lambda: two.chat("gemini-2.5-flash").status == 503)
    assert two.chat("gemini-2.5-flash").error["code"] == "too_many_requests_in_flight"
    slow.close()
    wait_until(lambda: two.chat("gemini-2.5-flash").status == 200)


def test_a_token_is_fetched_once_for_all(pair: Pair, tmp_path: Path) -> None:
    google = Google()
    try:
        people = People(tmp_path, google)
        google.held.add("alpha-1")
        gateways = pair(people.account("alpha"), number=3)
        with ThreadPoolExecutor(12) as threads:
            asking = [threads.submit(gateway.chat, "gemini-2.5-flash") for gateway in gateways * 4]
            wait_until(lambda: google.most_at_a_time == 1)
            google.go_on.set()
            assert {future.result().status for future in asking} == {200}
            assert google.count("alpha-1") == 1
            google.revoke_tokens()
            asking = [threads.submit(gateway.chat, "gemini-2.5-flash") for gateway in gateways * 4]
            assert {future.result().status for future in asking} == {200}
        assert google.count("alpha-1") == 2
        assert google.most_at_a_time == 1
    finally:
        google.stop()


def respond(gateway: Gateway, **more: Any) -> Any:
    answer = gateway.call("POST", "/v1/responses", {"model": "gemini-2.5-flash", "input": "hi", **more})
    assert answer.status == 200, answer.body
    return answer.json


def test_a_conversation_goes_from_one_to_the_other(pair: Pair, upstream: Upstream) -> None:
    """Each turn finds at once what the turn before it has stored at the other gateway, whole and streamed."""
    gateways = pair()
    previous = None
    for turn in range(12):
        gateway = gateways[turn % 2]
        body = {"model": "gemini-2.5-flash", "input": f"turn {turn}", "previous_response_id": previous}
        if turn % 3 == 2:
            answer = gateway.call("POST", "/v1/responses", {**body, "stream": True})
            assert answer.status == 200
            previous = answer.body.decode().split('"id":"resp_')[1].split('"')[0]
            previous = f"resp_{previous}"
        else:
            previous = respond(gateway, **body)["id"]
        texts = [part["text"] for content in upstream.requests[-1].body["contents"] for part in content["parts"]]
        assert [text for text in texts if text.startswith("turn")] == [f"turn {number}" for number in range(turn + 1)]
    items = gateways[0].call("GET", f"/v1/responses/{previous}/input_items?limit=100").json["data"]
    assert items == gateways[1].call("GET", f"/v1/responses/{previous}/input_items?limit=100").json["data"]
    assert len(items) == 23


def test_what_a_client_was_told_of_outlives_its_worker(pair: Pair) -> None:
    """Killed as soon as the answer is there: the response, and the receipt of one in the background."""
    one, two, three = pair(number=3)
    made = respond(one)["id"]
    one.process.kill()
    receipt = respond(two, model="demo-slow-30", background=True)["id"]
    two.process.kill()
    assert three.call("GET", f"/v1/responses/{made}").json["status"] == "completed"
    assert three.call("GET", f"/v1/responses/{receipt}").json["status"] in ("queued", "in_progress")


def test_what_is_deleted_is_gone_everywhere(pair: Pair) -> None:
    one, two = pair()
    made = respond(one)["id"]
    assert two.call("DELETE", f"/v1/responses/{made}").json["deleted"] is True
    for gateway in (one, two):
        assert gateway.call("GET", f"/v1/responses/{made}").status == 404
        body = {"model": "gemini-2.5-flash", "input": "on", "previous_response_id": made}
        assert gateway.call("POST", "/v1/responses", body).status in (400, 404)


def test_an_item_is_referred_to_at_the_other(pair: Pair) -> None:
    one, two = pair()
    item = respond(one)["output"][-1]["id"]
    answer = two.call(
        "POST", "/v1/responses", {"model": "gemini-2.5-flash", "input": [{"type": "item_reference", "id": item}]}
    )
    assert answer.status == 200, answer.body


def test_a_background_response_can_be_asked_for_anywhere(pair: Pair) -> None:
    one, two = pair()
    made = respond(one, model="demo-slow-0.2", background=True)
    assert made["status"] == "queued"

    def now() -> Any:
        return two.call("GET", f"/v1/responses/{made['id']}").json

    assert now()["status"] in ("queued", "in_progress", "completed")
    wait_until(lambda: now()["status"] == "completed")
    assert now()["output"]


def test_a_background_response_is_cancelled_and_deleted_from_anywhere(pair: Pair, upstream: Upstream) -> None:
    one, two = pair()
    made = [respond(one, model="demo-slow-30", background=True)["id"] for _ in range(2)]
    wait_until(lambda: len(upstream.requests) == 2)
    cancelled = two.call("POST", f"/v1/responses/{made[0]}/cancel").json
    assert cancelled["status"] == "cancelled"
    assert two.call("DELETE", f"/v1/responses/{made[1]}").status == 200
    wait_until(lambda: one.call("GET", "/status.json").json["in_flight"] == 0)
    for gateway in (one, two):
        assert gateway.call("GET", f"/v1/responses/{made[0]}").json["status"] == "cancelled"
        assert gateway.call("GET", f"/v1/responses/{made[1]}").status == 404


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_signature_that_one_saw_goes_up_from_the_other(pair: Pair, upstream: Upstream, stream: bool) -> None:
    """A tool loop in chat, whose client drops the signatures: each step is another gateway's."""
    gateways = [OpenAI(base_url=gateway.base_url, api_key="none") for gateway in pair()]
    messages: list[Any] = [{"role": "user", "content": "parallel work"}]
    for step in range(4):
        body: Any = {"model": "gemini-3-flash", "messages": messages, "tools": TOOLS, "tool_choice": "required"}
        made = gateways[step % 2].chat.completions
        if stream:
            with made.stream(**body) as events:
                message = events.get_final_completion().choices[0].message
        else:
            message = made.create(**body).choices[0].message
        messages += [by_hand(message), *results(message)]
    steps = first_calls(upstream.requests[-1].body)
    assert len(steps) == 3
    assert all(is_genuine(step) for step in steps)


def test_without_valkey_what_is_stored_can_not_be_read_and_is_not_lost(server: Server, starter: Starter) -> None:
    one, two = starter(by_valkey(server, TWO_ACCOUNTS)), starter(by_valkey(server, TWO_ACCOUNTS))
    before = respond(one)["id"]
    server.pause()
    answer = two.call("GET", f"/v1/responses/{before}")
    assert (answer.status, answer.error["code"]) == (503, "store_unavailable")
    made = respond(one)["id"]
    assert one.call("GET", f"/v1/responses/{made}").status == 200
    assert two.call("GET", f"/v1/responses/{made}").status == 503
    server.go_on()
    wait_until(lambda: two.call("GET", f"/v1/responses/{made}").status == 200)
    assert two.call("GET", f"/v1/responses/{before}").status == 200


def test_what_is_private_can_not_be_read_in_valkey(server: Server, starter: Starter, tmp_path: Path) -> None:
    google = Google()
    try:
        gateway = starter(by_valkey(server, People(tmp_path, google).account("alpha")))
        assert gateway.chat("gemini-2.5-flash").status == 200
        wait_until(lambda: len(held(server)) > 1)
        everything = b"".join(key + value for key, value in held(server).items())
        assert b":t:token:" in everything
        assert b"token-of" not in everything
        assert all(key.startswith(b"antigravity:1:") for key in held(server))
    finally:
        google.stop()


def test_without_valkey_each_goes_on_and_afterwards_both_know(
    server: Server, starter: Starter, upstream: Upstream
) -> None:
    one, two = starter(by_valkey(server, TWO_ACCOUNTS)), starter(by_valkey(server, TWO_ACCOUNTS))
    server.stop()
    model = f"demo-429-first-{uuid.uuid4()}"
    assert one.chat(model).status == 200
    assert two.chat("gemini-2.5-flash").status == 200
    assert {gateway.call("GET", "/healthz").status for gateway in (one, two)} == {200}
    wait_until(lambda: "The shared state is away" in one.log)
    metrics = one.call("GET", "/metrics").body
    assert b"\ngateway_state_here 0.0\n" in metrics
    assert b"\ngateway_state_failures_total 0.0\n" not in metrics
    assert account(two, "alpha@example.com")["state"] == "ready"
    server.start()
    wait_until(lambda: account(two, "alpha@example.com")["state"] == "cooling")
    asked(upstream)
    assert two.chat(model).status == 200
    assert asked(upstream) == [KEYS[1]]
    wait_until(lambda: b"\ngateway_state_here 1.0\n" in two.call("GET", "/metrics").body)
    assert one.log.count("The shared state is away") == 1
    assert "The shared state was emptied" in one.log


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ('url = "http://host"', "state.url: it has to begin with valkey://"),
        ('url = "valkey://:secretpassword@host"', "state.key: a secret of at least 16 characters"),
        ('url = "valkey://:secretpassword@host"\nkey = "short"', "state.key: a secret of at least 16 characters"),
    ],
)
def test_settings_that_can_not_be_used(starter: Starter, state: str, told: str) -> None:
    gateway = starter(f"[state]\n{state}\n{TWO_ACCOUNTS}", wait=False)
    gateway.process.wait(PATIENCE)
    assert told in gateway.log
    assert "secretpassword" not in gateway.log
