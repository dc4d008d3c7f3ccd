"""What happens when an upstream fails: other accounts, pauses, and the error that is left in the end."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import KEYS, TWO_ACCOUNTS
from tests.e2e.faults.faulty_upstream import KEEP, STREAM, FaultyUpstream, whole
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Answer, Gateway, Starter, Upstream


def attempts(upstream: Upstream) -> int:
    return len(upstream.requests)


def text_of(answer: Answer, stream: bool) -> str:
    if not stream:
        return answer.text
    deltas = [event["choices"][0]["delta"] for event in answer.events[:-1] if event["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}
RESTS_SHORTLY = json.dumps(
    {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Too many.", "details": [RETRY_INFO]}}
).encode()

RESCUED = [
    "demo-429-first",
    "demo-503-first",
    "demo-500-first",
    "demo-cut-first-first",
    "demo-refuse-first",
    "demo-error-first-event-first",
    "demo-malformed-call-first",
    "demo-garbage-first",
    "demo-html-first",
    "demo-401-first",
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", RESCUED)
def test_the_second_account_saves_the_request(
    starter: Starter, upstream: Upstream, shared_gateway: Gateway, model: str, stream: bool
) -> None:
    # A connection that is closed as it is used again is no attempt; one gateway's first connection is never such a one.
    gateway = starter() if model in ("demo-401-first", "demo-refuse-first") else shared_gateway
    upstream.forget()
    answer = gateway.chat(f"{model}-{stream}", stream=stream)
    assert answer.status == 200, answer.body
    assert "demo upstream" in text_of(answer, stream)
    assert attempts(upstream) == 2
    assert len({request.headers["x-goog-api-key"] for request in upstream.requests}) == 2
    assert "retried" in answer.headers["x-antigravity-notes"]


REQUEST_FAULTS = [("demo-400-all", 400, None), ("demo-404-all", 404, "model_not_found")]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("model", "status", "code"), REQUEST_FAULTS)
def test_a_fault_of_the_request_never_rotates(
    gateway: Gateway, upstream: Upstream, model: str, status: int, code: str | None, stream: bool
) -> None:
    answer = gateway.chat(model, stream=stream)
    assert (answer.status, answer.error["code"]) == (status, code)
    assert attempts(upstream) == 1
    assert answer.headers["x-mapped-model"] == model


FINAL = [
    # attempts: a fault that may pass is tried again on an account that has had it, a broken answer is not
    (3, "demo-503-all", 503, "server_error"),
    (3, "demo-500-all", 500, "server_error"),
    (3, "demo-html-all", 502, "server_error"),
    (2, "demo-garbage-all", 500, "server_error"),
    (3, "demo-refuse-all", 502, "server_error"),
    (2, "demo-cut-first-all", 502, "server_error"),
    (3, "demo-error-first-event-all", 503, "server_error"),
    (2, "demo-malformed-call-all", 500, "server_error"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("tries", "model", "status", "type_"), FINAL)
def test_when_nothing_helps(
    starter: Starter, shared_gateway: Gateway, upstream: Upstream, tries: int, model: str, status: int, type_: str,
    stream: bool,
) -> None:  # fmt: skip
    gateway = starter() if model == "demo-refuse-all" else shared_gateway  # see above
    upstream.forget()
    answer = gateway.chat(model, stream=stream)
    assert (answer.status, answer.error["type"]) == (status, type_), answer.body
    assert attempts(upstream) == tries
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_all_accounts_out_of_quota(starter: Starter, upstream: Upstream, stream: bool) -> None:
    gateway = starter()
    answer = gateway.chat("demo-429-all", stream=stream)
    assert answer.status == 429
    assert answer.error["code"] == "rate_limit_exceeded"
    assert answer.error["message"].startswith("Rate limit reached for demo-429-all: try again in 30 s.")
    assert answer.headers["retry-after"] == "30"
    assert attempts(upstream) == 2
    again = gateway.chat("demo-429-all", stream=stream)
    assert again.status == 429
    assert 0 < int(again.headers["retry-after"]) <= 30
    assert attempts(upstream) == 2  # nobody was asked again
    assert gateway.chat("gemini-2.5-flash").status == 200  # other models are not touched


def test_an_exhausted_account_rests_and_the_other_serves(starter: Starter, upstream: Upstream) -> None:
    gateway = starter()
    for _ in range(4):
        assert gateway.chat("demo-429-first-rest").status == 200
    assert sorted(Counter(r.headers["x-goog-api-key"] for r in upstream.requests).values()) == [1, 4]


@pytest.mark.parametrize("stream", [False, True])
def test_a_short_cooldown_is_waited_for(starter: Starter, stream: bool) -> None:
    upstream = FaultyUpstream()
    upstream.play(STREAM if stream else whole(), KEEP)
    upstream.replies = [[whole(RESTS_SHORTLY, status="429 Too Many Requests"), KEEP]]
    gateway = starter(
        '[proxy]\nkeep_alive = "200ms"\n'
        f'[[accounts]]\nemail = "alpha@example.com"\napi_key = "key"\nbase_url = "{upstream.url}"'
    )
    first = gateway.chat("gemini-2.5-flash", stream=stream)
    assert (first.status, first.headers["retry-after"]) == (429, "1")  # one account: one attempt
    second = gateway.chat("gemini-2.5-flash", stream=stream)
    assert second.status == 200
    assert upstream.requests == 2
    if stream:
        head, _, rest = second.body.partition(b": keep-alive\n\n")
        assert head.startswith(b"data: ")  # clients want an event first
        assert rest.endswith(b"data: [DONE]\n\n")
    upstream.close()


def test_a_refused_key_sets_its_account_aside(starter: Starter, upstream: Upstream) -> None:
    settings = TWO_ACCOUNTS.replace(KEYS[0], "invalid-key-one")
    gateway = starter(settings)
    for _ in range(3):
        answer = gateway.chat("gemini-2.5-flash")
        assert answer.status == 200
        assert answer.headers["x-account-email"] == "bravo@example.com"
    assert Counter(r.headers["x-goog-api-key"] for r in upstream.requests)["invalid-key-one"] == 1
    assert "alpha@example.com is set aside" in gateway.log
    assert "invalid-key-one" not in gateway.log


def test_round_robin(gateway: Gateway, upstream: Upstream) -> None:
    seen = [gateway.chat("gpt-4o").headers["x-account-email"] for _ in range(4)]
    assert sorted(Counter(seen).values()) == [2, 2]


def test_connect_failure_is_json(starter: Starter) -> None:
    gateway = starter('[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "http://127.0.0.1:9"\n')
    for stream in (False, True):
        answer = gateway.chat("gpt-4o", stream=stream)
        assert answer.status == 502
        assert answer.error["code"] == "upstream_unreachable"


def test_an_unreachable_account_is_rescued_on_a_kept_connection(starter: Starter) -> None:
    """mitmproxy remembers a failed connection; the next request on the same client connection must not see it."""
    import http.client
    import json

    dead = '[[accounts]]\nemail = "dead"\napi_key = "k"\nbase_url = "http://127.0.0.1:9"\n'
    gateway = starter(dead + TWO_ACCOUNTS)
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]})
    for _ in range(7):
        connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        assert response.status == 200, response.read()
        response.read()
    connection.close()


MID_STREAM = ["demo-cut-mid-stream", "demo-error-mid-stream", "demo-end-without-finish"]


@pytest.mark.parametrize("model", MID_STREAM)
def test_a_stream_that_breaks_ends_with_an_error_event(gateway: Gateway, upstream: Upstream, model: str) -> None:
    answer = gateway.chat(model, stream=True)
    assert answer.status == 200
    last: Any = answer.events[-1]
    assert set(last["error"]) == {"message", "type", "param", "code"}
    assert not any(choice["finish_reason"] for event in answer.events[:-1] for choice in event["choices"]), (
        "a broken answer must not look complete"
    )
    assert attempts(upstream) == 1
    assert gateway.call("GET", "/healthz").status == 200


@pytest.mark.parametrize("model", MID_STREAM[:1] + MID_STREAM[2:])
def test_the_same_as_a_whole_answer_is_an_error(gateway: Gateway, model: str) -> None:
    answer = gateway.chat(model)
    assert answer.status >= 500
    assert answer.error["type"] == "server_error"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_what_a_model_refuses_is_left_out_once(gateway: Gateway, upstream: Upstream, stream: bool) -> None:
    """The demo refuses log probabilities, as most models of the public API do."""
    answer = gateway.chat("gemini-2.5-flash", stream=stream, logprobs=True, top_logprobs=2)
    assert answer.status == 200, answer.body
    assert "upstream-refuses=generationConfig.responseLogprobs" in answer.headers["x-antigravity-notes"]
    assert ["responseLogprobs" in (r.body.get("generationConfig") or {}) for r in upstream.requests] == [True, False]
