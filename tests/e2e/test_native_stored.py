"""Gemini's own paths: files, cached contents and interactions stay on the account that made them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google import genai
from google.genai import errors, types

from tests.e2e.conftest import KEYS, TWO_ACCOUNTS

if TYPE_CHECKING:
    from tests.e2e.conftest import Answer, Gateway, Starter, Upstream

MODEL = "gemini-3.8-flash"
KEY, OTHER = "the-key-of-the-gateway-5f3a", "another-key-of-the-gateway-9c1d"
STRICT = f'[proxy]\nauth_mode = "strict"\napi_key = ["{KEY}", "{OTHER}"]\n{TWO_ACCOUNTS}'
WIRES = [(), ("--set", "antigravity_wire=layers")]
ASK = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}


def client(gateway: Gateway, key: str = KEY) -> genai.Client:
    return genai.Client(api_key=key, http_options={"base_url": f"http://127.0.0.1:{gateway.port}"})


def upload(sdk: genai.Client, data: bytes = b"The sea is green.", mime: str = "text/plain") -> types.File:
    return sdk.files.upload(file=io.BytesIO(data), config={"mime_type": mime, "display_name": "sea"})


def keys(upstream: Upstream) -> set[str]:
    return {request.headers["x-goog-api-key"] for request in upstream.requests}


def begin(gateway: Gateway, **headers: str) -> Answer:
    """The beginning of an upload."""
    told = {"X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start", **headers}
    return gateway.call("POST", "/upload/v1beta/files", {"file": {}}, headers=told)


@pytest.mark.parametrize("wire", WIRES)
def test_files(starter: Starter, upstream: Upstream, wire: tuple[str, ...]) -> None:
    gateway = starter(STRICT, "-w", "saved.flow", *wire)
    sdk = client(gateway)
    files = [upload(sdk, b"The sea is %d times green." % number) for number in range(3)]
    upstream.forget()
    for number, file in enumerate(files):
        answer = sdk.models.generate_content(model=MODEL, contents=["What of the sea?", file])
        assert f"The sea is {number} times green." in (answer.text or "")
    whole = sdk.models.generate_content(model=MODEL, contents=["What of the sea?", *files])
    assert "0 times" in (whole.text or "")
    assert "2 times" in (whole.text or "")
    assert {file.name for file in files} <= {file.name for file in sdk.files.list()}
    assert sdk.files.get(name=files[0].name or "").display_name == "sea"
    assert len(keys(upstream)) == 1
    sdk.files.delete(name=files[0].name or "")
    with pytest.raises(errors.ClientError) as e:
        sdk.files.get(name=files[0].name or "")
    assert e.value.code == 403
    gateway.stop()
    for secret in (KEY, *KEYS):
        assert secret.encode() not in (gateway.folder / "saved.flow").read_bytes()


def test_large_files_come_in_pieces(gateway: Gateway, upstream: Upstream) -> None:
    data = bytes(range(256)) * 80_000
    file = upload(client(gateway), data, "application/pdf")
    assert file.size_bytes == len(data)
    pieces = [request for request in upstream.requests if request.headers.get("x-goog-upload-offset")]
    assert [request.headers["x-goog-upload-offset"] for request in pieces] == ["0", "8388608", "16777216"]
    assert file.sha256_hash


def test_the_address_of_an_upload_is_the_gateways(starter: Starter, upstream: Upstream) -> None:
    gateway = starter(STRICT)
    assert begin(gateway).status == 401
    address = begin(gateway, **{"x-goog-api-key": KEY}).headers["x-goog-upload-url"]
    assert address.startswith(f"http://127.0.0.1:{gateway.port}/upload/v1beta/files?upload_id=")
    path = address.removeprefix(f"http://127.0.0.1:{gateway.port}")
    told = {"X-Goog-Upload-Offset": "0", "X-Goog-Upload-Command": "upload, finalize", "Content-Type": "text/plain"}
    forged = gateway.call("POST", path.replace("gw1.gAAAA", "gw1.gAAAB"), b"Hello", headers=told)
    assert (forged.status, forged.json["error"]["status"]) == (401, "UNAUTHENTICATED")
    forged = gateway.call("POST", "/upload/v1beta/files?upload_id=odd", b"Hello", headers={**told, "x-api-key": KEY})
    assert (forged.status, forged.json["error"]["status"]) == (404, "NOT_FOUND")
    done = gateway.call("POST", path, b"Hello", headers=told)  # without a key, as google-genai goes on
    assert (done.status, done.headers["x-goog-upload-status"]) == (200, "final")
    assert done.json["file"]["sizeBytes"] == "5"
    assert upstream.requests[-1].headers["content-type"] == "text/plain"
    again = gateway.call("POST", path, b"Hello", headers=told)
    assert again.status == 400


def test_what_one_client_has_made_is_not_another_clients(starter: Starter) -> None:
    gateway = starter(STRICT)
    file = upload(client(gateway))
    other = client(gateway, OTHER)
    second = upload(other)
    assert [found.name for found in other.files.list()] != [file.name]
    assert second.name != file.name


def test_what_is_known_outlives_a_restart(starter: Starter, tmp_path: Path) -> None:
    settings = f'[responses]\nstore = "{tmp_path / "store.db"}"\n{STRICT}'
    first = starter(settings)
    files = [upload(client(first, key)) for key in (KEY, OTHER)]
    address = begin(first, **{"x-goog-api-key": KEY}).headers["x-goog-upload-url"]
    first.stop()
    second = starter(settings)
    for file, key in zip(files, (KEY, OTHER), strict=True):
        for _ in range(2):
            sdk = client(second, key)
            answer = sdk.models.generate_content(model=MODEL, contents=["What of the sea?", file])
            assert "green" in (answer.text or "")
    told = {"X-Goog-Upload-Offset": "0", "X-Goog-Upload-Command": "upload, finalize"}
    path = "/" + address.partition("://")[2].partition("/")[2]
    assert second.call("POST", path, b"Hello", headers=told).status == 200


def test_an_account_that_is_gone(starter: Starter, tmp_path: Path) -> None:
    store = f'[responses]\nstore = "{tmp_path / "store.db"}"\n'
    first = starter(store + TWO_ACCOUNTS)
    file = upload(client(first))
    used = first.call("GET", f"/v1beta/{file.name}").headers
    assert used["content-type"].startswith("application/json")
    first.stop()
    renamed = TWO_ACCOUNTS.replace("alpha@", "gamma@").replace("bravo@", "delta@")
    second = starter(store + renamed)
    answer = second.call("GET", f"/v1beta/{file.name}")
    assert (answer.status, answer.json["error"]["status"]) == (404, "NOT_FOUND")
    assert "does not have any more" in answer.json["error"]["message"]


def test_cached_contents(gateway: Gateway, upstream: Upstream) -> None:
    sdk = client(gateway)
    file = upload(sdk, b"A long text of the sea.")
    upstream.forget()
    made = sdk.caches.create(model="gpt-4o", config={"contents": [file], "ttl": "60s", "display_name": "sea"})
    assert (made.model or "").startswith("models/gemini-")
    name = made.name or ""
    model = (made.model or "").removeprefix("models/")
    answer = sdk.models.generate_content(model=model, contents="Hello", config={"cached_content": name})
    assert "Hello" in (answer.text or "")
    assert name in [cached.name for cached in sdk.caches.list()]
    assert sdk.caches.get(name=name).display_name == "sea"
    assert sdk.caches.update(name=name, config={"ttl": "120s"}).name == name
    sdk.caches.delete(name=name)
    assert len(keys(upstream)) == 1
    with pytest.raises(errors.ClientError) as e:
        sdk.caches.get(name=name)
    assert e.value.status == "PERMISSION_DENIED"


@pytest.mark.parametrize("wire", WIRES)
def test_interactions(starter: Starter, upstream: Upstream, wire: tuple[str, ...]) -> None:
    sdk: Any = client(starter(STRICT, *wire))
    for _ in range(2):  # on either account
        upstream.forget()
        first = sdk.interactions.create(model="gpt-4o", input="Hello")
        assert "Hello" in first.output_text
        assert sdk.interactions.get(first.id).id == first.id
        events = list(sdk.interactions.create(model=MODEL, input="On", previous_interaction_id=first.id, stream=True))
        assert [event.event_type for event in events][-1] == "interaction.completed"
        last = events[-1].interaction.id
        assert sdk.interactions.create(model=MODEL, input="More", previous_interaction_id=last).status == "completed"
        sdk.interactions.delete(last)
        assert len(keys(upstream)) == 1
        assert {request.body["model"] for request in upstream.requests if request.body} <= {MODEL, first.model}


def test_what_is_not_there(gateway: Gateway) -> None:
    for method, path in (("GET", "/v1beta/files/none"), ("DELETE", "/v1/cachedContents/none")):
        answer = gateway.call(method, path, headers={"x-goog-api-client": "x"})
        assert (answer.status, answer.json["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert gateway.call("GET", "/v1beta/operations/none").json["error"]["code"] == 404
    assert gateway.call("POST", "/v1/files", {}).error["code"] == "unknown_url"  # that is OpenAI's
    wrong = {"model": MODEL, "input": "x", "previous_interaction_id": ["x"]}
    assert gateway.call("POST", "/v1beta/interactions", wrong).json["error"]["code"] == 400
    assert gateway.call("POST", "/v1beta/interactions", {"model": "no-such", "input": "x"}).json["error"]["code"] == 404
    assert gateway.call("POST", "/v1beta/cachedContents", b"{").json["error"]["status"] == "INVALID_ARGUMENT"


NO_API_KEY = """
[[accounts]]
email = "vertex@example.com"
upstream = "vertex"
access_token = "token-vertex"
project = "p"
location = "global"
base_url = "UPSTREAM"
"""


def test_accounts_that_have_no_files(starter: Starter) -> None:
    answer = starter(NO_API_KEY).call("GET", "/v1beta/files")
    error = answer.json["error"]
    assert (answer.status, error["status"]) == (503, "UNAVAILABLE")
    assert "public API" in error["message"]
    assert json.dumps(error["details"]).count("NO_ACCOUNT") == 1
