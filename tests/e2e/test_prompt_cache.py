"""`prompt_cache_options.comparison_response_id` with OpenAI's Python SDK: whole answers and streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from openai import BadRequestError, OpenAI

from tests.e2e.checked_sdk import checked_client
from tests.e2e.responses_sdk import FUNCTION, MODEL, WAYS, WEATHER, respond

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with checked_client(gateway) as client:
        yield client


def beside(id: str) -> Any:
    return {"comparison_response_id": id}


@WAYS
def test_why_the_cache_had_nothing(client: OpenAI, way: str) -> None:
    first = client.responses.create(model=MODEL, input="Hello!", tools=[FUNCTION, WEATHER])
    assert first.prompt_cache_diagnostics is None
    assert "prompt_cache_diagnostics" not in first.model_fields_set, "nobody has asked for it"
    made = respond(
        client, way, model=MODEL, input="And?", previous_response_id=first.id, tools=[WEATHER, FUNCTION],
        prompt_cache_options=beside(first.id),
    )  # fmt: skip
    told = made.prompt_cache_diagnostics
    assert told is not None
    assert told.type == "cache_miss"
    assert told.reason == "tools_changed"
    assert made.usage
    assert 0 < told.cache_missed_tokens <= made.usage.input_tokens
    assert made.prompt_cache_options
    assert made.prompt_cache_options.comparison_response_id == first.id
    assert client.responses.retrieve(made.id).prompt_cache_diagnostics == told


@WAYS
def test_a_request_that_goes_on(client: OpenAI, way: str) -> None:
    """The demo caches nothing: nothing differs, and why the cache had nothing can't be told."""
    first = client.responses.create(model=MODEL, input="Hello!")
    again: Any = [{"role": "user", "content": "Hello!"}, *first.output, {"role": "user", "content": "And?"}]
    for more in ({"input": "And?", "previous_response_id": first.id}, {"input": again}):
        made = respond(client, way, model=MODEL, prompt_cache_options=beside(first.id), **more)
        assert made.prompt_cache_diagnostics
        assert made.prompt_cache_diagnostics.type == "unavailable"


@WAYS
def test_a_response_that_is_not_there(client: OpenAI, way: str) -> None:
    """It was never stored, or somebody else's."""
    first = client.responses.create(model=MODEL, input="Hello!", store=False)
    for id in (first.id, "resp_unknown"):
        made = respond(client, way, model=MODEL, input="Hello!", prompt_cache_options=beside(id))
        assert made.prompt_cache_diagnostics
        assert made.prompt_cache_diagnostics.type == "comparison_response_not_found"


def test_it_is_null_until_the_answer_has_ended(client: OpenAI) -> None:
    first = client.responses.create(model=MODEL, input="Hello!")
    stream = client.responses.create(model=MODEL, input="Else.", prompt_cache_options=beside(first.id), stream=True)
    responses = [event.response for event in stream if hasattr(event, "response")]
    told = [response.prompt_cache_diagnostics for response in responses]
    assert all("prompt_cache_diagnostics" in response.model_fields_set for response in responses)
    assert told[:-1] == [None] * (len(told) - 1)
    assert told[-1] is not None
    assert told[-1].type == "cache_miss"
    assert told[-1].reason == "input_changed"


def test_an_id_of_the_wrong_type(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.responses.create(model=MODEL, input="x", prompt_cache_options=beside(5))  # type: ignore[arg-type]
    assert caught.value.param == "prompt_cache_options.comparison_response_id"
