"""The page of an exchange in a real browser: by mouse and keyboard, on a phone, in the dark, without JavaScript."""

from __future__ import annotations

import http.client
import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_status_page import DESKTOP, PHONE, WIDER
from tests.e2e.conftest import wait_until
from tests.gateway.pages.test_trees import PNG

if TYPE_CHECKING:
    from tests.browser.conftest import Camera, Mitmweb, Opener, Starter

pytestmark = pytest.mark.browser

UNFOLD = "document.querySelectorAll('details').forEach(one => (one.open = true))"
TOP = "element => element.getBoundingClientRect().top + scrollY"
LIT = re.compile(r"\bhere\b")


@pytest.fixture(scope="module")
def mitmweb(start_mitmweb: Starter) -> Mitmweb:
    return start_mitmweb()


@pytest.fixture(scope="module")
def asked(mitmweb: Mitmweb) -> str:
    """The id of an exchange with a picture, tools and long texts, that was retried."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = [{"type": "function", "function": {"name": f"tool_{n}", "parameters": schema}} for n in range(9)]
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    content = [{"type": "text", "text": "Look at this. " * 100}, picture]
    answer = mitmweb.gateway.chat(
        "demo-429-first-looked-at",
        messages=[{"role": "system", "content": "x" * 2000}, {"role": "user", "content": content}],
        tools=tools,
        stream=True,
        max_tokens=900,
        logit_bias={"1": 2},
    )
    assert answer.status == 200
    return answer.headers["x-request-id"]


def address(mitmweb: Mitmweb, id: str) -> str:
    return f"http://127.0.0.1:{mitmweb.gateway.port}/exchanges/{id}"


def member(page: Page, name: str, side: str = "client") -> Locator:
    """The row of a member of a request."""
    tree = page.locator("#request .side").nth(0 if side == "client" else 1)
    return tree.locator("li[data-to]").filter(has=page.locator(f"> .name:text-is('{name}')"))


def test_by_mouse(mitmweb: Mitmweb, asked: str, open_page: Opener, picture: Camera) -> None:
    page = open_page(address(mitmweb, asked), viewport=DESKTOP)
    mine, theirs = member(page, "max_tokens"), member(page, "maxOutputTokens", "gemini")
    mine.locator(".number").hover()
    expect(mine).to_have_class(LIT)
    expect(theirs).to_have_class(LIT)
    picture(page, "hover.png")
    theirs.locator(".number").hover()
    expect(mine).to_have_class(LIT)
    page.locator("h1").hover()
    expect(page.locator(".here")).to_have_count(0)
    expect(page.locator("#request img")).to_have_count(2)
    assert page.locator("#request img").first.evaluate("image => image.complete && image.naturalWidth > 0")


def test_by_keyboard(mitmweb: Mitmweb, asked: str, open_page: Opener) -> None:
    """What has the focus is shown with its other end, and Enter leads there, also into what is folded."""
    page = open_page(address(mitmweb, asked), viewport=DESKTOP)
    mine, theirs = member(page, "max_tokens"), member(page, "maxOutputTokens", "gemini")
    page.locator("#request .side summary").first.focus()
    for _ in range(100):
        page.keyboard.press("Tab")
        if mine.locator(".way a").evaluate("link => link === document.activeElement"):
            break
    expect(mine).to_have_class(LIT)
    expect(theirs).to_have_class(LIT)
    page.evaluate("document.querySelectorAll('#request .side:last-child details').forEach(one => (one.open = false))")
    page.keyboard.press("Enter")
    expect(theirs.locator(".way a")).to_be_focused()
    page.keyboard.press("Enter")
    expect(mine.locator(".way a")).to_be_focused()


def test_what_is_folded_shows_where_it_is(mitmweb: Mitmweb, asked: str, open_page: Opener) -> None:
    page = open_page(address(mitmweb, asked), viewport=DESKTOP)
    page.evaluate("document.querySelectorAll('#request .side:last-child details').forEach(one => (one.open = false))")
    member(page, "max_tokens").locator(".way a").focus()
    expect(page.locator("#request .side").nth(1).locator("summary").first).to_have_class(LIT)


def test_on_a_phone_and_in_the_dark(mitmweb: Mitmweb, asked: str, open_page: Opener, picture: Camera) -> None:
    """Nothing has to be scrolled sideways, whatever is unfolded."""
    page = open_page(address(mitmweb, asked), viewport=PHONE, color_scheme="dark")
    assert page.evaluate(WIDER) == 0
    look = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", look)[:3])) / 3 < 60
    page.evaluate(UNFOLD)
    assert page.evaluate(WIDER) == 0
    picture(page, "phone.png", full_page=True)


def test_without_javascript(mitmweb: Mitmweb, asked: str, open_page: Opener) -> None:
    page = open_page(address(mitmweb, asked), viewport=DESKTOP, java_script_enabled=False)
    expect(page.locator("#request")).to_contain_text("→ generationConfig.maxOutputTokens")
    expect(page.locator("#events")).to_contain_text("To the client")
    expect(page.locator("button.copy:visible")).to_have_count(0)
    page.locator("#copy-curl summary").click()
    expect(page.locator("#code-curl")).to_be_visible()
    member(page, "max_tokens").locator(".way a").click()
    expect(member(page, "maxOutputTokens", "gemini")).to_be_in_viewport()


def test_copying(mitmweb: Mitmweb, asked: str, open_page: Opener) -> None:
    page = open_page(address(mitmweb, asked), permissions=["clipboard-read", "clipboard-write"])
    page.locator("#copy-python summary").click()
    page.locator("#copy-python").get_by_role("button").click()
    expect(page.locator("#copy-python").get_by_role("button")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#code-python").text_content()


def test_from_the_status_page_and_to_mitmweb(mitmweb: Mitmweb, asked: str, open_page: Opener) -> None:
    page = open_page(f"http://127.0.0.1:{mitmweb.gateway.port}/", viewport=DESKTOP)
    page.locator(f"[data-exchange={asked}]").get_by_role("link", name="page of").click()
    expect(page.locator("#exchange-id")).to_have_text(asked)
    page.context.request.get(mitmweb.url)  # who has opened mitmweb before is let in by its cookie
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="open in mitmweb").click()
    expect(opened.value.locator(".flow-detail")).to_contain_text("200")


def test_while_it_runs(mitmweb: Mitmweb, open_page: Opener, picture: Camera) -> None:
    """The page renews itself, and shows all when the exchange is over."""
    body = {"model": "demo-silent", "stream": True, "messages": [{"role": "user", "content": "Take your time."}]}
    connection = http.client.HTTPConnection("127.0.0.1", mitmweb.gateway.port, timeout=30)
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    wait_until(lambda: mitmweb.gateway.call("GET", "/status.json").json["running"])
    [one] = mitmweb.gateway.call("GET", "/status.json").json["running"]
    page = open_page(address(mitmweb, one["id"]), viewport=DESKTOP)
    expect(page.locator("#doing")).to_contain_text("running")
    expect(page.locator("#request")).to_contain_text("Take your time.")
    expect(page.locator("#answer")).to_have_count(0)
    picture(page, "running.png", full_page=True)
    first = page.locator("#doing").inner_text()
    expect(page.locator("#doing")).not_to_have_text(first)
    connection.close()
    expect(page.locator("#answer")).to_have_count(1)
    expect(page.locator("#facts")).to_contain_text("client left after")
    expect(page.locator("#refresh")).to_be_hidden()


def test_picture(mitmweb: Mitmweb, open_page: Opener, picture: Camera) -> None:
    said = "What is the weather like in Zurich?"
    answer = mitmweb.gateway.chat("demo-429-first-p", said, stream=True, max_tokens=900, logit_bias={"1": 2})
    page = open_page(address(mitmweb, answer.headers["x-request-id"]), viewport={"width": 1000, "height": 900})
    member(page, "max_tokens").locator(".way a").focus()
    begin, end = (page.locator(id).evaluate(TOP) for id in ("#request .sides", "#answer"))
    clip = {"x": 0, "y": begin, "width": 1000, "height": end - begin}
    picture(page, "exchange.png", readme=True, clip=clip, full_page=True)


def test_as_a_file(mitmweb: Mitmweb, asked: str, open_page: Opener, picture: Camera) -> None:
    """It looks and works the same without the gateway, and asks nobody for anything."""
    answer = mitmweb.gateway.call("GET", f"/exchanges/{asked}.html?mask=1")
    page = open_page("about:blank", viewport=DESKTOP)
    page.set_content(answer.body.decode())
    member(page, "max_tokens").locator(".way a").focus()
    expect(member(page, "maxOutputTokens", "gemini")).to_have_class(LIT)
    expect(page.locator("form")).to_have_count(0)
    expect(page.locator("#request")).not_to_contain_text("Look at this.")
    picture(page, "file.png", full_page=True)
