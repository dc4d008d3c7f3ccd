"""`GET /v1/models`: what is listed for whom, and that all of it can be asked; `HEAD /api/hello`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from tests.e2e.conftest import FLASH, TWO_ACCOUNTS

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter

ANTHROPIC = {"anthropic-version": "2023-06-01"}
MAPPED = '[models.mapping]\n"mine" = "gemini-3.8-flash"\n"nowhere" = "gemini-9-nothing"\n"a-pro" = "gemini-2.5-pro"\n'
FLASH_ALONE = '[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "UPSTREAM"\nmodels = ["gemini-*-flash*"]\n'
EPOCH = datetime(2025, 1, 1, tzinfo=UTC)


def names(gateway: Gateway, **headers: str) -> list[str]:
    answer = gateway.call("GET", "/v1/models", headers=headers).json
    return [entry["id"] for entry in answer["data"]]


def test_the_sdk_goes_through_all_pages(gateway: Gateway) -> None:
    client = anthropic.Anthropic(base_url=f"http://127.0.0.1:{gateway.port}", api_key="any")
    listed = list(client.models.list(limit=7))
    assert [model.id for model in listed] == names(gateway) == [model.id for model in client.models.list().data]
    assert {"claude-opus-5-5", "claude-haiku-4-5", "gpt-4o", "gemini-pro", FLASH} <= {model.id for model in listed}
    assert all(model.created_at > EPOCH for model in listed)
    assert client.models.retrieve("claude-3-5-haiku-20241022").display_name == "Gemini 3.5 Flash-Lite"
    assert client.models.retrieve("claude-opus-5-5[1m]").id == "claude-opus-5-5[1m]"
    assert client.models.list(lifecycle=["active", "deprecated"]).data == listed
    assert client.models.list(lifecycle=["retired"]).data == []
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("no-such-model")
    for entry in gateway.call("GET", "/v1/models").json["data"]:
        assert datetime.fromtimestamp(entry["created"], UTC) > EPOCH


@pytest.mark.parametrize("headers", [{}, ANTHROPIC], ids=["openai", "anthropic"])
def test_what_no_account_can_serve_is_not_listed(starter: Starter, headers: dict[str, str]) -> None:
    listed = names(starter(MAPPED + FLASH_ALONE), **headers)
    assert {"mine", "gpt-4o", "gemini-3.8-flash", "claude-haiku-4-5"} <= set(listed)
    assert not {"nowhere", "a-pro", "gpt-5", "claude-opus-5-5", "gemini-2.5-pro"} & set(listed)


def test_the_same_for_google(starter: Starter) -> None:
    gateway = starter(MAPPED + FLASH_ALONE)

    def google(path: str) -> Any:
        return gateway.call("GET", path, headers={"x-goog-api-key": "k"})

    listed = {model["name"].removeprefix("models/") for model in google("/v1beta/models?pageSize=1000").json["models"]}
    assert {"mine", "gemini-3.8-flash"} <= listed
    assert not {"nowhere", "a-pro", "gemini-2.5-pro"} & listed
    assert google("/v1beta/models/gemini-2.5-pro").status == 404
    assert google("/v1beta/models/mine").status == 200


@pytest.mark.parametrize("mode", ["off", "all_except_health"])
def test_hello(starter: Starter, mode: str) -> None:
    gateway = starter(f'[proxy]\nauth_mode = "{mode}"\napi_key = "k"\n{TWO_ACCOUNTS}')
    answer = gateway.call("HEAD", "/api/hello")
    assert (answer.status, answer.body) == (200, b"")
    assert gateway.call("GET", "/api/hello").json == {"message": "hello"}
