"""Claude Code, and a gateway whose answers to it are all checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import TWO_ACCOUNTS, start_gateway
from tests.e2e.messages.claude import KEY, Claude, check_saved, saved

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Upstream

STRICT = f"""
[proxy]
auth_mode = "strict"
api_key = "{KEY}"
{TWO_ACCOUNTS}
"""


@pytest.fixture
def claude(tmp_path: Path) -> Claude:
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    return Claude(home, work)


@pytest.fixture(scope="module")
def shared_watched(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = STRICT.replace("UPSTREAM", upstream.url)
    gateway = start_gateway(tmp_path_factory.mktemp("watched"), settings, "-w", "saved.flow")
    yield gateway
    check_saved(saved(gateway))


@pytest.fixture
def watched(shared_watched: Gateway, upstream: Upstream) -> Gateway:
    """A gateway that wants a key and keeps a record, all of which is checked after the last test of a module."""
    upstream.forget()
    return shared_watched
