"""A model that does not answer in words is refused before anybody is asked, whatever the dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mapping import chat, completions, responses
from mapping.faults import Fault
from mapping.notes import Notes
from mapping.values import Options, nothing_remembered

DIALECTS = [
    (chat.translate, {"messages": [{"role": "user", "content": "hi"}]}),
    (responses.translate, {"input": "hi"}),
    (completions.translate, {"prompt": "hi"}),
]


def translate(translator: Callable[..., Any], body: dict[str, Any], model: str) -> Any:
    given = {"options": Options(), "recall": nothing_remembered, "notes": Notes()}
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
