"""What mitmweb shows of the gateway's exchanges, in a real browser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Page, expect

from addons.gateway.grouping.marks import MARKS
from tests.e2e.conftest import FLASH

if TYPE_CHECKING:
    from tests.browser.conftest import Camera, Mitmweb, Opener, Starter
    from tests.e2e.conftest import Answer, Gateway

pytestmark = pytest.mark.browser

SIZE = {"width": 1180, "height": 640}
PROMPT = "Why is the sky blue?"
ACCOUNT = r"\w+@example\.com"
MARK = f"(?:{'|'.join(MARKS)})"
"""Of the conversation."""
CLIENT = r"http://127\.0\.0\.1:\d+/v1/chat/completions"
WHOLE, STREAM = r"/v1beta/models/{}:generateContent$", r"/v1beta/models/{}:streamGenerateContent\?alt=sse$"


@dataclass(frozen=True)
class Sent:
    """A gateway with exchanges in it, and their ids by the names in `EXCHANGES`."""

    mitmweb: Mitmweb
    ids: dict[str, str]


def chat(gateway: Gateway) -> Answer:
    return gateway.chat("gpt-4o", PROMPT, presence_penalty=0.5, logit_bias={"1": 2})


def stream(gateway: Gateway) -> Answer:
    return gateway.chat("gpt-4o", PROMPT, stream=True)


def retried(gateway: Gateway) -> Answer:
    return gateway.chat("demo-429-first-x", PROMPT, stream=True)


def failed(gateway: Gateway) -> Answer:
    return gateway.chat("demo-503-all", PROMPT)


EXCHANGES = {
    chat: (
        (CLIENT, "200", rf"^{MARK} gpt-4o -> {FLASH} · {ACCOUNT} · 200 · .* tokens · .*notes: \d .*ignored="),
        (WHOLE.format(FLASH), "200", rf"^↳ 200 \w+ {MARK} · attempt 1/1 · {ACCOUNT}"),
    ),
    stream: (
        (CLIENT, "200", rf"^{MARK} gpt-4o -> {FLASH} · {ACCOUNT} · 200 · first \d.* tokens"),
        (STREAM.format(FLASH), "200", rf"^↳ 200 \w+ {MARK} · attempt 1/1 · {ACCOUNT}"),
    ),
    retried: (
        (CLIENT, "200", rf"^{MARK} demo-429-first-x · {ACCOUNT} · 2 attempts · 200 · first \d.* notes: 1 retried=429"),
        (
            STREAM.format("demo-429-first-x"),
            "429",
            rf"^↳ ✖ 429 \w+ {MARK} · attempt 1/2 · RESOURCE_EXHAUSTED · {ACCOUNT}",
        ),
        (STREAM.format("demo-429-first-x"), "200", rf"^↳ 200 \w+ {MARK} · attempt 2/2 · {ACCOUNT}"),
    ),
    failed: (
        (CLIENT, "503", rf"^✖ 503 .*demo-503-all · {ACCOUNT} · 3 attempts"),
        (WHOLE.format("demo-503-all"), "503", rf"^↳ ✖ 503 \w+ {MARK} · attempt 1/3 · UNAVAILABLE · {ACCOUNT}"),
        (WHOLE.format("demo-503-all"), "503", rf"^↳ ✖ 503 \w+ {MARK} · attempt 2/3 · UNAVAILABLE · waited \d\.\d s"),
        (WHOLE.format("demo-503-all"), "503", rf"^↳ ✖ 503 \w+ {MARK} · attempt 3/3 · UNAVAILABLE · waited \d\.\d s"),
    ),
}
"""What is sent -> the rows that the list shows of it, each as path, status and comment."""
CLIENTS, GEMINI = "Client conversation", "Gemini conversation"


@pytest.fixture(scope="module")
def sent(start_mitmweb: Starter) -> Sent:
    mitmweb = start_mitmweb("[retry]\ncooldown = false\n")
    answers = {send.__name__: send(mitmweb.gateway) for send in EXCHANGES}
    return Sent(mitmweb, {name: answer.headers["x-request-id"] for name, answer in answers.items()})


def listed(page: Page, id: str) -> Locator:
    """The rows of an exchange, once they are there."""
    return page.locator(".flow-table tbody tr").filter(has=page.locator(".col-comment", has_text=id))


def look(page: Page, row: Locator, tab: str) -> None:
    """Open a row of the list, and a tab of it."""
    row.locator(".col-status").click()
    page.locator(".flow-detail nav").get_by_text(tab, exact=True).click()


def choose(page: Page, view: str) -> None:
    """Choose a view in the menu."""
    page.locator(".contentview").get_by_text("View:").click()
    page.locator(".dropdown-menu").get_by_text(view.lower(), exact=True).click()


def test_the_list_explains_itself(sent: Sent, open_page: Opener, picture: Camera) -> None:
    """Both sides of each exchange, and each attempt of one that was retried."""
    page = open_page(sent.mitmweb.url, viewport=SIZE)
    for send, expected in EXCHANGES.items():
        rows = listed(page, sent.ids[send.__name__])
        expect(rows).to_have_count(len(expected))
        for row, (path, status, comment) in zip(rows.all(), expected, strict=True):
            expect(row.locator(".col-path")).to_have_text(re.compile(path))
            expect(row.locator(".col-status")).to_have_text(status)
            expect(row.locator(".col-comment")).to_have_text(re.compile(comment))
    picture(page, "list.png")


CONVERSATIONS = [
    (("chat", 0, "Request", CLIENTS), ["model: gpt-4o", "user", PROMPT]),
    (("chat", 0, "Response", CLIENTS), ["assistant", "demo upstream"]),
    (("chat", 1, "Request", GEMINI), ["user", PROMPT]),
    (("chat", 1, "Response", GEMINI), ["model", "demo upstream"]),
    (("stream", 0, "Response", CLIENTS), ["assistant", "demo upstream", "events"]),
    (("stream", 1, "Response", GEMINI), ["model", "demo upstream", "events"]),
    (("retried", 0, "Request", CLIENTS), ["model: demo-429-first-x", "stream: true", PROMPT]),
    (
        ("retried", 0, "Response", CLIENTS),
        [
            "assistant",
            "demo upstream",
            "events",
            "what became of it",
            "1. 429 RESOURCE_EXHAUSTED",
            "page: /exchanges/req_",
        ],
    ),
    (("retried", 1, "Request", GEMINI), ["user", PROMPT]),
    (("retried", 1, "Response", GEMINI), ["RESOURCE_EXHAUSTED"]),
    (("retried", 2, "Request", GEMINI), ["user", PROMPT]),
    (("retried", 2, "Response", GEMINI), ["model", "demo upstream", "events"]),
    (("failed", 0, "Response", CLIENTS), ["error"]),
    (("failed", 2, "Response", GEMINI), ["UNAVAILABLE"]),
]
"""An exchange, row, tab, and the view that is shown unasked -> what it says."""


def test_messages_are_conversations(sent: Sent, open_page: Opener, picture: Camera) -> None:
    page = open_page(sent.mitmweb.url, viewport=SIZE)
    for (name, number, tab, view), texts in CONVERSATIONS:
        look(page, listed(page, sent.ids[name]).nth(number), tab)
        expect(page.locator(".contentview h5")).to_have_text(view)
        for text in texts:
            expect(page.locator(".contentview pre")).to_contain_text(text)
        picture(page, f"{name}-{number}-{tab}.png")


VIEWS = [
    (
        ("chat", 0, "Request", "Translation"),
        [
            r"logit_bias [^\n]* left out",
            "ignored=logit_bias",
            r"presence_penalty 0\.5 → generationConfig\.presencePenalty",
        ],
    ),
    (("chat", 1, "Request", "Translation"), [r"logit_bias [^\n]* left out", r"→ contents\[0\]\.parts\[0\]\.text"]),
    (("chat", 0, "Response", "Translation"), [r'"This is the demo…" [^→]*→ choices\[0\]\.message\.content']),
    (
        ("retried", 0, "Response", "Attempts"),
        [rf"1 429 RESOURCE_EXHAUSTED {ACCOUNT}", rf"2 200 {ACCOUNT}", "as a stream", r"prompt tokens \d+"],
    ),
    (
        ("retried", 1, "Response", "Attempts"),
        ["This is attempt 1 of 2", rf"→ 1 429 RESOURCE_EXHAUSTED {ACCOUNT}", rf"2 200 {ACCOUNT}"],
    ),
    (
        ("failed", 0, "Response", "Attempts"),
        [rf"1 503 UNAVAILABLE {ACCOUNT}", rf"2 503 UNAVAILABLE {ACCOUNT} .*\d\.\d\d s", r"waited in all \d"],
    ),
    (("failed", 0, "Response", "Translation"), [rf"attempt 1 · {ACCOUNT} · 503 UNAVAILABLE", "the client got: 503"]),
]
"""An exchange, row, tab and view -> what the view says, as patterns; a space stands for any white space."""


def test_views_explain(sent: Sent, open_page: Opener, picture: Camera) -> None:
    page = open_page(sent.mitmweb.url, viewport=SIZE)
    for (name, number, tab, view), patterns in VIEWS:
        look(page, listed(page, sent.ids[name]).nth(number), tab)
        choose(page, view)
        expect(page.locator(".contentview h5")).to_have_text(view)
        for pattern in patterns:
            said = re.compile(pattern.replace(" ", r"\s+"))
            expect(page.locator(".contentview pre")).to_have_text(said, use_inner_text=True)
        picture(page, f"{name}-{number}-{tab}-{view}.png")


def test_picture_of_a_retried_stream(sent: Sent, open_page: Opener, picture: Camera) -> None:
    page = open_page(sent.mitmweb.url, viewport={"width": 1280, "height": 520})
    page.get_by_placeholder("Search").fill(f"~comment {sent.ids['retried']}")
    expect(page.locator("td.col-status")).to_have_text(["200", "429", "200"])
    look(page, listed(page, sent.ids["retried"]).first, "Response")
    expect(page.locator(".contentview pre")).to_contain_text("events")
    text = page.locator(".contentview pre")
    assert text.evaluate("pre => pre.scrollWidth - pre.clientWidth") == 0, "lines that are cut off"
    page.locator(".contentview h5").evaluate("title => title.scrollIntoView()")
    page.locator(".flow-detail section").evaluate("section => (section.scrollTop -= 10)")
    page.evaluate("document.activeElement.blur()")
    main = page.locator(".main-view").bounding_box()
    assert main
    picture(page, "mitmweb.png", readme=True, clip={"x": 0, "y": main["y"], "width": 1280, "height": 520 - main["y"]})
