"""mitmproxy's Replay button: recorded exchanges and attempts are asked again, edited or not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from mitmproxy import http, io

from tests.e2e.conftest import FLASH, KEYS, PRO, TWO_ACCOUNTS, StallingUpstream, free_port, wait_until
from tests.e2e.mitmweb import Web, running_web, start_web

if TYPE_CHECKING:
    from tests.e2e.conftest import Starter, Upstream

GATEWAY_KEY = "sk-client-secret-4c1f"
WITH_KEY = f'[proxy]\nauth_mode = "all_except_health"\napi_key = "{GATEWAY_KEY}"\n' + TWO_ACCOUNTS
BEARER = {"Authorization": f"Bearer {GATEWAY_KEY}"}
KEY_OF = {"alpha@example.com": KEYS[0], "bravo@example.com": KEYS[1]}


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


def client_flow(web: Web, path: str = "/v1/") -> http.HTTPFlow:
    """The latest recorded exchange's client side."""
    return [flow for flow in web.flows() if flow.request.path.startswith(path)][-1]


def attempt_flow(web: Web) -> http.HTTPFlow:
    return [flow for flow in web.flows() if flow.request.path.startswith("/v1beta/")][-1]


def content(flow: http.HTTPFlow) -> Any:
    assert flow.response
    return json.loads(flow.response.content or b"")


def id_of(flow: http.HTTPFlow) -> str:
    return str(flow.metadata["antigravity"]["id"])


def assert_no_key(web: Web) -> None:
    for path in ("/flows", "/flows/dump", "/events"):
        data = web.fetch(path)
        for secret in (*KEYS, GATEWAY_KEY):
            assert secret.encode() not in data, path
    assert not any(secret in web.gateway.log for secret in (*KEYS, GATEWAY_KEY))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_clients_request_runs_the_whole_exchange_anew(starter: Starter, upstream: Upstream, stream: bool) -> None:
    web = start_web(starter, WITH_KEY)
    answer = web.gateway.chat("gpt-4o", "once more", stream=stream, headers=BEARER)
    before = web.flows()
    upstream.forget()

    replayed = web.replay(client_flow(web).id)
    (attempt,) = web.new_flows(before, 1)
    assert [request.path for request in upstream.requests] == [attempt.request.path.partition("?")[0]]
    assert replayed.response
    assert replayed.response.status_code == 200
    assert replayed.response.headers["x-mapped-model"] == FLASH
    assert replayed.response.headers["x-account-email"] == "bravo@example.com"
    assert id_of(replayed) == id_of(attempt) == replayed.response.headers["x-request-id"]
    assert id_of(replayed) != answer.headers["x-request-id"]
    assert answer.headers["x-request-id"] in replayed.comment  # what it is a replay of
    if stream:
        body = replayed.response.content or b""
        assert body.startswith(b"data: ")
        assert body.endswith(b"data: [DONE]\n\n")
    else:
        assert content(replayed)["choices"][0]["message"]["content"] == answer.text
    assert json.loads(attempt.request.content or b"")["contents"][0]["parts"] == [{"text": "once more"}]
    assert "candidates" in (attempt.response.text or "" if attempt.response else "")
    assert_no_key(web)


def test_a_failover_in_a_replay(web: Web) -> None:
    web.gateway.chat("demo-503-first-r", stream=True)
    before = web.flows()
    client = client_flow(web)
    edited = json.loads(client.request.content or b"") | {"model": "demo-503-first-again"}
    web.fetch(f"/flows/{client.id}", "PUT", {"request": {"content": json.dumps(edited)}})
    replayed = web.replay(client.id)
    failed, good = web.new_flows(before, 2)
    assert failed.response
    assert failed.response.status_code == 503
    assert good.response
    assert good.response.status_code == 200
    assert replayed.response
    assert (replayed.response.content or b"").endswith(b"[DONE]\n\n")
    assert "2 attempts" in replayed.comment


