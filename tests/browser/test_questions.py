"""Twelve everyday questions, and the way to the answer in a browser: clicks from the status page, and seconds.

The times are those of the browser, without a person's. With `-s` the table is printed.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import TWO_ACCOUNTS, Upstream, start_gateway
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.browser.conftest import Opener
    from tests.e2e.conftest import Gateway

pytestmark = pytest.mark.browser

SETTINGS = """
[faults]
enabled = true
[conversations]
find = "always"
[retry]
cooldown = false
"""
SYSTEM = "You are the helper of a ship's cook. Today is {day}. " + "Answer as a cook would. " * 400
MOST = 4
"""Clicks to any answer."""


@pytest.fixture(scope="module")
def gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    text = SETTINGS + TWO_ACCOUNTS.replace("UPSTREAM", upstream.url)
    made = start_gateway(tmp_path_factory.mktemp("questions"), text, "--set", "antigravity_pages=true")
    yield made
    made.stop()


@dataclass
class Walk:
    """From the status page to an answer."""

    page: Page
    clicks: int = 0
    began: float = 0.0

    def click(self, what: Locator) -> None:
        what.click()
        self.clicks += 1

    def choose(self, what: Locator, value: str) -> None:
        """Of a list, or typed."""
        what.fill(value) if what.evaluate("one => one.tagName") == "INPUT" else what.select_option(value)
        self.clicks += 1

    def to_page_of(self, id: str) -> None:
        self.click(self.page.locator(f"[data-exchange='{id}'] a.page"))
        expect(self.page.locator("#exchange-id")).to_have_text(id)

    def reads(self, where: str, *said: str) -> None:
        """Here the answer is."""
        for words in said:
            expect(self.page.locator(where).first).to_contain_text(words)


@pytest.fixture(scope="module")
def told() -> Iterator[list[tuple[str, int, float]]]:
    """(question, clicks, seconds)."""
    found: list[tuple[str, int, float]] = []
    yield found
    print()
    for question, clicks, seconds in found:
        print(f"{question:48} {clicks} clicks {seconds:5.1f} s")


@pytest.fixture
def walk(
    gateway: Gateway, open_page: Opener, request: pytest.FixtureRequest, told: list[tuple[str, int, float]]
) -> Iterator[Walk]:
    made = Walk(open_page(f"http://127.0.0.1:{gateway.port}/", viewport={"width": 1300, "height": 900}))
    yield made
    seconds = time.monotonic() - made.began if made.began else 0.0
    assert made.clicks <= MOST
    told.append((str(request.function.__doc__), made.clicks, seconds))


def begin(walk: Walk, gateway: Gateway) -> None:
    walk.page.goto(f"http://127.0.0.1:{gateway.port}/")
    walk.began = time.monotonic()


def asked(gateway: Gateway, model: str = "gpt-4o", **body: Any) -> str:
    return gateway.chat(model, **body).headers["x-request-id"]


def test_404(gateway: Gateway, walk: Walk) -> None:
    """Why is this a 404?"""
    id = asked(gateway, "gpt-40-typo")
    begin(walk, gateway)
    walk.reads(f"[data-exchange='{id}']", "404 model_not_found", "The model 'gpt-40-typo' does not exist")


def test_400(gateway: Gateway, walk: Walk) -> None:
    """Which part of my request is refused?"""
    id = asked(gateway, tools=[{"type": "function", "function": {"name": "look", "parameters": ["where"]}}])
    begin(walk, gateway)
    walk.reads(f"[data-exchange='{id}']", "tools[0].function.parameters")


def test_slow(gateway: Gateway, walk: Walk) -> None:
    """Why was it so slow?"""
    id = asked(gateway, "demo-429-first-slow")
    begin(walk, gateway)
    walk.to_page_of(id)
    walk.reads("#timeline", "Attempt 1: 429", "Attempt 2: 200", "pause")


def test_left_out(gateway: Gateway, walk: Walk) -> None:
    """Which of my parameters had no effect?"""
    id = asked(gateway, logit_bias={"1": 2}, seed=7)
    begin(walk, gateway)
    walk.to_page_of(id)
    walk.reads("#request", "ignored=logit_bias")


def test_changed(gateway: Gateway, walk: Walk) -> None:
    """What has changed since it worked?"""
    good = asked(gateway, messages=[{"role": "user", "content": "List the files"}], temperature=0.2)
    bad = asked(gateway, messages=[{"role": "user", "content": "List no files"}], temperature=1.9)
    begin(walk, gateway)
    walk.to_page_of(bad)
    walk.choose(walk.page.locator("#compare input[name=with]"), good)
    walk.click(walk.page.locator("#compare button"))
    walk.reads("#compare", "List [-the-]{+no+} files", "1.9")


def test_running(gateway: Gateway, walk: Walk) -> None:
    """What is it doing just now?"""
    body = json.dumps({"model": "demo-silent", "stream": True, "messages": [{"role": "user", "content": "Hello?"}]})
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    connection.request("POST", "/v1/chat/completions", body)
    begin(walk, gateway)
    walk.reads("#running", "demo-silent")
    connection.close()


def test_another_model(gateway: Gateway, walk: Walk) -> None:
    """Would another model have answered it?"""
    id = asked(gateway, "demo-safety")
    begin(walk, gateway)
    walk.to_page_of(id)
    walk.choose(walk.page.locator(".actions input[name=model]"), "gemini-2.5-pro")
    walk.click(walk.page.locator(".actions form:has(input) button"))
    walk.reads("#facts", "gemini-2.5-pro", "200")


def test_who(gateway: Gateway, walk: Walk) -> None:
    """What of this one client went wrong?"""
    headers = {"User-Agent": "my-bot/1.2"}
    id = gateway.chat("no-model-of-mine", headers=headers).headers["x-request-id"]
    gateway.chat("gpt-4o", headers=headers)
    begin(walk, gateway)
    walk.click(walk.page.locator("#exchanges-title a"))
    walk.click(walk.page.locator("[data-facet=client]", has_text="my-bot"))
    walk.click(walk.page.locator("input[name=errors]"))
    walk.click(walk.page.locator("#search button"))
    walk.reads("#exchanges", "1 of ")
    expect(walk.page.locator("[data-exchange]")).to_have_attribute("data-exchange", id)


def test_hand_on(gateway: Gateway, walk: Walk) -> None:
    """How do I show this to somebody, without what was said?"""
    id = asked(gateway, messages=[{"role": "user", "content": "A secret of mine"}])
    begin(walk, gateway)
    walk.to_page_of(id)
    with walk.page.expect_download() as download:
        walk.click(walk.page.get_by_role("link", name="masked").first)
    text = download.value.path().read_text(encoding="utf-8")
    assert "A secret of mine" not in text
    assert id in text


def test_fault(gateway: Gateway, walk: Walk) -> None:
    """Was that a fault of Gemini's, or the one that I ordered?"""
    id = gateway.chat("gpt-4o", headers={"X-Antigravity-Fault": "503"}).headers["x-request-id"]
    begin(walk, gateway)
    walk.reads(f"[data-exchange='{id}']", "fault")


