"""addons.gateway.accounts.upstreams: where each kind of upstream listens, and how a call goes to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http

from addons.gateway.accounts import upstream_request
from addons.gateway.accounts.account import Account
from addons.gateway.accounts.address import Address
from addons.gateway.accounts.pool import Pool
from addons.gateway.endpoints.jobs import ModelListJob
from addons.gateway.settings.settings import AccountSettings, section
from mapping import values
from mapping.gemini.count import count_call
from mapping.lists import openai
from mapping.notes import Notes
from mapping.values import GeminiCall

DEFAULT = Address("https", "generativelanguage.googleapis.com", 443)
MODEL = "gemini-3.8-flash"
BODY: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "serviceTier": "priority"}
BARE = {"contents": BODY["contents"]}


def account(**members: Any) -> Account:
    return Account.from_settings(section(AccountSettings, {"email": "a", "api_key": "k-123", **members}), {}, Path())


def sent(to: Account, call: GeminiCall) -> http.Request:
    request = http.Request.make("POST", "http://127.0.0.1/v1/chat/completions", b"{}", {"Authorization": "Bearer sk"})
    upstream_request.aim(request, to, DEFAULT, call)
    return request


def whole(**members: Any) -> GeminiCall:
    return GeminiCall(MODEL, "generateContent", BODY, **members)


def streamed() -> GeminiCall:
    return GeminiCall(MODEL, "streamGenerateContent", BODY, "?alt=sse")


VERTEX = {"upstream": "vertex", "project": "my-project"}
CODE = {"upstream": "code-assist", "base_url": "https://cloudcode-pa.googleapis.com"}
IN_GLOBAL = "/v1beta1/projects/my-project/locations/global/publishers/google/models"

ADDRESSES = [
    ({}, "https://generativelanguage.googleapis.com/v1beta/models/"),
    ({"base_url": "http://127.0.0.1:9/x/"}, "http://127.0.0.1:9/x/v1beta/models/"),
    ({**VERTEX, "location": "global"}, f"https://aiplatform.googleapis.com{IN_GLOBAL}/"),
    (
        {**VERTEX, "location": "europe-west4"},
        "https://europe-west4-aiplatform.googleapis.com"
        "/v1beta1/projects/my-project/locations/europe-west4/publishers/google/models/",
    ),
    (
        {**VERTEX, "location": "eu"},
        "https://aiplatform.eu.rep.googleapis.com/v1beta1/projects/my-project/locations/eu/publishers/google/models/",
    ),
    (
        {**VERTEX, "location": "us"},
        "https://aiplatform.us.rep.googleapis.com/v1beta1/projects/my-project/locations/us/publishers/google/models/",
    ),
    ({"upstream": "vertex"}, "https://aiplatform.googleapis.com/v1beta1/publishers/google/models/"),
    (
        {**VERTEX, "project": "example.com:p", "location": "global"},
        "https://aiplatform.googleapis.com/v1beta1/projects/example.com:p/locations/global/publishers/google/models/",
    ),
    ({**VERTEX, "location": "us", "base_url": "http://127.0.0.1:9"}, "http://127.0.0.1:9/v1beta1/projects/my-project/"),
]


@pytest.mark.parametrize(("members", "url"), ADDRESSES)
def test_where_a_call_goes(members: dict[str, Any], url: str) -> None:
    to = account(**members)
    assert to.unusable is None
    request = sent(to, whole())
    assert request.url.startswith(url)
    assert request.url.endswith(f"/models/{MODEL}:generateContent")
    assert (to.address or DEFAULT).host_header == request.headers["host"]
    assert sent(to, streamed()).path.endswith(f"/models/{MODEL}:streamGenerateContent?alt=sse")


def test_code_assist_names_the_model_in_the_body() -> None:
    to = account(**CODE, project="p-1")
    assert sent(to, whole()).url == "https://cloudcode-pa.googleapis.com/v1internal:generateContent"
    assert sent(to, streamed()).path == "/v1internal:streamGenerateContent?alt=sse"
    body = json.loads(sent(to, whole()).content or b"")
    assert (body["model"], body["project"]) == (MODEL, "p-1")
    assert set(body["request"]) == {"contents", "session_id"}
    assert "project" not in json.loads(sent(account(**CODE), whole()).content or b"")


def test_without_base_url_code_assist_has_its_own_address() -> None:
    to = account(upstream="code-assist", api_key=None, credentials="me.json")
    assert to.address == Address("https", "cloudcode-pa.googleapis.com", 443)


def test_one_request_three_wire_forms() -> None:
    assert json.loads(sent(account(), whole()).content or b"") == BODY
    vertex = sent(account(**VERTEX, location="global"), whole())
    assert json.loads(vertex.content or b"") == BARE
    assert vertex.headers["x-vertex-ai-llm-shared-request-type"] == "priority"
    code = json.loads(sent(account(**CODE), whole()).content or b"")
    assert {**code["request"], "session_id": None} == {**BARE, "session_id": None}


@pytest.mark.parametrize(("location", "tier"), [("global", "priority"), ("us", None), ("us-central1", None)])
def test_service_tiers_are_global(location: str, tier: str | None) -> None:
    notes = Notes()
    request = sent(account(**VERTEX, location=location), whole(notes=notes))
    assert request.headers.get("x-vertex-ai-llm-shared-request-type") == tier
    assert list(notes) == ([] if tier else [("upstream-refuses", "service_tier")])


@pytest.mark.parametrize("members", [{}, {**VERTEX, "location": "us"}, CODE])
def test_nothing_of_the_client_is_in_it(members: dict[str, Any]) -> None:
    request = sent(account(**members), whole())
    assert {name.lower() for name in request.headers} == {
        "host", "user-agent", "accept-encoding", "content-type", "content-length",
    }  # fmt: skip
    assert int(request.headers["content-length"]) == len(request.raw_content or b"")
    assert request.method == "POST"


def test_a_body_is_encoded_once_for_each_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[Any] = []
    dumps = values.jsonio.dumps
    monkeypatch.setattr(values.jsonio, "dumps", lambda value: encoded.append(value) or dumps(value))
    call = whole()
    first, second = account(), account()
    assert sent(first, call).raw_content is sent(second, call).raw_content
    assert encoded == [BODY]
    sent(account(**VERTEX, location="us"), call)
    sent(account(**VERTEX, location="eu"), call)
    assert encoded == [BODY, BARE]


COUNTS = [
    ({}, f"/v1beta/models/{MODEL}:countTokens", {"generateContentRequest": {"model": f"models/{MODEL}", **BARE}}),
    ({**VERTEX, "location": "global"}, f"{IN_GLOBAL}/{MODEL}:countTokens", BARE),
    (CODE, "/v1internal:countTokens", {"request": {"model": f"models/{MODEL}", **BARE}}),
]


@pytest.mark.parametrize(("members", "path", "body"), COUNTS)
def test_counting(members: dict[str, Any], path: str, body: Any) -> None:
    request = sent(account(**members), count_call(MODEL, BARE))
    assert request.path == path
    assert json.loads(request.content or b"") == body


def test_models_cannot_leave_their_segment() -> None:
    call = GeminiCall("../x?y#z", "generateContent", BODY)
    assert sent(account(), call).path == "/v1beta/models/..%2Fx%3Fy%23z:generateContent"


def test_only_the_public_api_lists_its_models() -> None:
    vertex, code = account(**VERTEX, location="us"), account(**CODE)
    public = account(models=["gemini-2.5-*"])
    listing = ModelListJob(dict, None, Notes(), lambda models: models, list, openai.answer)
    assert listing.model == ""
    pool = Pool([vertex, code, public])
    assert [pool.choose(listing.model) for _ in range(2)] == [public, public]
    assert Pool([vertex, code]).choose(listing.model) is None
    request = sent(public, listing.request())
    assert (request.method, request.path, request.raw_content) == ("GET", "/v1beta/models?pageSize=1000", b"")


@pytest.mark.parametrize(
    ("members", "model", "expected"),
    [
        ({}, "gemini-embedding-001", True),
        ({**VERTEX, "location": "us"}, "gemini-embedding-001", True),
        (CODE, "gemini-embedding-001", False),
        ({}, "text-embedding-005", False),
        ({**VERTEX, "location": "us"}, "text-embedding-005", True),
        (CODE, "text-embedding-005", False),
        (CODE, "gemini-3.5-transcribe", False),
        (CODE, "gemini-3.8-flash-tts", False),
        (CODE, "gemini-2.5-pro", True),
        ({**CODE, "models": ["gemini-3*"]}, "gemini-2.5-pro", False),
    ],
)
def test_which_models_a_kind_serves(members: dict[str, Any], model: str, expected: bool) -> None:
    assert account(**members).serves(model) is expected


UNUSABLE = [
    ({"upstream": "vertex", "project": "p"}, "location"),
    ({"upstream": "vertex", "location": "us", "api_key": None}, "project"),
    ({"upstream": "vertex", "api_key": None}, "project"),
    ({"upstream": "vertex", "project": "p", "location": "evil.example/"}, "its location"),
    ({"upstream": "code-assist"}, "takes no api_key"),
    ({"upstream": "code-assist", "api_key": None}, "api_key"),
    ({"api_key": None}, "no api_key, credentials or access_token"),
    ({"api_key": "snow☃"}, "characters"),
]


@pytest.mark.parametrize(("members", "said"), UNUSABLE)
def test_what_is_missing_is_told(members: dict[str, Any], said: str) -> None:
    told = account(**members).unusable
    assert told
    assert said in told
