"""mapping.request.resign: placeholders in the place of thought signatures."""

from __future__ import annotations

import copy

import pytest

from mapping.request.resign import replace_signatures
from mapping.request.signatures import DUMMY
from mapping.values import JSON

CALL = {"functionCall": {"name": "f", "args": {}}}

ROWS = [
    pytest.param([{**CALL, "thoughtSignature": "old"}], [{**CALL, "thoughtSignature": DUMMY}], id="replaced"),
    pytest.param([CALL], [{**CALL, "thoughtSignature": DUMMY}], id="added"),
    pytest.param([CALL, CALL], [{**CALL, "thoughtSignature": DUMMY}, CALL], id="only the first of parallel calls"),
    pytest.param([{"text": "a", "thoughtSignature": "s"}], [{"text": "a"}], id="optional on text: left out"),
    pytest.param([{"text": "a"}, {"thoughtSignature": "s"}], [{"text": "a"}], id="a part that was only a signature"),
]


@pytest.mark.parametrize(("parts", "expected"), ROWS)
def test_model_turns(parts: list[JSON], expected: list[JSON]) -> None:
    user = {"role": "user", "parts": [{"text": "hi"}]}
    contents = [user, {"role": "model", "parts": parts}]
    before = copy.deepcopy(contents)
    assert replace_signatures(contents) == [user, {"role": "model", "parts": expected}]
    assert contents == before
