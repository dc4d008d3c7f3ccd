"""No credential anywhere: not in a flow, a log, a saved file, a HAR, an error, or mitmweb's page."""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from typing import TYPE_CHECKING

from mitmproxy import http as mitm_http
from mitmproxy import io

from tests.e2e.conftest import KEYS, TWO_ACCOUNTS, ScriptedUpstream, free_port, wait_until
from tests.e2e.test_credentials import TokenServer, account
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Gateway, Starter

GATEWAY_KEY = "sk-client-secret-90bd"
OTHER_KEY = "sk-for-somebody-else-77aa"
KEY_HEADERS = ("authorization", "x-api-key", "x-goog-api-key", "Authorization")
SECRETS = [secret.encode() for secret in (*KEYS, GATEWAY_KEY, OTHER_KEY)]
SETTINGS = f'[proxy]\nauth_mode = "all_except_health"\napi_key = "{GATEWAY_KEY}"\n' + TWO_ACCOUNTS


def traffic(gateway: Gateway) -> list[bytes]:
    """All kinds of exchanges, good and bad; returns everything that the client saw."""
    seen = []
    for headers in (
        {"Authorization": f"Bearer {GATEWAY_KEY}"},
        {"x-api-key": GATEWAY_KEY, "Cookie": f"key={GATEWAY_KEY}"},
        {"x-goog-api-key": GATEWAY_KEY},
        {"Authorization": f"Bearer {GATEWAY_KEY}x"},
    ):
        for model in (
            "gpt-4o",
            "gemini-3-flash",
            "demo-429-first-s",
            "demo-429-all",
            "demo-401-all",
            "demo-refuse-all",
        ):
            for stream in (False, True):
                answer = gateway.chat(model, stream=stream, headers=headers)
                seen.append(answer.body + str(answer.headers).encode())
        seen.append(gateway.call("GET", "/v1/models", headers=headers).body)
        seen.append(gateway.call("GET", "/nowhere", headers=headers).body)
    seen.append(gateway.chat("gpt-4o", n=3, headers={"Authorization": f"Bearer {GATEWAY_KEY}"}).body)
    return seen


def odd_places(gateway: Gateway) -> None:
    """A key where it should not be: in other header fields, the address, the body; and a key for another place."""
    elsewhere = f"/v1/chat/completions?api-key={OTHER_KEY}&key={GATEWAY_KEY}"
    right = {"Authorization": f"Bearer {GATEWAY_KEY}"}
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello!"}]}
    for path, headers, more in (
        (elsewhere, right, {}),
        (elsewhere, {}, {}),
        ("/v1/chat/completions", {"api-key": GATEWAY_KEY, "X-Auth-Token": OTHER_KEY}, {}),
        ("/v1/chat/completions", {**right, "api-key": OTHER_KEY, "X-Ours": GATEWAY_KEY}, {}),
        ("/v1/chat/completions", right, {"api_key": GATEWAY_KEY}),
        ("/v1/chat/completions", right, {"stream": True, "messages": [{"role": "user", "content": GATEWAY_KEY}]}),
        ("/v1/responses", right, {"messages": None, "input": GATEWAY_KEY, "stream": True}),
        ("/v1/chat/completions", {"Authorization": "Basic " + b64encode(f":{GATEWAY_KEY}".encode()).decode()}, {}),
    ):
        gateway.call("POST", path, {name: v for name, v in {**body, **more}.items() if v is not None}, headers=headers)


def assert_clean(what: str, data: bytes) -> None:
    for secret in SECRETS:
        assert secret not in data, (what, data[max(0, data.find(secret) - 300) : data.find(secret) + 60])


def test_saved_flows_har_and_log(starter: Starter) -> None:
    gateway = starter(SETTINGS, "-w", "saved.flow", "--set", "hardump=saved.har", "-v", "--set", "flow_detail=4")
    for body in traffic(gateway):
        assert_clean("answer", body)
    gateway.stop()
    saved = (gateway.folder / "saved.flow").read_bytes()
    assert_clean("saved flows", saved)
    assert_clean("HAR", (gateway.folder / "saved.har").read_bytes())
    assert_clean("log", gateway.log.encode())
    with (gateway.folder / "saved.flow").open("rb") as file:
        flows = [flow for flow in io.FlowReader(file).stream() if isinstance(flow, mitm_http.HTTPFlow)]
    assert len(flows) > 20
    shown = {value for flow in flows for name, value in flow.request.headers.items() if name in KEY_HEADERS}
    assert shown >= {"Bearer sk-c…90bd (21 characters)", "sk-c…90bd (21 characters)", masked(KEYS[0]), masked(KEYS[1])}
    calls = [flow for flow in flows if flow.request.path.startswith("/v1beta/")]
    assert all("x-goog-api-key" in flow.request.headers for flow in calls), "with which key was it made?"


def masked(key: str) -> str:
    """What is shown of a key."""
    return f"{key[:4]}…{key[-4:]} ({len(key)} characters)" if len(key) >= 20 else f"… ({len(key)} characters)"


