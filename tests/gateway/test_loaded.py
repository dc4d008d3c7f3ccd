"""What is loaded at the start, and what only when somebody asks for it: each start waits for the former."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mapping import dialects
from tests.e2e.conftest import ROOT

LATER = {
    "mapping.gemini.schema.schema": "a call that is made for a client",
    "mapping.responses.answer.events": "a stored response",
    "prometheus_client": "GET /metrics",
    "pydantic.main": "a settings file",
    "pydantic_core": "a settings file",
    "wcwidth": "a line of a view in other scripts",
    "addons.gateway.views.client_view": "a body that is shown",
    "addons.gateway.views.translation_view": "a body that is shown",
    "mapping.inspect.explain": "a body that is shown",
    "addons.gateway.cases.export": "antigravity.export",
    "addons.gateway.cases.compare": "antigravity.diff",
    "addons.gateway.cases.copies": "antigravity.copy",
    "addons.gateway.timing.phases": "antigravity.timeline",
    "addons.gateway.prompts.of_exchange": "antigravity.tokens",
    "mapping.inspect.prompt_tokens.parts": "antigravity.tokens",
    "addons.gateway.telemetry.sending": "[telemetry]",
    "mapping.prices.table": "an exchange that is over",
    "genai_prices": "the tests alone",
    "google.auth": "credentials of Google's",
    "addons.demo.server": "the demo",
    **{f"mapping.{package}.dialect": "a client that speaks it" for package in sorted(set(dialects.names().values()))},
}


@pytest.fixture(scope="module")
def loaded() -> frozenset[str]:
    """The modules that loading the addon loads beside mitmproxy."""
    script = "import sys; import mitmproxy.tools.main; import addons.antigravity; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return frozenset(done.stdout.split())


@pytest.mark.parametrize("module", LATER)
def test_it_is_loaded_later(module: str, loaded: frozenset[str]) -> None:
    assert "addons.gateway.gateway" in loaded
    assert module not in loaded
