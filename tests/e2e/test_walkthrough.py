"""A user's first day, line by line, with plain HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addons.demo.models import ALIASES
from tests.e2e.conftest import FLASH

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter


def test_is_it_alive(gateway: Gateway) -> None:
    answer = gateway.call("GET", "/healthz")
    assert answer.status == 200
    assert answer.json == {"status": "ok"}


def test_which_models_are_there(starter: Starter) -> None:
    gateway = starter(
        '[models.mapping]\n"my-model" = "gemini-2.5-flash"\n"wild-*" = "x"\n[[accounts]]\nemail = "a"\n'
        'api_key = "k"\nbase_url = "UPSTREAM"\n'
    )
    answer = gateway.call("GET", "/v1/models")
    assert answer.json["object"] == "list"
    names = [model["id"] for model in answer.json["data"]]
    assert names[0] == "my-model"
    assert "gemini-2.5-flash" in names
    assert "wild-*" not in names
    for model in answer.json["data"]:
        assert model["object"] == "model"
        assert isinstance(model["created"], int)
    one = gateway.call("GET", "/v1/models/gemini-2.5-flash").json
    assert one["id"] == "gemini-2.5-flash"
    unknown = gateway.call("GET", "/v1/models/nonsense")
    assert unknown.status == 404
    assert unknown.error["code"] == "model_not_found"


def test_a_chat(gateway: Gateway) -> None:
    answer = gateway.chat("gemini-3-flash", "你好,请自我介绍")
    assert answer.status == 200
    assert "你好,请自我介绍" in answer.text
    usage = answer.json["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_a_stream(gateway: Gateway) -> None:
    answer = gateway.chat("gemini-3-flash", "用三句话解释一下什么是本地反代网关", stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.events[-1] == "[DONE]"
    text = "".join(event["choices"][0]["delta"].get("content") or "" for event in answer.events[:-1])
    assert "用三句话解释一下什么是本地反代网关" in text
    assert answer.events[-2]["choices"][0]["finish_reason"] == "stop"


def test_which_model_was_it_really(gateway: Gateway) -> None:
    answer = gateway.chat("gpt-4o", "hi")
    assert answer.headers["x-mapped-model"] == FLASH
    assert answer.headers["x-account-email"] in ("alpha@example.com", "bravo@example.com")
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.json["model"] == "gpt-4o"


@pytest.mark.parametrize(
    "path",
    ["/chat/completions", "/v1/v1/chat/completions", "/v1/responses/chat/completions", "/v1/chat/completions/"],
)
def test_stacked_paths_work(gateway: Gateway, path: str) -> None:
    answer = gateway.call("POST", path, {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]})
    assert answer.status == 200
    if not path.endswith("/"):
        assert "path=" in answer.headers["x-antigravity-notes"]


def test_unknown_paths_name_the_nearest(gateway: Gateway) -> None:
    answer = gateway.call("POST", "/v1/chat/completion", {})
    assert answer.status == 404
    assert answer.error["code"] == "unknown_url"
    assert "/v1/chat/completions" in answer.error["message"]


def test_wrong_method(gateway: Gateway) -> None:
    answer = gateway.call("GET", "/v1/chat/completions")
    assert answer.status == 405


@pytest.mark.parametrize("stream", [False, True])
def test_which_model_answered_under_another_name(gateway: Gateway, stream: bool) -> None:
    answer = gateway.chat("gemini-flash-latest", "hi", stream=stream)
    served = ALIASES["gemini-flash-latest"]
    assert answer.headers["x-mapped-model"] == served
    assert f"served={served}" in answer.headers["x-antigravity-notes"]


def test_no_account(starter: Starter) -> None:
    gateway = starter(None)
    assert gateway.call("GET", "/healthz").status == 200
    answer = gateway.chat("gpt-4o")
    assert answer.status == 503
    assert "GEMINI_API_KEY" in answer.error["message"]
    assert answer.headers["x-mapped-model"] == FLASH
    models = gateway.call("GET", "/v1/models")
    assert models.status == 200
    assert "gemini-2.5-flash" in [model["id"] for model in models.json["data"]]
    assert "unlisted" in models.headers["x-antigravity-notes"]