def test_dear(gateway: Gateway, walk: Walk) -> None:
    """Why was it so dear?"""
    system = {"role": "system", "content": SYSTEM.format(day="2026-11-28")}
    id = asked(gateway, "gemini-2.5-pro", messages=[system, {"role": "user", "content": "What is for lunch?"}])
    begin(walk, gateway)
    walk.reads(f"[data-exchange='{id}']", "$0.0")
    walk.to_page_of(id)
    walk.reads("#facts", "input $0.0")
    walk.reads("#tokens", "system", "window of 1,048,576")


def test_forgetful(gateway: Gateway, walk: Walk) -> None:
    """Why did the prompt cache have nothing?"""
    turns: list[dict[str, str]] = [{"role": "user", "content": "What is for dinner?"}]
    for day in ("2026-11-28", "2026-11-29"):
        system = {"role": "system", "content": SYSTEM.format(day=day)}
        answer = gateway.chat("gpt-4o", messages=[system, *turns])
        said = answer.json["choices"][0]["message"]["content"]
        turns += [{"role": "assistant", "content": said}, {"role": "user", "content": "And then?"}]
    begin(walk, gateway)
    walk.to_page_of(answer.headers["x-request-id"])
    walk.reads("#cache", "the date in the system message changed", "'2026-11-28' -> '2026-11-29'")
    walk.click(walk.page.get_by_role("link", name="conversation"))
    walk.reads("#turns", "turn 1", "What is for dinner?", "turn 2", "And then?")
