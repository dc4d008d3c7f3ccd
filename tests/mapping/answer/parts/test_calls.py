"""Calls as the client gets them: names, ids, custom tools."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from mapping.answer.parts.calls import CallMaker
from mapping.request.plan import Plan
from mapping.request.signatures import Carried, decode_call_id
from mapping.values import Options


def maker(**plan: Any) -> CallMaker:
    count = itertools.count(1)
    return CallMaker(Plan("gpt-x", "gemini-3.8-flash", **plan), lambda prefix: f"{prefix}{next(count)}")


@pytest.mark.parametrize(
    ("told", "name", "declared"),
    [
        ("f", "f", True),
        ("_9f", "9f", True),
        ("default_api.f", "f", True),
        ("default_api:f", "f", True),
        ("default_api._9f", "9f", True),
        ("default_api.g", "default_api.g", False),
        ("default_api.own", "own!", True),
        ("g", "g", False),
    ],
)
def test_names(told: str, name: str, declared: bool) -> None:
    names = {"f": "f", "_9f": "9f", "default_api.own": "own!"}
    call = maker(names=names).make({"name": told}, None)
    assert (call.name, call.declared) == (name, declared)


@pytest.mark.parametrize(
    ("told", "id"),
    [
        ("fc-1_A", "fc-1_A"),
        ("x" * 64, "x" * 64),
        ("x" * 65, "call_1"),
        ("a|b", "call_1"),
        ("a\n", "call_1"),
        ("used", "call_1"),
        ("", "call_1"),
        (None, "call_1"),
        (5, "call_1"),
    ],
)
def test_ids(told: Any, id: str) -> None:
    assert maker(used_ids={"used"}).make({"name": "f", "id": told}, None).id == id


def test_no_id_comes_twice() -> None:
    calls = maker()
    assert [calls.make({"name": "f", "id": id}, None).id for id in ("a", "a", None, "call_2")] == [
        "a",
        "call_1",
        "call_2",
        "call_3",
    ]


def test_signatures_within_ids() -> None:
    calls = maker(options=Options(signature_in_call_id=True))
    carrier = calls.make({"name": "f", "id": "fc-1"}, "c2ln").id
    assert decode_call_id(carrier) == Carried("call_1", "fc-1", "gemini-3.8-flash", "c2ln")
    assert calls.make({"name": "f", "id": "fc-2"}, None).id == "fc-2"


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ({"input": "a\nb"}, "a\nb"),
        ({"x": 1}, '{"x":1}'),
        ({"input": 5}, '{"input":5}'),
        ({}, ""),
        (None, ""),
        ([1], ""),
    ],
)
def test_custom_tools_get_their_input(args: Any, text: str) -> None:
    call = maker(names={"f": "f"}, custom={"f"}).make({"name": "f", "args": args}, None)
    assert (call.custom, call.arguments) == (True, text)


def test_fractions_by_the_schema_of_the_function() -> None:
    schema = {"properties": {"n": {"type": "number", "format": "double"}}}
    calls = maker(names={"_f": "f"}, integers={"_f": schema})
    assert calls.make({"name": "default_api._f", "args": {"n": 2.0}}, None).arguments == '{"n":2.0}'
    assert calls.make({"name": "g", "args": {"n": 2.0}}, None).arguments == '{"n":2}'
