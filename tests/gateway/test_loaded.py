"""What is loaded at the start, and what only when somebody asks for it: each start waits for the former."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from addons import antigravity
from mapping import dialects
from tests.e2e.conftest import ROOT

LATER = {
    "mapping.gemini.schema.schema": "a call that is made for a client",
    "mapping.responses.answer.events": "a stored response",
    "prometheus_client": "GET /metrics",
    "pydantic.main": "a settings file",
    "pydantic_core": "a settings file",
    "jinja2.environment": "a page",
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


MOST = 272
"""Modules of ours that loading the addon may load, `late` ones included. Each takes half a millisecond of a start."""


def modules(then: str) -> frozenset[str]:
    """The modules that are loaded once the addon is, and `then` has been run."""
    script = (
        "import sys; from scripts.launching import left_out\n"
        "with left_out.until_needed(): import mitmproxy.tools.main\n"
        f"import addons.antigravity; {then}; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return frozenset(done.stdout.split())


@pytest.fixture(scope="module")
def loaded() -> frozenset[str]:
    """The modules that loading the addon loads beside mitmproxy."""
    return modules("pass")


@pytest.mark.parametrize("module", LATER)
def test_it_is_loaded_later(module: str, loaded: frozenset[str]) -> None:
    assert "addons.gateway.gateway" in loaded
    assert module not in loaded


def test_not_more_and_more_is_loaded(loaded: frozenset[str]) -> None:
    assert len([module for module in loaded if module.startswith(("addons.", "mapping."))]) <= MOST


@pytest.mark.parametrize("module", ["pydantic.main", "pydantic_core", "prometheus_client", "google.auth", "tomllib"])
def test_a_key_of_the_environment_and_the_usual_dialect_need_little(module: str, begun: frozenset[str]) -> None:
    assert "mapping.chat.dialect" in begun
    assert module not in begun


def test_the_usual_dialect_is_loaded_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, threading.Thread]] = []
    settled: list[threading.Thread] = []

    async def load_ahead() -> None:
        loaded = asyncio.Event()
        monkeypatch.setattr(
            antigravity, "_settle", lambda _: (settled.append(threading.current_thread()), loaded.set())
        )
        antigravity._load_ahead()
        await loaded.wait()

    monkeypatch.setattr(dialects, "named", lambda name: asked.append((name, threading.current_thread())))
    asyncio.run(load_ahead())
    [(name, thread)] = asked
    assert name == dialects.USUAL
    assert thread is not threading.current_thread()
    assert settled == [threading.current_thread()]


@pytest.fixture(scope="module")
def begun() -> frozenset[str]:
    """The modules of a gateway without a settings file that has served its usual dialect."""
    return modules(
        "gateway = addons.antigravity.shared_gateway();"
        "gateway.use(gateway.load(None, store_in_memory=True));"
        "addons.antigravity.dialects.named(addons.antigravity.dialects.USUAL)"
    )
