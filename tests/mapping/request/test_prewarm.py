"""mapping.request.prewarm: requests that want nothing but a warm cache."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.faults import Fault
from mapping.notes import Notes
from mapping.request.prewarm import asked


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ({}, None),
        ({"generate": True}, None),
        ({"generate": None, "prompt_cache_options": None}, None),
        ({"prompt_cache_options": {"prewarm": False, "ttl": "30m"}}, None),
        ({"generate": False}, "generate"),
        ({"prompt_cache_options": {"prewarm": True}}, "prompt_cache_options.prewarm"),
    ],
)
def test_what_asks_for_it(body: dict[str, Any], member: str | None) -> None:
    notes = Notes()
    assert asked(body, notes) is (member is not None)
    assert list(notes) == ([("prewarm", member)] if member else [])


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"generate": "no"}, "generate"),
        ({"prompt_cache_options": True}, "prompt_cache_options"),
        ({"prompt_cache_options": {"prewarm": 1}}, "prompt_cache_options.prewarm"),
    ],
)
def test_wrong_types(body: dict[str, Any], param: str) -> None:
    with pytest.raises(Fault) as caught:
        asked(body, Notes())
    assert (caught.value.status, caught.value.param) == (400, param)