def test_an_edited_request(web: Web, upstream: Upstream) -> None:
    web.gateway.chat("gpt-4o", "before")
    flow = client_flow(web)
    body = {"model": "gpt-5", "messages": [{"role": "user", "content": "after"}], "logit_bias": {"1": 1}}
    headers = [["Host", "localhost"], ["Content-Type", "application/json"], ["Authorization", f"Bearer {KEYS[0]}"]]
    web.fetch(f"/flows/{flow.id}", "PUT", {"request": {"content": json.dumps(body), "headers": headers}})
    upstream.forget()
    replayed = web.replay(flow.id)
    assert replayed.response
    assert replayed.response.headers["x-antigravity-notes"] == "1 ignored=logit_bias"
    assert KEYS[0] not in replayed.request.headers["authorization"]  # only its mask
    (asked,) = upstream.requests
    assert PRO in asked.path
    assert json.loads(replayed.request.content or b"") == body

    web.fetch(f"/flows/{flow.id}", "PUT", {"request": {"content": "{", "path": "/v1/chat/completions"}})
    replayed = web.replay(flow.id)
    assert replayed.response
    assert replayed.response.status_code == 400
    assert "not valid JSON" in content(replayed)["error"]["message"]

    web.fetch(f"/flows/{flow.id}", "PUT", {"request": {"path": "/v1/nowhere"}})
    replayed = web.replay(flow.id)
    assert replayed.response
    assert replayed.response.status_code == 404
    assert content(replayed)["error"]["code"] == "unknown_url"


def test_an_attempt_asks_the_same_account_again(web: Web, upstream: Upstream) -> None:
    web.gateway.chat("gpt-4o", "first", stream=True)
    attempt = attempt_flow(web)
    account = attempt.metadata["antigravity"]["account"]
    count = len(web.flows())
    edited = json.loads(attempt.request.content or b"")
    edited["contents"][0]["parts"] = [{"text": "second"}]
    web.fetch(f"/flows/{attempt.id}", "PUT", {"request": {"content": json.dumps(edited)}})
    upstream.forget()
    replayed = web.replay(attempt.id)
    (asked,) = upstream.requests
    assert asked.headers["x-goog-api-key"] == KEY_OF[account]
    assert asked.body["contents"][0]["parts"] == [{"text": "second"}]
    assert replayed.response
    assert b'"candidates"' in (replayed.response.content or b"")
    assert id_of(replayed) != id_of(attempt)
    assert f"upstream only · 200 · {account}" in replayed.comment
    assert len(web.flows()) == count
    assert_no_key(web)


def test_attempts_on_every_kind_of_upstream(starter: Starter, upstream: Upstream) -> None:
    models = {"gemini": "gemini-2.5-flash", "vertex": "gemini-2.5-pro", "code-assist": "gemini-3-flash-preview"}
    accounts = "".join(
        f'[[accounts]]\nemail = "{kind}"\nupstream = "{kind}"\napi_key = "key-{kind}"\nbase_url = "UPSTREAM"\n'
        f'models = ["{model}"]\n' + ('project = "p"\nlocation = "global"\n' if kind != "gemini" else "")
        for kind, model in models.items()
    )
    web = start_web(starter, accounts)
    for kind, model in models.items():
        web.gateway.chat(model)
        (made,) = upstream.requests
        upstream.forget()
        attempt = next(flow for flow in web.flows() if flow.metadata["antigravity"].get("upstream") == kind)
        replayed = web.replay(attempt.id)
        assert replayed.response
        assert replayed.response.status_code == 200
        (again,) = upstream.requests
        assert (again.path, again.body) == (made.path, made.body)
        assert again.headers["x-goog-api-key"] == f"key-{kind}"
        upstream.forget()


def test_an_attempt_that_fails_shows_geminis_error(web: Web) -> None:
    web.gateway.chat("demo-429-all")
    replayed = web.replay(attempt_flow(web).id)
    assert content(replayed)["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert "429" in replayed.comment
    assert replayed.comment.startswith("✖ ")


def test_a_credential_goes_to_its_accounts_own_address_only(web: Web, upstream: Upstream) -> None:
    """A saved file of somebody else's may name any address."""
    web.gateway.chat("gpt-4o")
    attempt = attempt_flow(web)
    elsewhere = {"host": "127.0.0.1", "port": free_port(), "headers": [["Host", "evil.example"]]}
    web.fetch(f"/flows/{attempt.id}", "PUT", {"request": elsewhere})
    upstream.forget()
    replayed = web.replay(attempt.id)
    assert len(upstream.requests) == 1
    assert replayed.response
    assert replayed.response.status_code == 200
    assert replayed.request.url.startswith(upstream.url)
    assert replayed.request.host_header == upstream.url.removeprefix("http://")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"path": "/v1beta1/projects/p/locations/global/publishers/google/models/m:generateContent"},
            "none of the upst",
        ),
        ({"path": "/elsewhere"}, "none of the upstream gemini"),
    ],
)
def test_an_attempt_that_does_not_fit_its_account(web: Web, upstream: Upstream, change: Any, said: str) -> None:
    web.gateway.chat("gpt-4o")
    attempt = attempt_flow(web)
    web.fetch(f"/flows/{attempt.id}", "PUT", {"request": change})
    upstream.forget()
    assert said in content(web.replay(attempt.id))["error"]["message"]
    assert not upstream.requests


