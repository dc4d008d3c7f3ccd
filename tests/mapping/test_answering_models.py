"""A model that does not answer in words is refused before anybody is asked, whatever the dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mapping.chat import dialect as chat
from mapping.completions import dialect as completions
from mapping.faults import Fault
from mapping.notes import Notes
from mapping.responses import dialect as responses
from mapping.values import Options, nothing_remembered

DIALECTS = [
    (chat.translate, {"messages": [{"role": "user", "content": "hi"}]}),
    (responses.translate, {"input": "hi"}),
    (completions.translate, {"prompt": "hi"}),
]


def translate(
    translator: Callable[..., Any], body: dict[str, Any], model: str, served: dict[str, str] | None = None
) -> Any:
    given = {"options": Options(served=served or {}), "recall": nothing_remembered, "notes": Notes()}
    return translator({"model": "x", **body}, model=model, client_model="x", **given)


@pytest.mark.parametrize("model", ["gemini-embedding-001", "text-embedding-005", "imagen-4.0", "veo-3.1", "aqa"])
@pytest.mark.parametrize(("translator", "body"), DIALECTS)
def test_refused(translator: Callable[..., Any], body: dict[str, Any], model: str) -> None:
    with pytest.raises(Fault) as e:
        translate(translator, body, model)
    assert (e.value.status, e.value.code, e.value.param) == (400, "unsupported_value", "model")
    assert f"'{model}' does not answer in words" in e.value.message
    assert "'gemini-flash'" in e.value.message


@pytest.mark.parametrize("model", ["gemini-3.8-flash", "gemini-3.1-flash-image", "demo-x", "gemini-9-mega"])
@pytest.mark.parametrize(("translator", "body"), DIALECTS)
def test_taken(translator: Callable[..., Any], body: dict[str, Any], model: str) -> None:
    assert translate(translator, body, model).model == model


@pytest.mark.parametrize(("served", "temperature"), [({}, 0.5), ({"gemini-3.5-flash": "gemini-3.6-flash"}, None)])
@pytest.mark.parametrize(("translator", "body"), DIALECTS)
def test_the_model_that_answers_says_what_a_request_may_hold(
    translator: Callable[..., Any], body: dict[str, Any], served: dict[str, str], temperature: float | None
) -> None:
    """And it is still the first one that is asked."""
    call = translate(translator, {**body, "temperature": 0.5}, "gemini-3.5-flash", served)
    assert (call.model, call.plan.model) == ("gemini-3.5-flash", "gemini-3.5-flash")
    assert call.body.get("generationConfig", {}).get("temperature") == temperature


@pytest.mark.parametrize(("served", "turns"), [({}, 2), ({"gemini-3.5-flash": "gemini-3.6-flash"}, 3)])
def test_a_prefill_gets_its_continuing_turn_where_the_answering_model_wants_one(
    served: dict[str, str], turns: int
) -> None:
    messages = [{"role": "user", "content": "Tell."}, {"role": "assistant", "content": "Once upon"}]
    call = translate(chat.translate, {"messages": messages}, "gemini-3.5-flash", served)
    assert len(call.body["contents"]) == turns
