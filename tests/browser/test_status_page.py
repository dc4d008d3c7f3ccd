"""The status page in a real browser: with and without traffic, on a phone, in the dark, without JavaScript."""

from __future__ import annotations

import http.client
import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import FLASH, wait_until
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.browser.conftest import Camera, Mitmweb, Opener, Starter

pytestmark = pytest.mark.browser

DESKTOP, PHONE = {"width": 1000, "height": 700}, {"width": 320, "height": 640}
KEY = "sk-browser-5d1e"
RENEWAL = 5000
"""How often the page renews itself, in milliseconds."""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LINES = "element => { const r = new Range(); r.selectNodeContents(element); return r.getClientRects().length; }"
WITHOUT_VERSION = ("setup-claude", "setup-anthropic", "setup-gemini")
"""What is pasted into tools that put `/v1` behind the address themselves."""
COVERED = """snippet => {
  const text = new Range();
  text.selectNodeContents(snippet.querySelector("summary"));
  const button = snippet.querySelector("button").getBoundingClientRect();
  return [...text.getClientRects()].some(line => line.right > button.left && line.bottom > button.top);
}"""


@pytest.fixture(scope="module")
def quiet(start_mitmweb: Starter) -> Mitmweb:
    """A gateway that has met no traffic."""
    return start_mitmweb()


@pytest.fixture(scope="module")
def busy(start_mitmweb: Starter) -> Mitmweb:
    """A gateway with answers, an error, and an account that has to rest until its quota's next day."""
    mitmweb = start_mitmweb()
    gateway = mitmweb.gateway
    assert gateway.chat("gpt-4o", logit_bias={"1": 2}).status == 200
    assert gateway.chat("gpt-4o", stream=True).status == 200
    assert gateway.chat("gemini-3-flash").status == 200
    assert gateway.chat("no-such-model").status == 404
    assert gateway.chat("demo-429-day-first", stream=True).status == 200
    return mitmweb


def address(mitmweb: Mitmweb) -> str:
    return f"http://127.0.0.1:{mitmweb.gateway.port}/"


def assert_shows_traffic(page: Page) -> None:
    expect(page.locator("[data-account]")).to_have_count(2)
    expect(page.locator("[data-state=cooling]")).to_have_count(1)
    expect(page.locator(f"[data-model='{FLASH}'] [data-label=Requests]")).to_have_text("2")
    expect(page.locator("[data-exchange]")).to_have_count(5)
    expect(page.locator("[data-exchange][data-status='404']")).to_contain_text("model_not_found")
    expect(page.locator("[data-exchange]").first).to_contain_text("demo-429-day-first")
    for mark in ("#requests-chart rect.good", "#requests-chart rect.bad", "#latency-chart path.line"):
        assert page.locator(mark).count() > 0, mark


def test_without_traffic(quiet: Mitmweb, open_page: Opener, picture: Camera) -> None:
    page = open_page(address(quiet), viewport=DESKTOP)
    expect(page.locator("[data-account]")).to_have_count(2)
    expect(page.locator("[data-exchange]")).to_have_count(0)
    expect(page.locator("#hour-requests")).to_have_text("0")
    expect(page.locator("#exchanges")).to_contain_text("Nothing has been asked yet.")
    picture(page, "empty.png", full_page=True)


def test_with_traffic(busy: Mitmweb, open_page: Opener, picture: Camera) -> None:
    page = open_page(address(busy), viewport=DESKTOP)
    assert_shows_traffic(page)
    for label in page.locator("[data-account] th").all():
        assert label.evaluate(LINES) == 1
    picture(page, "status.png", full_page=True)


@pytest.mark.parametrize("traffic", ["busy", "quiet"])
def test_on_a_phone(traffic: str, request: pytest.FixtureRequest, open_page: Opener, picture: Camera) -> None:
    """Nothing has to be scrolled sideways, whatever is unfolded."""
    mitmweb = request.getfixturevalue(traffic)
    page = open_page(address(mitmweb), viewport=PHONE)
    assert page.evaluate(WIDER) == 0
    page.evaluate("document.querySelectorAll('details').forEach(one => (one.open = true))")
    assert page.evaluate(WIDER) == 0
    assert [snippet.evaluate(COVERED) for snippet in page.locator(".snippet").all()].count(True) == 0
    picture(page, "phone.png", full_page=True)


@pytest.mark.parametrize("width", [800, 1000, 1600])
def test_at_other_widths(busy: Mitmweb, open_page: Opener, picture: Camera, width: int) -> None:
    page = open_page(address(busy), viewport={"width": width, "height": 700})
    assert page.evaluate(WIDER) == 0
    picture(page, f"{width}.png", full_page=True)


def test_in_the_dark(busy: Mitmweb, open_page: Opener, picture: Camera) -> None:
    page = open_page(address(busy), viewport=DESKTOP, color_scheme="dark")
    look = page.locator("body").evaluate(
        "body => [getComputedStyle(body).backgroundColor, getComputedStyle(body).color]"
    )
    background, text = (sum(map(int, re.findall(r"\d+", colour)[:3])) / 3 for colour in look)
    assert background < 60
    assert text > 200
    picture(page, "dark.png", full_page=True)


def test_without_javascript(busy: Mitmweb, open_page: Opener, picture: Camera) -> None:
    """All is there; what would do nothing is not."""
    page = open_page(address(busy), viewport=DESKTOP, java_script_enabled=False)
    assert_shows_traffic(page)
    expect(page.locator("button:visible:not([type=submit])")).to_have_count(0)
    expect(page.locator("#refresh")).to_be_hidden()
    page.locator("#setup-python summary").click()
    expect(page.locator("#code-python")).to_be_visible()
    picture(page, "plain.png", full_page=True)


