"""`GET /`: what the page tells of real traffic, who may see it, and where its links lead."""

from __future__ import annotations

import http.client
import re
from base64 import b64encode
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from mitmproxy import http as mitm_http
from mitmproxy import io

from tests.e2e.conftest import FLASH, KEYS, TWO_ACCOUNTS, free_port, start_gateway, wait_until
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter, Upstream

KEY = "sk-status-key-31e7"
LOCKED = f'[proxy]\nauth_mode = "all_except_health"\napi_key = "{KEY}"\n' + TWO_ACCOUNTS
BASIC = {"Authorization": "Basic " + b64encode(f"anybody:{KEY}".encode()).decode()}


@pytest.fixture(scope="module")
def locked(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("locked")
    gateway = start_gateway(folder, LOCKED.replace("UPSTREAM", upstream.url))
    yield gateway
    gateway.stop()


def status(gateway: Gateway, **headers: str) -> Any:
    answer = gateway.call("GET", "/status.json", headers=headers)
    assert answer.status == 200
    return answer.json


def test_what_is_told_of_traffic(starter: Starter) -> None:
    gateway = starter()
    whole = gateway.chat("gpt-4o")
    usage = whole.json["usage"]
    retried = gateway.chat("demo-429-first-status", stream=True)
    gateway.chat("no-such-model-for-status")
    gateway.call("GET", "/nowhere")
    gateway.call("GET", "/healthz")
    gateway.call("GET", "/v1/models")
    found = status(gateway)

    models = {row["model"]: row for row in found["models"]}
    assert models[FLASH]["requests"] == 1
    assert models[FLASH]["prompt"] == usage["prompt_tokens"]
    assert models[FLASH]["completion"] == usage["completion_tokens"]
    unknown = models["no-such-model-for-status"]
    assert (unknown["requests"], unknown["errors"]) == (1, 1)
    assert (found["hour"]["requests"], found["hour"]["errors"]) == (3, 1)
    assert found["in_flight"] == 0

    listed = found["exchanges"]
    assert [one["path"] for one in listed] == ["/nowhere"] + ["/v1/chat/completions"] * 3
    assert [one["error"] for one in listed] == ["unknown_url", "model_not_found", None, None]
    assert listed[1]["client_model"] == "no-such-model-for-status"
    assert "no-such-model-for-status" in listed[1]["message"]
    assert listed[2]["id"] == retried.headers["x-request-id"]
    assert [attempt["status"] for attempt in listed[2]["attempts"]] == [429, 200]

    states = {account["label"]: account for account in found["accounts"]}
    assert sorted(account["state"] for account in states.values()) == ["cooling", "ready"]
    [tired] = [account for account in states.values() if account["state"] == "cooling"]
    assert tired["failures"] == 1
    assert [rest["model"] for rest in tired["cooling"]] == ["demo-429-first-status"]
    assert 20 < tired["cooling"][0]["seconds"] <= 30

    page = gateway.call("GET", "/").body.decode()
    assert retried.headers["x-request-id"] in page
    assert f"curl {gateway.base_url}/chat/completions" in page
    assert "#/flows/" not in page  # nobody shows flows here
    for key in KEYS:
        assert key not in page


def test_methods(gateway: Gateway) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    for _ in range(2):  # nothing of a body is left on the connection
        connection.request("HEAD", "/")
        response = connection.getresponse()
        assert response.status == 200
        assert response.getheader("content-type") == "text/html; charset=utf-8"
        assert int(response.getheader("content-length") or 0) > 5000
        assert response.read() == b""
    connection.close()
    for method in ("POST", "PUT", "DELETE"):
        refused = gateway.call(method, "/", {})
        assert (refused.status, refused.error["code"]) == (405, "method_not_supported")
        assert refused.headers["allow"] == "GET"
    assert gateway.call("PUT", "/v1/responses", {}).headers["allow"] == "GET, POST"


def test_an_open_page_is_no_traffic(starter: Starter) -> None:
    gateway = starter(LOCKED)
    assert gateway.call("GET", "/?poll", headers=BASIC).body.startswith(b"<!doctype html>")
    gateway.chat("gpt-4o", headers=BASIC)
    gateway.call("GET", "/?poll")
    wait_until(lambda: "401" in gateway.log)
    assert "/v1/chat/completions" in gateway.log
    assert len(re.findall(r" / .*200", gateway.log)) == 0
    listed = [one["path"] for one in status(gateway, **BASIC)["exchanges"]]
    assert listed == ["/", "/v1/chat/completions"]  # one without a key is worth telling


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        (BASIC, 200),
        ({"Authorization": f"Bearer {KEY}"}, 200),
        ({"x-api-key": KEY}, 200),
        ({"Authorization": "Basic " + b64encode(b"anybody:wrong").decode()}, 401),
        ({"Authorization": "Basic " + b64encode(f"{KEY}:".encode()).decode()}, 401),
        ({**BASIC, "Origin": "https://evil.example"}, 403),
        ({**BASIC, "Host": "evil.example"}, 403),
    ],
)
def test_who_may_see_it(locked: Gateway, headers: dict[str, str], status: int) -> None:
    page = locked.call("GET", "/", headers=headers)
    assert page.status == status
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers.get("www-authenticate", "").startswith("Basic" if status == 401 else "")
    assert ("www-authenticate" in page.headers) is (status == 401)
    assert locked.call("GET", "/status.json", headers=headers).status == status
    assert KEY.encode() not in page.body


