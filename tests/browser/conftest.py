"""A Chromium that looks at what people see, driven by Playwright, and a real mitmweb over the demo upstream.

Every page is watched: a test fails when its page reports an error, when a request of it fails, or when it asks another
host for anything. Pictures go into the test's tmp_path; those for the README also into the folder that SCREENSHOTS
names: `SCREENSHOTS=.github pytest tests/browser`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from scripts import browser
from tests.e2e.conftest import TWO_ACCOUNTS, Gateway, Upstream, free_port, start_gateway

FLAGS = (
    "--no-sandbox",  # root has no sandbox
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SECONDS = 10
"""How long a page has for anything that is waited for."""
README_BYTES = 80_000
"""A picture in the README is smaller than this."""
PASSWORD = "look"
NOT_THERE = frozenset({"/src/css/vendor.less"})
"""Paths that the page of mitmweb 12.3.1 asks for and mitmweb does not have: its own 404s, and nothing is missing."""
GIVEN_UP = "net::ERR_ABORTED"
"""By the page itself, as mitmweb does with a view that it loads when another is chosen. What a server breaks off has
other names."""

expect.set_options(timeout=SECONDS * 1000)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for each file of tests. Not for the session: Playwright's event loop would keep asyncio.run from
    working in the tests that follow."""
    path = browser.find()
    if not path:
        pytest.fail(browser.MISSING, pytrace=False)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


@dataclass
class Watch:
    """What went wrong on a page, and whom it asked."""

    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def over(self, page: Page) -> None:
        """Begin to watch a page."""
        page.on("pageerror", lambda error: self.errors.append(f"exception: {error}"))
        page.on("console", lambda said: self._said(said.type, said.text, said.location["url"]))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc.partition(":")[0]))
        page.on("requestfailed", lambda request: self._failed(request.url, request.failure))
        page.on("response", lambda response: self._answered(response.url, response.status))

    def _said(self, kind: str, text: str, url: str) -> None:
        if kind in ("error", "warning") and not ("404" in text and urlsplit(url).path in NOT_THERE):
            self.errors.append(f"console: {text}")

    def _failed(self, url: str, why: str | None) -> None:
        if why != GIVEN_UP and urlsplit(url).path not in NOT_THERE:
            self.errors.append(f"{url}: {why}")

    def _answered(self, url: str, status: int) -> None:
        if status >= 400 and not (status == 404 and urlsplit(url).path in NOT_THERE):
            self.errors.append(f"{url}: {status}")


type Opener = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Opener]:
    """Opens a page in a profile of its own; keywords are those of Playwright's Browser.new_context."""
    watch = Watch()
    opened: list[Page] = []

    def open_one(url: str, **options: Any) -> Page:
        context = chromium.new_context(**options)
        context.set_default_timeout(SECONDS * 1000)
        context.on("page", lambda page: watch.over(page))
        page = context.new_page()
        opened.append(page)
        page.goto(url)
        return page

    yield open_one
    errors = list(watch.errors)  # closing a page breaks off what it is loading
    for page in opened:
        page.context.close()
    assert errors == []
    assert watch.hosts <= {"127.0.0.1"}


type Camera = Callable[..., None]


@pytest.fixture
def picture(tmp_path: Path) -> Camera:
    """Takes pictures; keywords are those of Playwright's Page.screenshot."""

    def take(page: Page, name: str, *, readme: bool = False, **options: Any) -> None:
        taken = page.screenshot(path=tmp_path / name, animations="disabled", **options)
        folder = os.environ.get("SCREENSHOTS")
        if readme and folder:
            assert len(taken) < README_BYTES
            (Path(folder) / name).write_bytes(taken)

    return take


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    yield server
    server.stop()


@dataclass
class Mitmweb:
    """A gateway under mitmweb."""

    gateway: Gateway
    url: str
    """mitmweb's own page, with what lets one in."""


type Starter = Callable[..., Mitmweb]


@pytest.fixture(scope="module")
def start_mitmweb(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """Starts gateways with two accounts under mitmweb. `settings` go before the accounts."""
    started: list[Gateway] = []

    def start(settings: str = "") -> Mitmweb:
        port = free_port()
        text = settings + TWO_ACCOUNTS.replace("UPSTREAM", upstream.url)
        arguments = ["--no-web-open-browser", "--web-port", str(port), "--set", f"web_password={PASSWORD}"]
        gateway = start_gateway(tmp_path_factory.mktemp("mitmweb"), text, *arguments, tool="mitmweb")
        started.append(gateway)
        return Mitmweb(gateway, f"http://127.0.0.1:{port}/?token={PASSWORD}")

    yield start
    for gateway in started:
        gateway.stop()