def test_copying(busy: Mitmweb, open_page: Opener) -> None:
    page = open_page(address(busy), viewport=DESKTOP, permissions=["clipboard-read", "clipboard-write"])
    snippets = page.locator(".snippet")
    assert snippets.count() >= 4
    for snippet in snippets.all():
        if snippet.get_attribute("open") is None:
            snippet.locator("summary").click()
        snippet.get_by_role("button").click()
        expect(snippet.get_by_role("button")).to_have_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == snippet.locator("code").text_content()
        root = address(busy).removesuffix("/")
        assert (root if snippet.get_attribute("id") in WITHOUT_VERSION else f"{root}/v1") in copied


def test_renewal(busy: Mitmweb, open_page: Opener) -> None:
    """New data comes without a reload, and what the reader has unfolded stays so."""
    page = open_page("about:blank", viewport=DESKTOP)
    page.clock.install()
    page.goto(address(busy))
    before = int(page.locator("#hour-requests").inner_text())
    page.evaluate("window.loadedOnce = true")
    unfolded = page.locator("[data-exchange] details").last
    unfolded.locator("summary").click()
    assert busy.gateway.chat("gpt-4o").status == 200
    page.clock.run_for(RENEWAL)
    expect(page.locator("#hour-requests")).to_have_text(str(before + 1))
    expect(unfolded.locator("li").first).to_be_visible()
    assert page.evaluate("window.loadedOnce")


def test_with_a_key(start_mitmweb: Starter, open_page: Opener, picture: Camera) -> None:
    """The browser asks for the key by HTTP Basic, and sends it again when the page renews itself."""
    locked = start_mitmweb(f'[proxy]\nauth_mode = "strict"\napi_key = "{KEY}"\n')
    page = open_page("about:blank", viewport=DESKTOP, http_credentials={"username": "any", "password": KEY})
    page.clock.install()
    page.goto(address(locked))
    expect(page.locator("#hour-requests")).to_have_text("0")
    expect(page.locator("#code-curl")).to_contain_text("YOUR_KEY")
    assert locked.gateway.chat("gpt-4o", headers={"Authorization": f"Bearer {KEY}"}).status == 200
    page.clock.run_for(RENEWAL)
    expect(page.locator("#hour-requests")).to_have_text("1")
    assert KEY not in page.content()
    picture(page, "locked.png", full_page=True)


@pytest.mark.parametrize("script", [True, False])
def test_what_is_looked_for(busy: Mitmweb, open_page: Opener, picture: Camera, script: bool) -> None:
    """The form works without JavaScript; with it, the page that renews itself goes on with what is looked for."""
    page = open_page(address(busy), viewport=DESKTOP, java_script_enabled=script)
    page.get_by_label("errors only").check()
    page.get_by_role("button", name="Show").click()
    expect(page.locator("[data-exchange][data-status='404']").first).to_be_visible()
    expect(page.locator("[data-exchange][data-status='200']")).to_have_count(0)
    page.get_by_role("searchbox").fill("nothing has this")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("[data-exchange]")).to_have_count(0)
    page.get_by_role("searchbox").fill("no-such-model")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("[data-exchange]").first).to_contain_text("does not exist")
    picture(page, f"search-{script}.png", full_page=True)
    if script:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator("#refresh")).to_contain_text("Renewed")
        expect(page.locator("[data-exchange][data-status='200']")).to_have_count(0)
    page.locator("#search").get_by_role("link", name="all").click()
    expect(page.locator("[data-exchange][data-status='200']").first).to_be_visible()


def test_what_is_under_way(start_mitmweb: Starter, open_page: Opener, picture: Camera) -> None:
    """A silent upstream: what waits is shown, and a client that leaves is neither a success nor an error."""
    mitmweb = start_mitmweb()
    body = {"model": "demo-silent", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    connection = http.client.HTTPConnection("127.0.0.1", mitmweb.gateway.port, timeout=PATIENCE)
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    wait_until(lambda: mitmweb.gateway.call("GET", "/status.json").json["running"])
    page = open_page(address(mitmweb), viewport=DESKTOP)
    expect(page.locator("[data-running]")).to_contain_text("demo-silent")
    picture(page, "running.png", full_page=True)
    connection.close()
    wait_until(lambda: mitmweb.gateway.call("GET", "/status.json").json["exchanges"])
    page.reload()
    expect(page.locator("[data-running]")).to_have_count(0)
    expect(page.locator(".state.left")).to_contain_text("client left after")
    expect(page.locator("#hour-errors")).to_have_text("0")
    expect(page.locator("#requests-chart rect.left")).to_have_count(1)
    expect(page.locator("#requests-chart rect.good")).to_have_count(0)
    picture(page, "left.png", full_page=True)


def test_a_link_opens_the_exchange_in_mitmweb(busy: Mitmweb, open_page: Opener) -> None:
    page = open_page(address(busy), viewport=DESKTOP)
    page.context.request.get(busy.url)  # who has opened mitmweb before is let in by its cookie
    row = page.locator("[data-exchange][data-status='404']").first
    with page.context.expect_page() as opened:
        row.get_by_role("link", name="open in mitmweb").click()
    detail = opened.value.locator(".flow-detail")
    expect(detail).to_contain_text("404 Not Found")  # the answer, which has the cause
    expect(detail.locator(".contentview pre")).to_contain_text("no-such-model")


def test_picture(busy: Mitmweb, open_page: Opener, picture: Camera) -> None:
    page = open_page(address(busy), viewport={"width": 1100, "height": 640})
    charts = page.locator(".charts").bounding_box()
    assert charts
    picture(
        page,
        "status.png",
        readme=True,
        clip={"x": 0, "y": 0, "width": 1100, "height": charts["y"] + charts["height"] + 16},
        full_page=True,
    )
