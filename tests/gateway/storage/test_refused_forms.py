"""addons.gateway.storage.refused_forms: which declarations are not sent first in the form that was refused."""

from __future__ import annotations

import pytest

from addons.gateway.storage.refused_forms import MAX_AGE, MAX_FORMS, MAX_MODELS, RefusedForms
from mapping.values import JSON


def form(name: str, **schema: JSON) -> JSON:
    return {"name": name, "parametersJsonSchema": {"type": "object", **schema}}


A, B, CHANGED = form("a"), form("b"), form("a", properties={})
BODY: JSON = {"tools": [{"functionDeclarations": [B, A]}, {"googleSearch": {}}]}


class Clock:
    now = 5.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("refused", "upstream", "model", "body", "found"),
    [
        ([A], "gemini", "m", BODY, [1]),
        ([A, B], "gemini", "m", BODY, [0, 1]),
        ([A], "vertex", "m", BODY, []),
        ([A], "gemini", "other", BODY, []),
        ([CHANGED], "gemini", "m", BODY, []),
        ([A], "gemini", "m", {"contents": []}, []),
    ],
)
def test_it_counts_for_the_declaration_the_model_and_the_kind_of_upstream(
    refused: list[JSON], upstream: str, model: str, body: JSON, found: list[int]
) -> None:
    forms = RefusedForms()
    forms.refused("gemini", "m", refused)
    assert forms.among(upstream, model, body) == found


def test_it_counts_for_a_while() -> None:
    clock = Clock()
    forms = RefusedForms(clock)
    forms.refused("gemini", "m", [A])
    clock.now += MAX_AGE / 2
    forms.refused("gemini", "m", [B])
    clock.now += MAX_AGE / 2
    assert forms.among("gemini", "m", BODY) == [0]
    clock.now += MAX_AGE / 2
    assert forms.among("gemini", "m", BODY) == []


def test_it_is_bounded() -> None:
    forms = RefusedForms()
    forms.refused("gemini", "m", [A, *(form(f"f{number}") for number in range(MAX_FORMS))])
    assert forms.among("gemini", "m", BODY) == []
    forms.refused("gemini", "m", [A])
    for number in range(MAX_MODELS):
        assert forms.among("gemini", "m", BODY) == [1]
        forms.refused("gemini", f"m{number}", [B])
    assert forms.among("gemini", "m", BODY) == []