def test_the_browsers_memory_is_no_way_in_for_other_pages(locked: Gateway, upstream: Upstream) -> None:
    upstream.forget()
    refused = locked.chat("gpt-4o", headers={**BASIC, "Origin": "https://evil.example"})
    assert (refused.status, refused.error["code"]) == (403, "origin_not_allowed")
    assert upstream.requests == []
    own = locked.chat("gpt-4o", headers={**BASIC, "Origin": f"http://127.0.0.1:{locked.port}"})
    assert own.status == 200
    [request] = upstream.requests
    assert "authorization" not in {name.lower() for name in request.headers}


def test_the_password_is_in_no_file(starter: Starter) -> None:
    gateway = starter(LOCKED, "-w", "saved.flow")
    assert gateway.call("GET", "/", headers=BASIC).status == 200
    assert gateway.chat("gpt-4o", headers=BASIC).status == 200
    gateway.stop()
    saved = (gateway.folder / "saved.flow").read_bytes()
    assert b"/v1/chat/completions" in saved
    for secret in (KEY, BASIC["Authorization"].split()[1]):
        assert secret.encode() not in saved
        assert secret not in gateway.log


def test_links_into_mitmweb(starter: Starter) -> None:
    port, token = free_port(), "web-token-71bc"
    arguments = [f"web_port={port}", "web_open_browser=false", f"web_password={token}"]
    settings = "[trace]\nkeep = 4\n" + TWO_ACCOUNTS
    gateway = starter(settings, *(part for one in arguments for part in ("--set", one)), tool="mitmweb")
    for _ in range(5):
        gateway.chat("gpt-4o")
    gateway.chat("no-such-model")
    page = gateway.call("GET", "/").body.decode()
    links = re.findall(r'href="http://127\.0\.0\.1:(\d+)/#/flows/([0-9a-f-]+)/(request|response)"', page)
    shown = [one["flow_id"] for one in status(gateway)["exchanges"][:4]]
    sides = ["response", *["request"] * 3]  # where the cause of a failure is
    # Those that mitmweb has dropped have none.
    assert links == [(str(port), *link) for link in zip(shown, sides, strict=True)]
    assert token not in page
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", f"/flows?token={token}")
    flows = connection.getresponse().read().decode()
    connection.close()
    assert all(flow_id in flows for flow_id in shown[:2])  # two more requests have been made since


def test_an_open_page_is_in_no_record(starter: Starter) -> None:
    gateway = starter(TWO_ACCOUNTS, "-w", "saved.flow")
    for path in ("/?poll", "/", "/?poll"):
        assert gateway.call("GET", path).status == 200
    assert gateway.chat("gpt-4o").status == 200
    gateway.stop()
    with (gateway.folder / "saved.flow").open("rb") as file:
        flows = [flow for flow in io.FlowReader(file).stream() if isinstance(flow, mitm_http.HTTPFlow)]
    assert "/v1/chat/completions" in [flow.request.path for flow in flows]
    assert not [flow for flow in flows if flow.request.path.startswith("/?") or flow.request.path == "/"]
