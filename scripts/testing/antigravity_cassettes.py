"""A pytest plugin for other people's projects: their agents run against recordings, offline.

    PYTHONPATH=/path/to/checkout/scripts/testing pytest -p antigravity_cassettes

    def test_weather(cassette):
        client = OpenAI(base_url=cassette.openai_url, api_key="any")

* The gateway is a process on a port of its own, one for each module of tests. Its recordings are in `cassettes/MODULE`
  beside the module, or where `pytest.mark.cassette(folder=...)` says.
* `--cassette-record once|none|new|all`; see the README. Without it `once`, and `none` where the environment has `CI`.
* A test fails when something was asked that was not recorded, whatever it made of the error. What was never asked for
  is named at the end.
* In the ini file `cassette_arguments` go to mitmproxy (`--set antigravity_demo=true`, say), and `cassette_settings` is
  the settings file: with accounts, to record.

It needs pytest, and any Python from 3.9 on. mitmproxy is the environment's own if it has one, else the checkout's.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
STARTS_IN = 60.0
"""Seconds."""
SETS_UP_IN = 900.0
"""Seconds for the first start of a checkout, which installs what is needed."""
ENDS_IN = 10.0
_REPORT = "ANTIGRAVITY_CASSETTE_REPORT"


class CassetteGateway:
    """A gateway that answers from recordings, or makes them."""

    def __init__(self, folder: Path, record: str, settings: str, arguments: list[str], work: Path) -> None:
        self.folder = folder
        """Of the recordings."""
        self.record = record
        self._report = work / "report.jsonl"
        self._log = work / "log.txt"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{port}"
        """For SDKs of Anthropic and Google."""
        self.openai_url = f"{self.url}/v1"
        """For SDKs of OpenAI."""
        command, patience = _command(folder, record, settings, port, arguments)
        with self._log.open("wb") as out:
            self._process = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, _REPORT: str(self._report)}
            )
        self._wait(patience)

    @property
    def environ(self) -> dict[str, str]:
        """For programs that are told by their environment where to ask. Any key will do."""
        return {
            "OPENAI_BASE_URL": self.openai_url,
            "OPENAI_API_KEY": "any",
            "ANTHROPIC_BASE_URL": self.url,
            "ANTHROPIC_API_KEY": "any",
            "GOOGLE_GEMINI_BASE_URL": self.url,
            "GEMINI_API_KEY": "any",
        }

    @property
    def misses(self) -> list[str]:
        """What was asked and not recorded, each with the nearest recording and the difference."""
        return [told["text"] for told in self._told() if "miss" in told]

    @property
    def unused(self) -> list[str]:
        """The recordings that have answered nothing; those that are new are none."""
        told = self._told()
        used = {one.get("used") or one.get("recorded") for one in told}
        names = sorted(path.name for path in self.folder.glob("*.json") if not path.name.startswith("_"))
        return [name for name in names if name not in used]

    @property
    def log(self) -> str:
        """What the gateway has said."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(ENDS_IN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _told(self) -> list[dict[str, str]]:
        if not self._report.exists():
            return []
        return [json.loads(line) for line in self._report.read_text(encoding="utf-8").splitlines()]

    def _wait(self, patience: float) -> None:
        """Until it answers. Raises RuntimeError."""
        end = time.monotonic() + patience
        while time.monotonic() < end and self._process.poll() is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
            try:
                connection.request("GET", "/healthz")
                connection.getresponse()
                return
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
            finally:
                connection.close()
        self.stop()
        raise RuntimeError(f"The gateway did not start:\n{self.log[-4000:]}")


def _command(folder: Path, record: str, settings: str, port: int, arguments: list[str]) -> tuple[list[str], float]:
    """What is run, and the seconds that it may take to start."""
    mitmdump = Path(sys.executable).with_name("mitmdump.exe" if os.name == "nt" else "mitmdump")
    if not mitmdump.exists():
        serve = [sys.executable, str(ROOT / "scripts" / "serve.py"), "--port", str(port)]
        serve += ["--cassette", str(folder), "--record", record, *(["--config", settings] if settings else [])]
        return [*serve, "--", *arguments], SETS_UP_IN
    command = [str(mitmdump), "-s", str(ROOT / "addons" / "antigravity.py")]
    command += ["--mode", f"reverse:https://generativelanguage.googleapis.com@127.0.0.1:{port}"]
    options = {"antigravity_cassette": str(folder), "antigravity_cassette_record": record}
    if settings:
        options["antigravity_config"] = settings
    for name, value in options.items():
        command += ["--set", f"{name}={value}"]
    return [*command, *arguments], STARTS_IN


# --- pytest


class _State:
    """The gateways of a run, and what is to be told at its end."""

    def __init__(self) -> None:
        self.unused: dict[str, list[str]] = {}


_SEEN = pytest.StashKey[tuple[CassetteGateway, int]]()
"""Of a test: its gateway, and the misses before it."""
_STATE = pytest.StashKey[_State]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the command line and of the ini file."""
    group = parser.getgroup("cassettes")
    group.addoption(
        "--cassette-record",
        choices=("once", "none", "new", "all"),
        help="what is recorded (default: once; none where the environment has CI)",
    )
    parser.addini("cassette_settings", "the gateway's settings file", default="")
    parser.addini("cassette_arguments", "arguments for mitmproxy", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """The plugin is loaded."""
    config.stash[_STATE] = _State()
    config.addinivalue_line("markers", "cassette(folder): where the recordings of a module of tests are")


@pytest.fixture(scope="module")
def cassette_gateway(request: pytest.FixtureRequest) -> Iterator[CassetteGateway]:
    """The gateway of a module of tests."""
    config = request.config
    marker = request.node.get_closest_marker("cassette")
    beside = Path(str(request.node.path)).parent
    named = marker.kwargs.get("folder") or (marker.args[0] if marker.args else None) if marker else None
    folder = beside / (named or f"cassettes/{request.node.path.stem}")
    record = config.getoption("--cassette-record") or ("none" if os.environ.get("CI") else "once")
    settings = str(config.getini("cassette_settings"))
    if settings:
        settings = str(Path(str(config.rootpath)) / settings)
    with tempfile.TemporaryDirectory(prefix="cassette-") as work:
        gateway = CassetteGateway(folder, record, settings, list(config.getini("cassette_arguments")), Path(work))
        try:
            yield gateway
        finally:
            gateway.stop()
            config.stash[_STATE].unused[str(folder)] = gateway.unused


@pytest.fixture
def cassette(request: pytest.FixtureRequest, cassette_gateway: CassetteGateway) -> CassetteGateway:
    """The gateway, for one test: that fails where something was asked that was not recorded."""
    request.node.stash[_SEEN] = cassette_gateway, len(cassette_gateway.misses)
    return cassette_gateway


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, None]:
    """What was not recorded fails the test."""
    outcome = yield
    seen = item.stash.get(_SEEN, None)
    if seen is None or not (misses := seen[0].misses[seen[1] :]):
        return
    text = "\n\n".join(misses)
    if outcome.excinfo is None:
        outcome.force_exception(pytest.fail.Exception(text, pytrace=False))
    else:
        item.add_report_section("call", "cassette", text)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """What was never asked for."""
    unused = {folder: names for folder, names in config.stash[_STATE].unused.items() if names}
    if unused:
        terminalreporter.section("recordings that were not used")
        for folder, names in unused.items():
            for name in names:
                terminalreporter.write_line(str(Path(folder) / name))
