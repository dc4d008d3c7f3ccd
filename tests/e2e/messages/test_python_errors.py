"""Errors as Anthropic's Python SDK has them: its classes, what it tries again, and streams that go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from tests.e2e.conftest import TWO_ACCOUNTS
from tests.e2e.messages.sdk import MODEL, ask, checked_client, root, text, user

if TYPE_CHECKING:
    from anthropic import Anthropic

    from tests.e2e.conftest import Gateway, Starter, Upstream


@pytest.fixture
def client(gateway: Gateway) -> Iterator[Anthropic]:
    with checked_client(gateway) as checked:
        yield checked


ERRORS: dict[str, tuple[dict[str, Any], type[anthropic.APIStatusError], int, str]] = {
    "a wrong value": ({"messages": [{"role": "user", "content": 7}]}, anthropic.BadRequestError, 400, "messages"),
    "no messages": ({"messages": []}, anthropic.BadRequestError, 400, "messages"),
    "an unknown model": ({"model": "llama-7b"}, anthropic.NotFoundError, 404, "llama-7b"),
    "refused": ({"model": "demo-400"}, anthropic.BadRequestError, 400, "invalid argument"),
    "not there": ({"model": "demo-404"}, anthropic.NotFoundError, 404, "not found"),
    "a limit": ({"model": "demo-429-all"}, anthropic.RateLimitError, 429, "try again in"),
    "the limit of a day": ({"model": "demo-429-day-all"}, anthropic.RateLimitError, 429, "quota"),
    "a failure": ({"model": "demo-500"}, anthropic.InternalServerError, 500, ""),
    "too much to do": ({"model": "demo-503-all"}, anthropic.OverloadedError, 529, "high demand"),
    "unreachable": ({"model": "demo-refuse"}, anthropic.InternalServerError, 500, ""),
}


@pytest.mark.parametrize("way", ["whole", "helper"])
@pytest.mark.parametrize(("body", "kind", "status", "said"), ERRORS.values(), ids=ERRORS)
def test_errors(
    client: Anthropic, way: str, body: dict[str, Any], kind: type[anthropic.APIStatusError], status: int, said: str
) -> None:
    with pytest.raises(kind) as raised:
        ask(client, way, **body)
    assert raised.value.status_code == status
    assert said in raised.value.message
    body_: Any = raised.value.body
    assert raised.value.request_id == body_["request_id"] == raised.value.response.headers["request-id"]


@pytest.mark.parametrize(
    ("model", "again", "wait"),
    [("demo-429-all", None, range(1, 61)), ("demo-429-day-all", "false", None)],
    ids=["a limit of a minute", "of a day"],
)
def test_whether_waiting_helps(client: Anthropic, model: str, again: str | None, wait: range | None) -> None:
    with pytest.raises(anthropic.RateLimitError) as raised:
        ask(client, model=model)
    headers = raised.value.response.headers
    assert headers.get("x-should-retry") == again
    assert wait is None or int(headers["retry-after"]) in wait


def test_the_next_account_goes_on(client: Anthropic, upstream: Upstream) -> None:
    for way in ("whole", "helper"):
        assert text(ask(client, way, model=f"demo-429-first-{way}"))
        assert text(ask(client, way, model=f"demo-503-first-{way}"))
    assert len(upstream.requests) == 8


BROKEN = {
    "an error in its middle": ("demo-error-mid-stream", "api_error"),
    "cut off": ("demo-cut-mid-stream", "api_error"),
    "without an end": ("demo-end-without-finish", "api_error"),
}


@pytest.mark.parametrize(("model", "kind"), BROKEN.values(), ids=BROKEN)
def test_streams_that_go_wrong(client: Anthropic, model: str, kind: str) -> None:
    """An error event after what has come; all blocks are closed before it, as the check of every answer sees."""
    pieces = []
    with (
        pytest.raises(anthropic.APIStatusError) as raised,
        client.messages.stream(model=model, max_tokens=1000, messages=user()) as stream,
    ):
        pieces.extend(stream.text_stream)
    assert pieces
    assert raised.value.status_code == 200
    body: Any = raised.value.body
    assert body["error"]["type"] == kind


@pytest.mark.parametrize("model", ["demo-error-first-event-all", "demo-cut-first"])
def test_streams_that_do_not_begin(client: Anthropic, model: str) -> None:
    with pytest.raises(anthropic.InternalServerError) as raised:
        ask(client, "helper", model=model)
    assert raised.value.status_code >= 500


@pytest.mark.parametrize("model", ["demo-safety", "demo-blocked", "demo-recitation"])
def test_what_gemini_does_not_say(client: Anthropic, model: str) -> None:
    """Whichever way it is told, it is an answer with a reason and a text that says why."""
    for way in ("whole", "events", "helper"):
        message = ask(client, way, model=model)
        assert message.stop_reason in ("refusal", "end_turn")
        assert text(message)


def test_a_key_that_is_not_known(starter: Starter) -> None:
    gateway = starter('[proxy]\nauth_mode = "strict"\napi_key = "a-key"\n')
    with checked_client(gateway, api_key="another") as client, pytest.raises(anthropic.APIStatusError) as raised:
        ask(client)
    assert raised.value.status_code in (401, 403)


def test_an_upstream_that_is_silent(starter: Starter) -> None:
    """Signs of life are pings, after the message has begun."""
    with checked_client(starter('[proxy]\nkeep_alive = "50ms"\n' + TWO_ACCOUNTS)) as client:
        for way in ("whole", "events", "helper"):
            message = ask(client, way, model="demo-silent-0.3")
            assert text(message)
            assert message.usage.input_tokens


def test_bad_keys_of_the_accounts(starter: Starter) -> None:
    """Nobody is to wait for them to get better, nor to take them for the client's own."""
    with checked_client(starter(TWO_ACCOUNTS)) as client:
        for status in (403, 500):  # refused, and then no account is left
            with pytest.raises(anthropic.APIStatusError) as raised:
                ask(client, model="demo-401-all")
            assert raised.value.status_code == status
            assert raised.value.response.headers["x-should-retry"] == "false"


