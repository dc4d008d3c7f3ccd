"""The README names everything that there is to set and to read."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from addons.gateway.http import routes
from addons.gateway.settings.settings import SECTIONS
from mapping.notes import CODES

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", sorted(CODES))
def test_notes(code: str) -> None:
    assert f"`{code}`" in README


@pytest.mark.parametrize("section", sorted(SECTIONS))
def test_settings(section: str) -> None:
    for one in fields(SECTIONS[section]):
        assert f"`{one.name}`" in README, f"{section}.{one.name}"


@pytest.mark.parametrize("endpoint", routes.ENDPOINTS, ids=lambda endpoint: str(endpoint.name))
def test_paths(endpoint: routes.Endpoint) -> None:
    assert f"{endpoint.method} {endpoint.path}`" in README


def test_the_files_that_commands_read_are_there() -> None:
    """`python -m mapping` is shown with a case of the repository."""
    case = re.search(r"CASE=(\S+)", README)
    assert case
    names = set(re.findall(r"\$CASE/(\S+)", README))
    assert names == {"client-request.json", "gemini-answer.sse"}
    assert all((ROOT / case[1] / name).is_file() for name in names)
