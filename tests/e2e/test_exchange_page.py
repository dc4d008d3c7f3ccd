"""`GET /exchanges/req_...`: the page of an exchange that was recorded, of one that was not, and who may see it."""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import KEYS, TWO_ACCOUNTS, Upstream, start_gateway, wait_until
from tests.gateway.status.test_page import HOSTILE, Page

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway

KEY = "sk-page-key-77e1"
LOCKED = f'[proxy]\nauth_mode = "strict"\napi_key = "{KEY}"\n[retry]\ncooldown = false\n'
BASIC = {"Authorization": "Basic " + b64encode(f"anybody:{KEY}".encode()).decode()}
BEARER = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def recording(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that needs a key and records."""
    settings = LOCKED + TWO_ACCOUNTS.replace("UPSTREAM", upstream.url)
    gateway = start_gateway(tmp_path_factory.mktemp("pages"), settings, "--set", "antigravity_pages=true")
    yield gateway
    gateway.stop()
    assert "Traceback" not in gateway.log


def page_of(gateway: Gateway, id: str, query: str = "") -> Page:
    answer = gateway.call("GET", f"/exchanges/{id}{query}", headers=BASIC)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    text = answer.body.decode()
    for secret in (KEY, *KEYS):
        assert secret not in text
    return Page(text)


def asked(gateway: Gateway, model: str = "gpt-4o", **body: object) -> str:
    """The id of an exchange."""
    return gateway.chat(model, headers=BEARER, **body).headers["x-request-id"]


def test_a_conversation_and_why_its_prompts_were_not_cached(recording: Gateway) -> None:
    first = [{"role": "system", "content": "Today is 2026-11-28."}, {"role": "user", "content": f"First: {HOSTILE}"}]
    one = asked(recording, messages=first)
    again = [
        {"role": "system", "content": "Today is 2026-11-29."}, first[1],
        {"role": "assistant", "content": "Yes."}, {"role": "user", "content": "And then?"},
    ]  # fmt: skip
    two = asked(recording, messages=again)
    shown = page_of(recording, two)
    why = "the date in the system message changed at byte 18: '2026-11-28' -> '2026-11-29'"
    assert "What the prompt cache had" in shown.text
    assert why in shown.text
    assert "What the prompt cache had" in page_of(recording, one).text
    [link] = [a["href"] for a in shown.all("a") if a.get("href", "").startswith("/conversations/")]
    answer = recording.call("GET", link, headers=BASIC)
    page = Page(answer.body.decode())
    assert [turn["data-exchange"] for turn in page.having("data-exchange")] == [one, two]
    for said in ("2 turns", "{{7*7}}", "And then?", why):
        assert said in page.text, said
    assert len(page.all("script")) == 1
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert recording.call("GET", f"{link}?poll", headers=BASIC).body == answer.body
    three = asked(recording, messages=[*again, {"role": "assistant", "content": "Then."}, again[-1]])
    assert three in recording.call("GET", f"{link}?poll", headers=BASIC).body.decode()
    assert recording.call("GET", "/conversations/nobody", headers=BASIC).status == 404
    assert recording.call("GET", link).status == 401


def test_both_sides(recording: Gateway) -> None:
    messages = [{"role": "user", "content": HOSTILE}]
    shown = page_of(recording, asked(recording, messages=messages, logit_bias={"1": 2}, max_tokens=900))
    for said in (
        "The client's request",
        "Gemini's request",
        "→ generationConfig.maxOutputTokens",
        "← max_tokens",
        "✗ left out",
        "ignored=logit_bias: A parameter has no equivalent at Gemini",
        "→ choices[0].message.content",
        "{{7*7}}",
    ):
        assert said in shown.text, (said, shown.text)
    assert len(shown.all("script")) == 1
    assert shown.all("img") == []
    ids = [one["id"] for one in shown.having("id")]
    assert len(ids) == len(set(ids))
    assert all(to in ids for one in shown.having("data-to") for to in one["data-to"].split())


def test_a_stream_that_was_retried(recording: Gateway) -> None:
    shown = page_of(recording, asked(recording, "demo-429-first-page", stream=True))
    for said in ("a stream", "retried=", "→ contents[0]", "client got"):
        assert said in shown.text, (said, shown.text)


def test_times_events_and_other_calls(recording: Gateway) -> None:
    """Of a stream that was retried."""
    shown = page_of(recording, asked(recording, "demo-429-first-events", stream=True))
    for said in ("Attempt 1: 429", "Attempt 2: 200", "first byte", "To the client:", "From Gemini, attempt 2:"):
        assert said in shown.text, said
    assert "The same as that of the last attempt." in shown.text
    assert len(shown.all("rect")) >= 4


def test_two_beside_each_other(recording: Gateway) -> None:
    one, other = (asked(recording, messages=[{"role": "user", "content": word}]) for word in ("Cats", "Dogs"))
    shown = page_of(recording, other, f"?with={one}")
    assert "[-Cats-]{+Dogs+}" in shown.text
    assert one in [option.get("value") for option in shown.all("option")]
    assert "is not kept here" in page_of(recording, other, "?with=req_nobody").text


def test_as_a_file(recording: Gateway) -> None:
    id = asked(recording, messages=[{"role": "user", "content": "Remember the milk"}])
    for query, said in (("", True), ("?mask=1", False)):
        answer = recording.call("GET", f"/exchanges/{id}.html{query}", headers=BASIC)
        assert answer.headers["content-disposition"] == f'attachment; filename="{id}.html"'
        assert (b"Remember the milk" in answer.body) == said
        assert b"@example.com" not in answer.body
    assert "Remember" not in page_of(recording, id, "?mask=1").text
    assert recording.call("GET", "/exchanges/req_nobody.html", headers=BASIC).status == 404


def test_copies_ask_this_gateway(recording: Gateway) -> None:
    shown = page_of(recording, asked(recording))
    for said in ("ANTIGRAVITY_API_KEY", "from openai import OpenAI", "new OpenAI", f"127.0.0.1:{recording.port}"):
        assert said in shown.text, said


def test_a_large_request_is_cut_and_can_be_had(recording: Gateway) -> None:
    messages = [{"role": "user", "content": f"turn {number} " + "x" * 5000} for number in range(400)]
    id = asked(recording, messages=messages)
    shown = page_of(recording, id)
    assert len(shown.text) < 800_000, "of some 4 MB on the two sides"
    assert f"/exchanges/{id}?all=1" in {one["href"] for one in shown.all("a")}
    assert "turn 200 " not in shown.text
    assert "turn 200 " in page_of(recording, id, "?all=1").text


def test_while_it_runs_and_afterwards(recording: Gateway) -> None:
    """Gemini says nothing, and the client leaves."""
    connection = http.client.HTTPConnection("127.0.0.1", recording.port, timeout=30)
    body = {"model": "demo-silent", "stream": True, "messages": [{"role": "user", "content": "Go on and on."}]}
    headers = {"Content-Type": "application/json", **BEARER}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    wait_until(lambda: any(one["account"] for one in running(recording)))
    [id] = [one["id"] for one in running(recording)]
    shown = page_of(recording, id)
    for said in ("running", "Attempt 1: under way", "Go on and on.", "The client's request", "→ contents[0]"):
        assert said in shown.text, (said, shown.text)
    assert "The answer" not in shown.text
    assert shown.having("data-poll")[0]["data-poll"] == f"/exchanges/{id}?poll"
    renewed = page_of(recording, id, "?poll")
    assert {one["id"] for one in renewed.all("section")} == {"facts", "timeline"}
    connection.close()
    wait_until(lambda: not running(recording))
    over = page_of(recording, id, "?poll")
    assert not over.having("data-poll")
    assert "client left after" in page_of(recording, id).text


def running(gateway: Gateway) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = gateway.call("GET", "/status.json", headers=BEARER).json["running"]
    return found


def test_an_exchange_that_was_refused(recording: Gateway) -> None:
    shown = page_of(recording, asked(recording, "no-such-model-page"))
    assert "no-such-model-page" in shown.text
    assert "404 model_not_found" in shown.text
    assert "Nothing went to Gemini." in shown.text


def test_a_request_that_was_refused_costs_nothing(recording: Gateway) -> None:
    before = recording.log.count("There is trouble")
    answer = recording.chat("gpt-4o", temperature=9, headers=BEARER)
    assert (answer.status, answer.error["code"]) == (400, "invalid_value")
    assert recording.log.count("There is trouble") == before


def test_what_is_unknown_is_said_in_a_page(recording: Gateway) -> None:
    file = recording.call("GET", "/exchanges/req_nobody.html", headers=BASIC)
    assert (file.status, "req_nobody is not kept here" in Page(file.body.decode()).text) == (404, True)
    answer = recording.call("GET", "/exchanges/req_nobody", headers=BASIC)
    assert answer.status == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "No exchange req_nobody is known here." in Page(answer.body.decode()).text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        (BASIC, 200),
        (BEARER, 200),
        ({"Authorization": "Basic " + b64encode(b"anybody:wrong").decode()}, 401),
        ({**BASIC, "Origin": "https://evil.example"}, 403),
        ({**BASIC, "Host": "evil.example"}, 403),
    ],
)
def test_who_may_see_it(recording: Gateway, headers: dict[str, str], status: int) -> None:
    answer = recording.call("GET", f"/exchanges/{asked(recording)}", headers=headers)
    assert answer.status == status
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert "demo upstream" in answer.body.decode() or status != 200
    assert (b"demo upstream" in answer.body) == (status == 200)


def test_a_page_is_no_traffic(recording: Gateway) -> None:
    id = asked(recording)
    page_of(recording, id)
    page_of(recording, id, "?poll")
    listed = recording.call("GET", "/status.json", headers=BEARER).json["exchanges"]
    assert not [one for one in listed if "poll" in one["path"]]
    row = f'href="/exchanges/{id}"'
    assert row in recording.call("GET", "/", headers=BASIC).body.decode()


def test_what_was_not_recorded(gateway: Gateway) -> None:
    """A gateway that nobody watches knows of the exchange what the log says."""
    id = gateway.chat("gpt-4o", logit_bias={"1": 2}).headers["x-request-id"]
    answer = gateway.call("GET", f"/exchanges/{id}")
    shown = Page(answer.body.decode())
    for said in ("was not recorded", "serve.py --pages", "ignored=logit_bias", "prompt tokens"):
        assert said in shown.text, (said, shown.text)
    assert "demo upstream" not in shown.text
