"""`POST /v1/completions`, with the OpenAI SDK: what old clients get."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from openai import BadRequestError, OpenAI

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Upstream

MODELS = ["gpt-3.5-turbo-instruct", "gemini-2.5-flash", "gemini-3-flash"]


@pytest.fixture
def client(gateway: Gateway) -> OpenAI:
    return OpenAI(base_url=gateway.base_url, api_key="any", max_retries=0)


@pytest.mark.parametrize("model", MODELS)
def test_whole_and_streamed(client: OpenAI, upstream: Upstream, model: str) -> None:
    whole = client.completions.create(model=model, prompt="Once upon a time")
    assert whole.object == "text_completion"
    assert "Once upon a time" in whole.choices[0].text
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage
    assert whole.usage.total_tokens > 0
    chunks = list(client.completions.create(model=model, prompt="Once upon a time", stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["stop"]
    assert len(upstream.requests) == 2


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", MODELS[1:])
def test_several_prompts_and_choices(client: OpenAI, upstream: Upstream, model: str, stream: bool) -> None:
    prompts = ["prompt one", "prompt two"]
    texts = dict.fromkeys(range(4), "")
    if stream:
        for chunk in client.completions.create(model=model, prompt=prompts, n=2, stream=True):
            for choice in chunk.choices:
                texts[choice.index] += choice.text
    else:
        for whole in client.completions.create(model=model, prompt=prompts, n=2).choices:
            texts[whole.index] = whole.text
    assert ["one" in texts[0], "one" in texts[1], "two" in texts[2], "two" in texts[3]] == [True] * 4
    assert len(upstream.requests) == (2 if model == "gemini-2.5-flash" else 4)


def test_echo_and_usage(client: OpenAI) -> None:
    options = {"include_usage": True}
    chunks = list(
        client.completions.create(model="gpt-4o", prompt="abc", echo=True, stream=True, stream_options=options)  # type: ignore[call-overload]
    )
    assert chunks[0].choices[0].text.startswith("abc")
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens > 0


def test_thoughts_are_never_in_the_text(client: OpenAI) -> None:
    whole = client.completions.create(model="demo-thinking", prompt="think", max_tokens=500)
    assert "demo upstream" in whole.choices[0].text
    assert not (whole.choices[0].model_extra or {}).get("reasoning_content")


def test_suffix_is_told_to_the_model(client: OpenAI, upstream: Upstream) -> None:
    client.completions.create(model="gpt-4o", prompt="def f(x):", suffix="return y")
    assert "return y" in str(upstream.requests[0].body)


def test_tokens_are_refused_by_name(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as e:
        client.completions.create(model="gpt-4o", prompt=[1, 2, 3])
    assert e.value.param == "prompt"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_second_account_saves_it(gateway: Gateway, stream: bool) -> None:
    body = {"model": f"demo-503-first-legacy-{stream}", "prompt": "x", "stream": stream}
    answer = gateway.call("POST", "/v1/completions", body)
    assert answer.status == 200
    assert "retried" in answer.headers["x-antigravity-notes"]
