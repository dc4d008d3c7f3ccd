"""The README names everything that there is to set and to read."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons.gateway import routes
from addons.gateway.settings import Settings
from mapping.notes import CODES

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", sorted(CODES))
def test_notes(code: str) -> None:
    assert f"`{code}`" in README


@pytest.mark.parametrize("section", sorted(Settings.model_fields))
def test_settings(section: str) -> None:
    kind = Settings.model_fields[section].annotation
    [model] = getattr(kind, "__args__", (kind,))
    for name in model.model_fields:
        assert f"`{name}`" in README, f"{section}.{name}"


@pytest.mark.parametrize("endpoint", routes.ENDPOINTS, ids=lambda endpoint: str(endpoint.name))
def test_paths(endpoint: routes.Endpoint) -> None:
    assert f"{endpoint.method} {endpoint.path}`" in README