def test_an_attempt_whose_account_is_gone(starter: Starter, upstream: Upstream) -> None:
    web = start_web(starter)
    web.gateway.chat("gpt-4o")
    attempt = attempt_flow(web)
    file = web.gateway.folder / "antigravity.toml"
    file.write_text(file.read_text().replace("@example.com", "@example.org"))
    wait_until(lambda: "alpha@example.org" in web.command("antigravity.accounts")[0])
    upstream.forget()
    replayed = web.replay(attempt.id)
    assert "no account alpha@example.com any more" in content(replayed)["error"]["message"]
    assert replayed.comment == f"✖ replay failed · 400 no_account · replay of [{id_of(attempt)}]"
    assert replayed.comment.startswith("✖ ")
    assert "status" not in replayed.metadata["antigravity"]
    assert not upstream.requests


def test_the_responses_api(starter: Starter) -> None:
    """Also that a replay is made for the client that made the exchange: its stored responses are found."""
    web = start_web(starter, WITH_KEY)
    gateway = web.gateway
    made = gateway.call("POST", "/v1/responses", {"model": "gpt-4o", "input": "hi"}, headers=BEARER).json
    following = {"model": "gpt-4o", "input": "and then?", "previous_response_id": made["id"]}
    assert gateway.call("POST", "/v1/responses", following, headers=BEARER).status == 200
    replayed = content(web.replay(client_flow(web).id))
    assert replayed["status"] == "completed"
    assert replayed["id"] != made["id"]
    assert gateway.call("GET", f"/v1/responses/{replayed['id']}", headers=BEARER).json["id"] == replayed["id"]
    assert content(web.replay(client_flow(web, "/v1/responses/").id))["id"] == replayed["id"]


@pytest.mark.parametrize("path", ["/v1/models"])
def test_what_calls_no_model(web: Web, path: str) -> None:
    answer = web.gateway.call("GET", path)
    replayed = web.replay(client_flow(web, path).id)
    assert content(replayed) == answer.json


def test_several_answers_in_one(web: Web, upstream: Upstream) -> None:
    web.gateway.chat("gemini-3-flash", n=3)
    upstream.forget()
    assert len(content(web.replay(client_flow(web).id))["choices"]) == 3
    assert len(upstream.requests) == 3


def test_replays_are_counted(starter: Starter) -> None:
    web = start_web(starter)
    web.gateway.chat("gpt-4o")
    web.replay(client_flow(web).id)
    metrics = web.gateway.call("GET", "/metrics").body.decode()
    counted = [line for line in metrics.splitlines() if "requests_total" in line and "chat" in line]
    assert counted
    assert counted[0].endswith(" 2.0")


def test_anything_else_stays_refused(starter: Starter, upstream: Upstream) -> None:
    web = start_web(starter, TWO_ACCOUNTS, "--set", "antigravity_trace=off")
    web.gateway.chat("gpt-4o")
    (flow,) = web.flows()
    upstream.forget()
    assert "can be replayed" in content(web.replay(flow.id))["error"]["message"]
    assert not upstream.requests


