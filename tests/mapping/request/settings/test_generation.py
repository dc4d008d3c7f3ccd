"""Sampling, length, stop, n and log probabilities -> generationConfig."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.completions.settings import SHARED as COMPLETIONS
from mapping.faults import Fault
from mapping.gemini.models import model_info
from mapping.notes import Notes
from mapping.openai.chat_shape.settings import SHARED as CHAT
from mapping.openai.chat_shape.settings import read_logprobs
from mapping.openai.settings import read_service_tier
from mapping.request.settings.generation import Generation, Shared, read_generation
from mapping.responses.request.settings import SHARED as RESPONSES
from mapping.values import JSON, Options

FLASH, EIGHT = "gemini-2.5-flash", "gemini-3.8-flash"


def read(
    body: JSON, model: str = FLASH, shared: Shared = CHAT, *, strict: bool = False
) -> tuple[Generation, list[tuple[str, str]]]:
    notes = Notes()
    found = read_generation(body, model_info(model), notes, Options(strict=strict), shared)
    return found, list(notes)


@pytest.mark.parametrize(
    ("body", "model", "expected", "noted"),
    [
        pytest.param({}, FLASH, {}, [], id="nothing"),
        pytest.param({"temperature": None, "n": None, "stop": None, "max_tokens": None}, FLASH, {}, [], id="nulls"),
        pytest.param({"temperature": 0}, FLASH, {"temperature": 0}, [], id="zero-is-sent"),
        pytest.param({"temperature": 2}, FLASH, {"temperature": 2}, [], id="limit"),
        pytest.param({"top_p": 0.5, "top_k": 40}, FLASH, {"topP": 0.5, "topK": 40}, [], id="top"),
        pytest.param({"top_p": 0}, FLASH, {}, [("ignored", "top_p")], id="top_p-zero"),
        pytest.param({"top_k": -1}, FLASH, {}, [], id="top_k-unlimited"),
        pytest.param({"temperature": 0.1}, EIGHT, {}, [("model-refuses", "temperature")], id="no-sampling"),
        pytest.param({"temperature": 1, "top_p": 1.0}, EIGHT, {}, [], id="default-without-sampling"),
        pytest.param({"temperature": 0.1}, "demo-chat", {"temperature": 0.1}, [], id="demo"),
        pytest.param({"presence_penalty": 0, "frequency_penalty": 0.0}, FLASH, {}, [], id="no-penalty"),
        pytest.param({"presence_penalty": -2}, FLASH, {"presencePenalty": -2}, [], id="penalty"),
        pytest.param(
            {"frequency_penalty": 2},
            FLASH,
            {"frequencyPenalty": 1.99},
            [("clamped", "frequency_penalty")],
            id="below-2",
        ),
        pytest.param({"seed": 42}, FLASH, {"seed": 42}, [], id="seed"),
        pytest.param({"seed": 2**40 + 7}, FLASH, {"seed": 7}, [("clamped", "seed")], id="seed-64-bit"),
        pytest.param({"seed": -1}, FLASH, {"seed": 2**31 - 1}, [("clamped", "seed")], id="seed-negative"),
        pytest.param({"max_tokens": 1}, FLASH, {"maxOutputTokens": 1}, [], id="ping"),
        pytest.param({"max_completion_tokens": 9}, FLASH, {"maxOutputTokens": 9}, [], id="max_completion_tokens"),
        pytest.param(
            {"max_tokens": 5, "max_completion_tokens": 9},
            FLASH,
            {"maxOutputTokens": 9},
            [("ignored", "max_tokens")],
            id="max_completion_tokens-wins",
        ),
        pytest.param(
            {"max_tokens": 99999}, FLASH, {"maxOutputTokens": 65536}, [("clamped", "max_tokens")], id="model-limit"
        ),
        pytest.param(
            {"max_tokens": 2**40}, "new", {"maxOutputTokens": 2**31 - 1}, [("clamped", "max_tokens")], id="int32"
        ),
        pytest.param({"stop": "x"}, FLASH, {"stopSequences": ["x"]}, [], id="stop"),
        pytest.param({"stop": ["a", "", "b"]}, FLASH, {"stopSequences": ["a", "b"]}, [], id="stops"),
        pytest.param({"stop": ""}, FLASH, {}, [], id="empty-stop"),
        pytest.param({"stop": []}, FLASH, {}, [], id="no-stops"),
        pytest.param({"n": 1}, FLASH, {}, [], id="one"),
        pytest.param({"n": 3}, FLASH, {"candidateCount": 3}, [], id="candidates"),
        pytest.param({"n": 3}, EIGHT, {}, [("emulated", "n")], id="copies"),
        pytest.param({"n": 3}, "demo-chat-n1", {}, [("emulated", "n")], id="demo-copies"),
    ],
)
def test_config(body: JSON, model: str, expected: JSON, noted: list[tuple[str, str]]) -> None:
    found, notes = read(body, model)
    assert found.config == expected
    assert notes == noted


@pytest.mark.parametrize(("model", "n", "copies"), [(FLASH, 3, 1), (EIGHT, 3, 3), (EIGHT, 8, 8), (FLASH, 1, 1)])
def test_copies(model: str, n: int, copies: int) -> None:
    found, _ = read({"n": n}, model)
    assert (found.n, found.copies) == (n, copies)


def test_max_tokens_is_told() -> None:
    assert read({"max_tokens": 50})[0].max_tokens == 50
    assert read({})[0].max_tokens is None


@pytest.mark.parametrize(
    ("body", "shared", "expected"),
    [
        ({"max_output_tokens": 20, "temperature": 0.5}, RESPONSES, {"temperature": 0.5, "maxOutputTokens": 20}),
        ({"stop": 5, "n": "x", "seed": "x", "presence_penalty": "x"}, RESPONSES, {}),
        ({"max_tokens": 20, "stop": "x"}, COMPLETIONS, {"maxOutputTokens": 20, "stopSequences": ["x"]}),
        ({"max_completion_tokens": 20}, COMPLETIONS, {}),
    ],
    ids=["responses", "not-in-responses", "completions", "not-in-completions"],
)
def test_dialects(body: JSON, shared: Shared, expected: JSON) -> None:
    assert read(body, shared=shared)[0].config == expected


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"temperature": "1"}, "temperature", "invalid_type"),
        ({"temperature": True}, "temperature", "invalid_type"),
        ({"temperature": 2.5}, "temperature", "invalid_value"),
        ({"temperature": -0.1}, "temperature", "invalid_value"),
        ({"top_p": 1.1}, "top_p", "invalid_value"),
        ({"top_k": 1.5}, "top_k", "invalid_type"),
        ({"presence_penalty": 2.1}, "presence_penalty", "invalid_value"),
        ({"frequency_penalty": []}, "frequency_penalty", "invalid_type"),
        ({"seed": 1.5}, "seed", "invalid_type"),
        ({"max_tokens": 0}, "max_tokens", "invalid_value"),
        ({"max_tokens": "5"}, "max_tokens", "invalid_type"),
        ({"max_tokens": True}, "max_tokens", "invalid_type"),
        ({"max_tokens": -1, "max_completion_tokens": 5}, "max_tokens", "invalid_value"),
        ({"stop": 1}, "stop", "invalid_type"),
        ({"stop": {}}, "stop", "invalid_type"),
        ({"stop": ["a", 1]}, "stop[1]", "invalid_type"),
        ({"stop": list("abcdef")}, "stop", "invalid_value"),
        ({"n": 0}, "n", "invalid_value"),
        ({"n": 129}, "n", "invalid_value"),
        ({"n": 9}, "n", "unsupported_value"),
        ({"n": 2.0}, "n", "invalid_type"),
    ],
    ids=str,
)
@pytest.mark.parametrize("model", [FLASH, EIGHT])
def test_errors(body: JSON, param: str, code: str, model: str) -> None:
    with pytest.raises(Fault) as caught:
        read(body, model)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)


def test_strict_refuses_what_the_model_does_not_take() -> None:
    with pytest.raises(Fault) as caught:
        read({"temperature": 0.1}, EIGHT, strict=True)
    assert (caught.value.param, caught.value.code) == ("temperature", "unsupported_parameter")
    assert read({"temperature": 1}, EIGHT, strict=True)[0].config == {}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {}),
        ({"logprobs": None, "top_logprobs": None}, {}),
        ({"logprobs": False}, {}),
        ({"logprobs": False, "top_logprobs": 0}, {}),
        ({"logprobs": True}, {"responseLogprobs": True}),
        ({"logprobs": True, "top_logprobs": 20}, {"responseLogprobs": True, "logprobs": 20}),
    ],
    ids=str,
)
def test_logprobs(body: JSON, expected: JSON) -> None:
    assert read_logprobs(body) == expected


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"logprobs": 3}, "logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": True}, "top_logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
    ],
    ids=str,
)
def test_logprobs_errors(body: JSON, param: str) -> None:
    with pytest.raises(Fault) as caught:
        read_logprobs(body)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("tier", "expected"),
    [
        (None, None),
        ("auto", None),
        ("default", None),
        ("scale", None),
        ("fast", "priority"),
        ("ultrafast", "priority"),
        ("flex", "flex"),
        ("priority", "priority"),
    ],
)
def test_service_tier(tier: str | None, expected: str | None) -> None:
    assert read_service_tier(tier) == expected


@pytest.mark.parametrize("tier", ["gold", 1])
def test_service_tier_errors(tier: Any) -> None:
    with pytest.raises(Fault) as caught:
        read_service_tier(tier)
    assert caught.value.param == "service_tier"


NAMES = [*(rule.name for rule in CHAT.numbers), *CHAT.max_tokens, "stop", "n", "logprobs", "top_logprobs"]
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)


@given(
    body=st.dictionaries(st.sampled_from(NAMES), VALUES | st.lists(VALUES, max_size=3)),
    model=st.sampled_from([FLASH, EIGHT, "gemma-4", "new"]),
)
def test_any_value_gives_a_config_or_an_error(body: JSON, model: str) -> None:
    before = copy.deepcopy(body)
    config, error = outcome(body, model)
    assert body == before
    if error is not None:
        assert error.status == 400
        assert error.param
    assert None not in config.values()
    assert 1 <= config.get("candidateCount", 1) <= 8
    assert -(2**31) <= config.get("seed", 0) < 2**31


def outcome(body: JSON, model: str) -> tuple[JSON, Fault | None]:
    try:
        return read(body, model)[0].config | read_logprobs(body), None
    except Fault as error:
        return {}, error