def test_keys_in_odd_places(starter: Starter) -> None:
    gateway = starter(SETTINGS, "-w", "saved.flow", "--set", "hardump=saved.har", "-v", "--set", "flow_detail=1")
    odd_places(gateway)
    gateway.stop()
    with (gateway.folder / "saved.flow").open("rb") as file:
        flows = [flow for flow in io.FlowReader(file).stream() if isinstance(flow, mitm_http.HTTPFlow)]
    assert [flow.response.status_code for flow in flows if flow.response and b"/v1/" in flow.request.data.path] == [
        200, 401, 401, 200, 200, 200, 200, 200
    ]  # fmt: skip
    for file_name in ("saved.flow", "saved.har", "log.txt"):
        assert_clean(file_name, (gateway.folder / file_name).read_bytes())


def test_keys_that_are_told_to_the_model(starter: Starter) -> None:
    """Of accounts that are not asked, and of other clients: nothing that the settings name is in any record."""
    second = "sk-another-client-41cd"
    settings = SETTINGS.replace(f'api_key = "{GATEWAY_KEY}"', f'api_key = ["{GATEWAY_KEY}", "{second}"]')
    gateway = starter(
        settings, "-w", "saved.flow", "--set", "hardump=saved.har", "--set", "antigravity_pages=true", "-v"
    )
    right = {"Authorization": f"Bearer {GATEWAY_KEY}"}
    said = f"Say again: {KEYS[0]}, {KEYS[1]}, {second}"
    streamed = gateway.chat("gpt-4o", said, stream=True, headers=right)
    assert streamed.status == 200
    body = {"model": "gpt-4o", "input": said, "stream": True}
    first = gateway.call("POST", "/v1/responses", body, headers=right)
    id = json.loads(first.body.partition(b"data: ")[2].partition(b"\n")[0])["response"]["id"]
    more = {**body, "input": "And now?", "previous_response_id": id}  # the record has what was said before
    assert gateway.call("POST", "/v1/responses", more, headers=right).status == 200
    page = gateway.call("GET", f"/exchanges/{streamed.headers['x-request-id']}.html", headers=right)
    assert page.status == 200
    gateway.stop()
    for name, data in (
        ("page", page.body),
        *((name, (gateway.folder / name).read_bytes()) for name in ("saved.flow", "saved.har", "log.txt")),
    ):
        assert_clean(name, data)
        assert second.encode() not in data, name
    assert b"Say again: [credential], [credential], [credential]" in (gateway.folder / "saved.flow").read_bytes()


def test_a_key_that_the_upstream_repeats(starter: Starter) -> None:
    """Google names the key in some of its errors."""
    said = f"Permission denied: Consumer 'api_key:{KEYS[0]}' has been suspended."
    body = json.dumps({"error": {"code": 403, "message": said, "status": "PERMISSION_DENIED"}})
    head = f"HTTP/1.1 403 Forbidden\r\nX-Consumer: {KEYS[0]}\r\nContent-Length: {len(body)}\r\n\r\n"
    upstream = ScriptedUpstream(*[(head + body).encode()] * 2)
    account = TWO_ACCOUNTS.partition("\n\n")[0].replace("UPSTREAM", upstream.url)
    gateway = starter(account, "-w", "saved.flow", "--set", "hardump=saved.har", "-v")
    for stream in (False, True):
        answer = gateway.chat("gpt-4o", stream=stream)
        assert_clean("answer", answer.body + str(answer.headers).encode())
    gateway.stop()
    upstream.close()
    saved = (gateway.folder / "saved.flow").read_bytes()
    assert b"has been suspended" in saved
    for file in ("saved.flow", "saved.har", "log.txt"):
        assert_clean(file, (gateway.folder / file).read_bytes())


def test_tokens_of_a_login(starter: Starter, tmp_path: Path) -> None:
    tokens = TokenServer()
    gateway = starter(account(tmp_path, tokens), "-w", "saved.flow", "--set", "hardump=saved.har", "-v")
    for stream in (False, True):
        assert gateway.chat("gpt-4o", stream=stream).status == 200
    gateway.stop()
    tokens.close()
    for name in ("saved.flow", "saved.har", "log.txt"):
        data = (gateway.folder / name).read_bytes()
        for secret in (b"token-1", b"client-secret-5f", b"refresh-secret-6a"):
            assert secret not in data, name


def test_mitmweb(starter: Starter) -> None:
    port = free_port()
    web = ["--no-web-open-browser", "--web-port", str(port), "--set", "web_password=look"]
    gateway = starter(SETTINGS, *web, tool="mitmweb")
    traffic(gateway)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def fetch(path: str) -> bytes:
        connection.request("GET", f"{path}?token=look", headers={"Cookie": ""})
        response = connection.getresponse()
        data = response.read()
        assert response.status == 200, path
        return data

    wait_until(lambda: len(json.loads(fetch("/flows"))) > 20)
    listing = fetch("/flows")
    assert_clean("flow list", listing)
    for flow in json.loads(listing):
        for side in ("request", "response"):
            if flow.get(side):
                assert_clean("content", fetch(f"/flows/{flow['id']}/{side}/content.data"))
    connection.close()