def test_without_a_record_the_request_stays_in_its_place(starter: Starter, upstream: Upstream) -> None:
    """The path tells that it is a client's; the gateway records nothing itself."""
    web = start_web(starter, TWO_ACCOUNTS, "--set", "antigravity_trace=off")
    web.gateway.chat("gpt-4o")
    (flow,) = web.flows()
    body = {"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    change = {"path": "/v1/chat/completions", "content": json.dumps(body)}
    web.fetch(f"/flows/{flow.id}", "PUT", {"request": change})
    replayed = web.replay(flow.id)
    assert replayed.response
    assert (replayed.response.content or b"").endswith(b"data: [DONE]\n\n")
    assert replayed.request.path == "/v1/chat/completions"
    assert json.loads(replayed.request.content or b"") == body


def test_a_saved_file_in_a_fresh_gateway(starter: Starter) -> None:
    """`mitmdump -C`: the requests of a file are sent again by a gateway that has no network and no account."""
    recording = starter(None, "-w", "saved.flow", "--set", "antigravity_demo=true")
    recording.chat("gpt-4o", "from a file")
    recording.chat("gpt-4o", "from a file", stream=True)
    recording.call("GET", "/healthz")
    recording.stop()
    web = start_web(starter, None, "--set", "antigravity_demo=true")
    web.load(recording.folder / "saved.flow")
    loaded = web.flows()
    assert len(loaded) == 4  # none of /healthz
    for flow in loaded:
        replayed = web.replay(flow.id)
        assert replayed.response
        assert replayed.response.status_code == 200, flow.comment


def test_a_saved_file_from_the_command_line(starter: Starter) -> None:
    recording = starter(None, "-w", "saved.flow", "--set", "antigravity_demo=true")
    recording.chat("gpt-4o", "from a file")
    recording.stop()
    replay = ["-C", str(recording.folder / "saved.flow"), "-w", "again.flow", "--set", "antigravity_demo=true"]
    sender = starter(None, *replay, wait=False)
    wait_until(lambda: sender.process.poll() is not None)
    with (sender.folder / "again.flow").open("rb") as file:
        again = [flow for flow in io.FlowReader(file).stream() if isinstance(flow, http.HTTPFlow)]
    assert [flow.response and flow.response.status_code for flow in again] == [200, 200, 200]
    assert sum("replay of" in flow.comment for flow in again) == 2


def test_with_a_server_replay_there_is_no_upstream(starter: Starter, upstream: Upstream) -> None:
    """`-S` answers the calls to Gemini from a file, and a replay translates those answers anew."""
    recording = starter(TWO_ACCOUNTS, "-w", "saved.flow")
    texts = [recording.chat("gpt-4o", "offline", stream=stream).body for stream in (False, True)]
    recording.stop()
    upstream.forget()
    file = recording.folder / "saved.flow"
    web = start_web(starter, TWO_ACCOUNTS, "-S", str(file), "--set", "server_replay_extra=404")
    web.load(file)
    clients = [flow for flow in web.flows() if flow.request.path == "/v1/chat/completions"]
    replayed = [web.replay(flow.id) for flow in clients]
    assert [flow.response and flow.response.content for flow in replayed] == texts
    assert not upstream.requests


@pytest.mark.parametrize("path", ["/v1/", "/v1beta/"], ids=["client", "attempt"])
def test_an_upstream_that_does_not_answer(starter: Starter, path: str) -> None:
    """The deadline holds for replays too, and those that wait go on."""
    stalling = StallingUpstream(b"")
    web = start_web(starter, '[limits]\ndeadline = "300ms"\n' + TWO_ACCOUNTS.replace("UPSTREAM", stalling.url))
    web.gateway.chat("gpt-4o")
    replayed = web.replay(client_flow(web, path).id)
    assert replayed.response
    assert replayed.response.status_code == 504
    wait_until(lambda: stalling.hung_up == stalling.accepted == 2)
    assert web.replay(client_flow(web, path).id).response
    stalling.close()


def test_an_answer_that_breaks_off(web: Web) -> None:
    web.gateway.chat("demo-cut-mid-stream-r", stream=True)
    replayed = web.replay(attempt_flow(web).id)
    assert replayed.response
    assert replayed.response.status_code >= 500
    assert "replay failed" in replayed.comment


def test_an_upstream_that_is_not_there(starter: Starter) -> None:
    web = start_web(starter, TWO_ACCOUNTS.replace("UPSTREAM", f"http://127.0.0.1:{free_port()}"))
    web.gateway.chat("gpt-4o")
    replayed = web.replay(attempt_flow(web).id)
    assert replayed.response
    assert replayed.response.status_code == 502
    assert "error" in content(replayed)


def test_what_was_replayed_is_kept_as_long_as_what_is_new(starter: Starter) -> None:
    web = start_web(starter, "[trace]\nkeep = 2\n" + TWO_ACCOUNTS)
    web.gateway.chat("gpt-4o", "old")
    old = client_flow(web)
    web.replay(old.id)
    web.gateway.chat("gpt-4o", "new")
    assert [flow.request.path for flow in web.flows()].count("/v1/chat/completions") == 2
    assert web.flow(old.id)
    web.gateway.chat("gpt-4o", "newer")
    assert old.id not in {flow.id for flow in web.flows()}
    assert len(web.flows()) == 4


def test_who_made_an_exchange_is_in_no_flow(starter: Starter) -> None:
    web = start_web(starter, WITH_KEY)
    web.gateway.chat("gpt-4o", headers=BEARER)
    web.replay(client_flow(web).id)
    tenant = hashlib.sha256(GATEWAY_KEY.encode()).hexdigest()[:16]
    assert tenant.encode() not in web.fetch("/flows/dump")
