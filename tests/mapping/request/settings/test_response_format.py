"""response_format and text.format -> responseMimeType and responseJsonSchema."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.faults import Fault
from mapping.notes import Notes
from mapping.request.settings.response_format import (
    ResponseFormat,
    place_response_format,
    read_response_format,
    read_text_format,
)
from mapping.values import JSON, Options

SCHEMA: JSON = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "integer"}}, "required": ["b"]}
MIME = {"responseMimeType": "application/json"}


def place(form: ResponseFormat | None) -> JSON:
    config: JSON = {}
    assert place_response_format(form, "native", config, Notes(), Options()) is None
    return config


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, {}, id="absent"),
        pytest.param({"type": "text"}, {}, id="text"),
        pytest.param({"type": "text/plain"}, {}, id="text-plain"),
        pytest.param({"type": "json_object"}, MIME, id="json_object"),
        pytest.param(
            {"type": "json_object", "schema": SCHEMA},
            {**MIME, "responseJsonSchema": SCHEMA},
            id="own-schema",
        ),
        pytest.param(
            {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}},
            {**MIME, "responseJsonSchema": SCHEMA},
            id="json_schema",
        ),
        pytest.param({"type": "json_schema", "json_schema": {"name": "n"}}, MIME, id="no-schema"),
        pytest.param({"type": "json_schema", "json_schema": {"name": "n", "schema": None}}, MIME, id="null-schema"),
        pytest.param(
            {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "description": "d"}},
            {**MIME, "responseJsonSchema": {**SCHEMA, "description": "d"}},
            id="description",
        ),
        pytest.param(
            {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": {**SCHEMA, "description": "own"}, "description": "d"},
            },
            {**MIME, "responseJsonSchema": {**SCHEMA, "description": "own"}},
            id="own-description-stays",
        ),
        pytest.param({"type": "application/json"}, MIME, id="mime"),
        pytest.param({"type": "text/x.enum"}, {"responseMimeType": "text/x.enum"}, id="enum-mime"),
    ],
)
def test_chat(value: Any, expected: JSON) -> None:
    assert place(read_response_format(value, Notes())) == expected


def test_responses_has_it_flat() -> None:
    form = read_text_format({"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": None}, Notes())
    assert place(form) == {**MIME, "responseJsonSchema": SCHEMA}


def test_the_order_of_properties_stays() -> None:
    value = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    properties = place(read_response_format(value, Notes()))["responseJsonSchema"]["properties"]
    assert list(properties) == ["b", "a"]


@pytest.mark.parametrize(
    ("value", "param", "code"),
    [
        ("json", "response_format", "invalid_type"),
        ({}, "response_format.type", "missing_required_parameter"),
        ({"type": 1}, "response_format.type", "invalid_type"),
        ({"type": "xml"}, "response_format.type", "invalid_value"),
        ({"type": "json_schema"}, "response_format.json_schema", "missing_required_parameter"),
        ({"type": "json_schema", "json_schema": []}, "response_format.json_schema", "invalid_type"),
        (
            {"type": "json_schema", "json_schema": {"schema": SCHEMA}},
            "response_format.json_schema.name",
            "missing_required_parameter",
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "schema": "x"}},
            "response_format.json_schema.schema",
            "invalid_type",
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "strict": "x"}},
            "response_format.json_schema.strict",
            "invalid_type",
        ),
    ],
    ids=str,
)
def test_errors(value: Any, param: str, code: str) -> None:
    with pytest.raises(Fault) as caught:
        read_response_format(value, Notes())
    assert (caught.value.param, caught.value.code) == (param, code)


def test_flat_errors_have_flat_paths() -> None:
    with pytest.raises(Fault) as caught:
        read_text_format({"type": "json_schema", "schema": SCHEMA}, Notes())
    assert caught.value.param == "text.format.name"


def test_by_prompt() -> None:
    form = read_response_format({"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}, Notes())
    config: JSON = {}
    notes = Notes()
    sentence = place_response_format(form, "prompt", config, notes, Options())
    assert config == {}
    assert sentence is not None
    assert sentence.startswith("Answer only with JSON")
    assert '"properties":{"b":{"type":"string"}' in sentence
    assert list(notes) == [("json-by-prompt", "response_format")]
    with pytest.raises(Fault) as caught:
        place_response_format(form, "prompt", {}, Notes(), Options(strict=True))
    assert (caught.value.param, caught.value.code) == ("response_format", "unsupported_parameter")


def test_by_prompt_without_schema() -> None:
    form = read_response_format({"type": "json_object"}, Notes())
    sentence = place_response_format(form, "prompt", {}, Notes(), Options())
    assert sentence == "Answer only with one JSON object, without Markdown fences."


def test_unneeded() -> None:
    config: JSON = {}
    notes = Notes()
    form = read_response_format({"type": "json_object"}, notes)
    assert place_response_format(form, "unneeded", config, notes, Options(strict=True)) is None
    assert config == {}
    assert not list(notes)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["json_schema", "object"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "json_schema", "name", "schema", "properties", "items", "strict", "$ref", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(ANY_JSON, st.sampled_from([read_response_format, read_text_format]))
def test_any_value_gives_a_format_or_an_error(value: Any, read: Any) -> None:
    before = copy.deepcopy(value)
    result = outcome(read, value)
    assert value == before
    if isinstance(result, Fault):
        assert result.status == 400
        assert result.param
    else:
        assert result is None or result.config()["responseMimeType"]


def outcome(read: Any, value: Any) -> ResponseFormat | Fault | None:
    try:
        form: ResponseFormat | None = read(value, Notes())
    except Fault as error:
        return error
    return form
