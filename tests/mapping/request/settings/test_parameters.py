"""The readers of parameters, and what happens to parameters that Gemini does not have."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.faults import Fault
from mapping.notes import Notes
from mapping.openai.chat_shape.settings import PARAMETERS as CHAT
from mapping.request.settings.parameters import (
    array,
    boolean,
    check_unused,
    integer,
    json_object,
    number,
    one_of,
    quoted,
    string,
)
from mapping.values import JSON, Options


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        (string, ["", "x"], [1, True, [], {}]),
        (boolean, [True, False], [0, 1, "true"]),
        (integer, [0, -5, 2**70], [1.0, True, "1"]),
        (number, [0, 1.5], [True, "1", []]),
        (json_object, [{}, {"a": 1}], [[], "{}", False]),
        (array, [[], [1]], [{}, "[]", 0]),
    ],
)
def test_readers(read: Any, good: list[Any], bad: list[Any]) -> None:
    assert read(None, "a.b") is None
    for value in good:
        assert read(value, "a.b") is value
    for value in bad:
        with pytest.raises(Fault) as caught:
            read(value, "a.b")
        assert (caught.value.param, caught.value.code) == ("a.b", "invalid_type")


def test_ranges_are_inclusive() -> None:
    assert integer(1, "n", 1, 2) == 1
    assert number(2, "n", 1, 2) == 2
    for value in (0, 3):
        with pytest.raises(Fault) as caught:
            integer(value, "n", 1, 2)
        assert caught.value.code == "invalid_value"
        assert f"got {value}" in caught.value.message


def test_one_of() -> None:
    assert one_of("a", "p", ("a", "b")) == "a"
    with pytest.raises(Fault) as caught:
        one_of("c", "p", ("a", "b"))
    assert caught.value.message == "Invalid value: 'c'. Supported values are: 'a' and 'b'."


def test_quoted() -> None:
    assert quoted(["a"]) == "'a'"
    assert quoted(["a", "b", "c"]) == "'a', 'b' and 'c'"


@pytest.mark.parametrize(
    ("body", "noted"),
    [
        pytest.param({"messages": [], "model": "m", "temperature": 1, "tools": []}, [], id="translated"),
        pytest.param(
            {
                "prediction": {},
                "store": True,
                "metadata": {"a": "b"},
                "safety_identifier": "s",
                "prompt_cache_key": "k",
                "prompt_cache_retention": "24h",
                "prompt_cache_options": {},
            },
            [],
            id="hints",
        ),
        pytest.param({"logit_bias": {"1": 5}}, ["logit_bias"], id="logit_bias"),
        pytest.param({"logit_bias": {}}, [], id="empty-logit_bias"),
        pytest.param({"verbosity": "low"}, ["verbosity"], id="verbosity"),
        pytest.param({"verbosity": "medium"}, [], id="default-verbosity"),
        pytest.param({"moderation": {"model": "x"}}, ["moderation"], id="moderation"),
        pytest.param({"parallel_tool_calls": False}, ["parallel_tool_calls"], id="one-call-at-a-time"),
        pytest.param({"parallel_tool_calls": True}, [], id="parallel"),
        pytest.param({"temprature": 1}, ["temprature"], id="unknown"),
        pytest.param({"temprature": None, "logit_bias": None, "verbosity": None}, [], id="nulls"),
    ],
)
def test_check_unused(body: JSON, noted: list[str]) -> None:
    notes = Notes()
    check_unused(body, CHAT, notes, Options())
    assert list(notes) == [("ignored", name) for name in noted]
    if noted:
        with pytest.raises(Fault) as caught:
            check_unused(body, CHAT, Notes(), Options(strict=True))
        assert (caught.value.param, caught.value.code) == (noted[0], "unsupported_parameter")
    else:
        check_unused(body, CHAT, Notes(), Options(strict=True))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"logit_bias": []}, "invalid_type"),
        ({"verbosity": "loud"}, "invalid_value"),
        ({"verbosity": 1}, "invalid_type"),
        ({"parallel_tool_calls": "no"}, "invalid_type"),
    ],
    ids=str,
)
def test_check_unused_errors(body: JSON, code: str) -> None:
    with pytest.raises(Fault) as caught:
        check_unused(body, CHAT, Notes(), Options())
    assert (caught.value.param, caught.value.code) == (next(iter(body)), code)


@pytest.mark.parametrize(("value", "said"), [(1.5e29, "above maximum value"), (-1e40, "below minimum value")])
def test_an_integer_that_is_too_long_to_be_read_is_no_decimal(value: float, said: str) -> None:
    with pytest.raises(Fault, match=f"Invalid 'seed': integer {said}"):
        integer(value, "seed")
