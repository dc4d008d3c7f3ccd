"""addons.gateway.cases.exchanges: what is said of a recorded exchange in a few words."""

from __future__ import annotations

from typing import Any

import pytest

from addons.gateway.cases.exchanges import models_of, when_of
from mapping.values import JSON


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"client_model": "gpt-4o", "model": "gemini-3.8-flash"}, "gpt-4o -> gemini-3.8-flash"),
        ({"client_model": "gemini-3.8-flash", "model": "gemini-3.8-flash"}, "gemini-3.8-flash"),
        ({"client_model": "gpt-9", "model": None}, "gpt-9 -> ?"),
        ({"client_model": None, "model": "gemini-3.8-flash"}, "gemini-3.8-flash"),  # the client has named none
        ({}, ""),
    ],
)
def test_models(record: JSON, told: str) -> None:
    assert models_of(record) == told


@pytest.mark.parametrize(
    ("at", "told"),
    [(0, "1970-01-01 00:00:00 UTC"), (1.5, "1970-01-01 00:00:01 UTC"), (None, ""), ("0", ""), (1e20, "")],
)
def test_moments(at: Any, told: str) -> None:
    assert when_of(at) == told