def test_a_client_that_leaves(client: Anthropic, gateway: Gateway) -> None:
    leaving = anthropic.Anthropic(base_url=root(gateway), api_key="any")
    with leaving.messages.stream(model="demo-thinking-all", max_tokens=1000, messages=user()) as stream:
        next(iter(stream))
    assert text(ask(client, model=MODEL))


UNSERVED: dict[str, tuple[Any, str]] = {
    "batches": (lambda beta: beta.messages.batches.create(requests=[]), "Use POST /v1/messages for each"),
    "a batch": (lambda beta: beta.messages.batches.retrieve("msgbatch_1"), "Use POST /v1/messages for each"),
    "an upload": (lambda beta: beta.files.upload(file=("a.txt", b"a", "text/plain")), "inside the request"),
    "a file": (lambda beta: beta.files.retrieve_metadata("file_1"), "inside the request"),
    "a download": (lambda beta: beta.files.download("file_1"), "inside the request"),
    "a file to be deleted": (lambda beta: beta.files.delete("file_1"), "inside the request"),
    "skills": (lambda beta: list(beta.skills.list()), "in `system`"),
    "agents": (lambda beta: list(beta.agents.list()), "Use POST /v1/messages"),
}


@pytest.mark.parametrize(("ask_for", "said"), UNSERVED.values(), ids=UNSERVED)
def test_what_is_not_served_says_what_to_do(gateway: Gateway, upstream: Upstream, ask_for: Any, said: str) -> None:
    with checked_client(gateway) as client, pytest.raises(anthropic.NotFoundError) as raised:
        ask_for(client.beta)
    body: Any = raised.value.body
    assert said in body["error"]["message"]
    assert raised.value.request_id == body["request_id"]
    assert not upstream.requests, "nothing of it goes to Google"
