"""addons.gateway.status.page: one page, without any other file, that shows foreign texts as texts."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mitmproxy import http
from mitmproxy.test import tflow

from addons.gateway.gateway import Gateway
from addons.gateway.status import charts
from addons.gateway.status import page as status_page
from addons.gateway.status.overview import status
from addons.gateway.status.search import FIRST
from mapping.faults import Fault
from tests.gateway.exchange.test_exchange import PART, exchange_of
from tests.gateway.status.test_statistics import DEAR, FAILED, GOOD, LEFT, REFUSED, UNMAPPED, UNPRICED, attempt

HOSTILE = "</title></script><script>alert(1)</script><img src=x onerror=alert(2)>\"' onload='alert(3)&amp;{{7*7}}"
VOID = {"meta", "link", "br", "path", "input", "img"}
POLL = "/?poll"
"""What an open page asks for, again and again, see `status.html`."""


class Page(HTMLParser):
    """What there is in a page; fails when its tags are not balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.inside: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        tag = self._open[-1] if self._open else ""
        if tag in ("style", "script"):
            self.inside[tag] = self.inside.get(tag, "") + data
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def having(self, attribute: str) -> list[dict[str, str]]:
        return [attributes for _, attributes in self.tags if attribute in attributes]


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway(environ={})
    yield made
    made.close_store()


def use(gateway: Gateway, folder: Path, text: str) -> None:
    file = folder / "antigravity.toml"
    file.write_text(text)
    gateway.use(gateway.load(file))


def answer(gateway: Gateway, path: str = "/", **headers: str) -> http.Response:
    flow = tflow.tflow()
    flow.client_conn.sockname = ("127.0.0.1", 8045)
    flow.request = http.Request.make("GET", f"http://127.0.0.1:8045{path}")
    flow.request.headers.update(headers)
    exchange = gateway.open(flow, flow.request)
    exchange.on_request()
    gateway.close(exchange)
    assert flow.response
    return flow.response


def page(gateway: Gateway, **headers: str) -> Page:
    return Page(answer(gateway, **headers).get_text() or "")


ACCOUNT = '[[accounts]]\nemail = "{}"\napi_key = "upstream-key-5d1"\n'


def busy(gateway: Gateway, folder: Path) -> None:
    """Accounts in every state, and exchanges with every outcome."""
    accounts = "".join(ACCOUNT.format(name) for name in ("ready", "cooling", "refused"))
    use(
        gateway,
        folder,
        accounts
        + '[[accounts]]\nemail = "empty"\napi_key = "env:NONE"\n'
        + '[[accounts]]\nemail = "bot"\nupstream = "vertex"\nproject = "p"\nlocation = "global"\n'
        + 'credentials = "none.json"\nweight = 3\nmodels = ["gemini-3*"]\n',
    )
    _, cooling, refused, *_ = gateway.pool.accounts
    gateway.pool.cool(cooling, "gemini-2.5-flash", 90.5, "429 quota")
    gateway.pool.set_aside(refused, "its credential was refused (401)")
    retried = replace(GOOD, attempts=(attempt("429 quota", 429, "cooling"), attempt(account="ready")), streamed=True)
    for summary in (GOOD, FAILED, LEFT, REFUSED, replace(retried, first=0.25, id="req_2")):
        gateway.statistics.count(replace(summary, time=gateway.statistics.since))


def test_empty(gateway: Gateway) -> None:
    shown = page(gateway)
    for said in ("No account yet.", "No model was called in the last hour.", "Nothing has been asked yet."):
        assert said in shown.text
    assert shown.all("table") == []
    assert shown.all("svg") == []


def test_what_is_told(gateway: Gateway, tmp_path: Path) -> None:
    busy(gateway, tmp_path)
    shown = page(gateway)
    states = {one["data-account"]: one["data-state"] for one in shown.having("data-account")}
    assert states == {
        "ready": "ready",
        "cooling": "cooling",
        "refused": "set aside",
        "empty": "can't be used",
        "bot": "can't be used",
    }
    for said in (
        "gemini-2.5-flash: ready in 90 s (429 quota)",
        "its credential was refused (401)",
        "is the environment variable set?",
        "none.json",
        "no token yet",
        "only gemini-3*",
        "vertex",
        "client left",
        "401 invalid_api_key",
        "429 rate_limit_exceeded",
        "Rate limit reached.",
        "2 attempts",
        "cooling: 429 quota",
        "ignored: seed",
        "for gpt-4o",
        "first 250 ms",
        "10 in, 5 out",
        "Accounts ready1 of 5",
    ):
        assert said in shown.text, said
    assert [one["data-model"] for one in shown.having("data-model")] == ["gemini-2.5-flash"]
    assert [one["data-exchange"] for one in shown.having("data-exchange")] == ["req_2"] + ["req_1"] * 4
    assert "4 in all, at most 4 in a minute, 1 errors" in shown.all("svg")[0]["aria-label"]


@pytest.mark.parametrize("traffic", [False, True])
def test_one_page_and_nothing_else(gateway: Gateway, tmp_path: Path, traffic: bool) -> None:
    if traffic:
        busy(gateway, tmp_path)
    response = answer(gateway)
    shown = Page(response.get_text() or "")
    policy = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
    for directive, tag in (("script-src", "script"), ("style-src", "style")):
        digest = base64.b64encode(hashlib.sha256(shown.inside[tag].encode()).digest()).decode()
        assert policy[directive] == f"'sha256-{digest}'"
    for directive in ("default-src", "frame-ancestors", "base-uri"):
        assert policy[directive] == "'none'"
    for directive in ("connect-src", "form-action"):
        assert policy[directive] == "'self'"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    for tag, attributes in shown.tags:
        assert "src" not in attributes
        assert not any(name == "style" or name.startswith("on") for name in attributes), tag
    assert [one["href"].partition(":")[0] for one in shown.all("link")] == ["data"]
    assert all(one["href"][0] in "#/" for one in shown.all("a"))
    assert "url(" not in shown.inside["style"]
    assert "@import" not in shown.inside["style"]


def test_it_can_be_read_aloud(gateway: Gateway, tmp_path: Path) -> None:
    busy(gateway, tmp_path)
    shown = page(gateway)
    assert shown.all("html") == [{"lang": "en"}]
    headings = [int(tag[1]) for tag, _ in shown.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(deeper - level <= 1 for level, deeper in pairwise(headings))
    ids = [one["id"] for one in shown.having("id")]
    assert [id for id, count in Counter(ids).items() if count > 1] == []
    for one in shown.having("aria-labelledby"):
        assert one["aria-labelledby"] in ids
    for one in shown.all("a"):
        assert not one["href"].startswith("#") or one["href"][1:] in ids
    assert len([one for one in shown.all("svg") if one.get("class") != "spent"]) == 2
    assert all(one["role"] == "img" and one["aria-label"] for one in shown.all("svg"))
    assert all(one["scope"] in ("col", "row") for one in shown.all("th"))
    assert all(one["data-label"] for one in shown.all("td"))


def test_hostile_texts_are_texts(gateway: Gateway, tmp_path: Path) -> None:
    use(gateway, tmp_path, ACCOUNT.format(HOSTILE.replace('"', '\\"')))
    [account] = gateway.pool.accounts
    gateway.pool.cool(account, HOSTILE, 30, HOSTILE)
    gateway.statistics.count(
        replace(
            GOOD,
            path=HOSTILE,
            method=HOSTILE,
            client_model=HOSTILE + "x",
            model=HOSTILE,
            account=HOSTILE,
            error=HOSTILE,
            id=HOSTILE,
            flow_id=HOSTILE,
            attempts=(attempt(HOSTILE, 429, HOSTILE),),
            notes=((HOSTILE, HOSTILE),),
        )
    )
    gateway.statistics.count(replace(GOOD, model=HOSTILE))
    gateway.pool.set_aside(account, HOSTILE)
    shown = page(gateway)
    assert shown.all("img") == []
    assert len(shown.all("script")) == 1
    assert not any(name.startswith("on") for _, attributes in shown.tags for name in attributes)
    assert [one["data-account"] for one in shown.having("data-account")] == [HOSTILE]
    assert [one["data-model"] for one in shown.having("data-model")] == [HOSTILE]
    assert "{{7*7}}" in shown.text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_can_be_shown(gateway: Gateway, path: str, model: str) -> None:
    gateway.statistics.count(replace(GOOD, path=path, model=model, client_model=path))
    shown = page(gateway)
    assert len(shown.all("script")) == 1
    orjson.loads(answer(gateway, "/status.json").content or b"")


@pytest.mark.parametrize(
    ("host", "base_url"),
    [
        ("127.0.0.1:8045", "http://127.0.0.1:8045/v1"),
        ("localhost", "http://localhost/v1"),
        ("[::1]:8045", "http://[::1]:8045/v1"),
        ("192.168.1.5:9", "http://192.168.1.5:9/v1"),
        ("", "http://127.0.0.1:8045/v1"),
        ("$(reboot):1", None),
        ("localhost' evil '", None),
        ("127.0.0.1:8045/x", None),
    ],
)
def test_the_set_up_names_the_gateway_as_the_caller_knows_it(
    gateway: Gateway, tmp_path: Path, host: str, base_url: str | None
) -> None:
    use(gateway, tmp_path, '[proxy]\nauth_mode = "strict"\napi_key = "sk-gateway-1"\n')
    shown = page(gateway, Host=host, Authorization="Bearer sk-gateway-1")
    assert shown.text.count(base_url or "http://127.0.0.1:8045/v1") >= 6
    assert "reboot" not in shown.text
    assert "evil" not in shown.text


def test_the_set_up_has_a_place_for_the_key(gateway: Gateway, tmp_path: Path) -> None:
    assert "YOUR_KEY" not in page(gateway).text
    use(gateway, tmp_path, '[proxy]\nauth_mode = "strict"\napi_key = "sk-gateway-1"\n' + ACCOUNT.format("a"))
    response = answer(gateway, Authorization="Bearer sk-gateway-1")
    shown = Page(response.get_text() or "")
    for said in ("Bearer YOUR_KEY", 'api_key="YOUR_KEY"', 'apiKey: "YOUR_KEY"', "env_key", "OPENAI_API_KEY=YOUR_KEY"):
        assert said in shown.text
    for secret in (b"sk-gateway-1", b"upstream-key-5d1"):
        assert secret not in (response.content or b"")
        assert secret not in (answer(gateway, "/status.json", Authorization="Bearer sk-gateway-1").content or b"")


def test_without_a_key_there_is_a_page_that_asks_for_it(gateway: Gateway, tmp_path: Path) -> None:
    use(gateway, tmp_path, '[proxy]\nauth_mode = "strict"\napi_key = "sk-gateway-1"\n')
    response = answer(gateway)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Basic realm=")
    shown = Page(response.get_text() or "")
    assert "give the key as the password" in shown.text
    assert shown.all("script") == []
    assert "www-authenticate" not in answer(gateway, POLL).headers  # no form out of nowhere
    for path in ("/status.json", "/v1/models", "/metrics", "/healthz"):
        other = answer(gateway, path)
        assert other.status_code == 401
        assert other.headers["content-type"] == "application/json"
        assert "www-authenticate" not in other.headers


def test_no_form_where_no_key_would_do(gateway: Gateway, tmp_path: Path) -> None:
    use(gateway, tmp_path, '[proxy]\nauth_mode = "strict"\n')
    response = answer(gateway)
    assert response.status_code == 401
    assert "www-authenticate" not in response.headers
    assert "proxy.api_key" in Page(response.get_text() or "").text


def test_a_refusal_shows_foreign_texts_as_texts() -> None:
    request = http.Request.make("GET", "http://127.0.0.1/")
    response = status_page.refusal(request, Fault(403, HOSTILE), [])
    shown = Page(response.get_text() or "")
    assert HOSTILE in shown.text
    assert shown.all("script") == []


def test_the_same_as_json(gateway: Gateway, tmp_path: Path) -> None:
    busy(gateway, tmp_path)
    response = answer(gateway, "/status.json")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    found: dict[str, Any] = orjson.loads(response.content or b"")
    assert set(found) == {*status(gateway), "exchanges"}
    assert [one["state"] for one in found["accounts"]].count("ready") == 1
    [rest] = found["accounts"][1]["cooling"]
    assert rest["model"] == "gemini-2.5-flash"
    assert 80 < rest["seconds"] <= 90.5
    assert len(found["hour"]["minutes"]) == 60
    assert len(found["exchanges"]) == 5


LISTED = [
    replace(GOOD, id="req_good"),
    replace(FAILED, id="req_failed"),
    replace(LEFT, id="req_left", status=200, streamed=True, events=4),
    replace(REFUSED, id="req_refused"),
    replace(UNMAPPED, id="req_unmapped", message="The model 'gpt-9' does not exist."),
    replace(GOOD, id="req_empty", notes=(("empty", "stop: nothing came; ask again"),)),
    replace(GOOD, id="req_cut", finish=("length",)),
]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", "cut empty unmapped refused left failed good"),
        ("errors=1", "empty unmapped refused left failed"),
        ("errors=0&q=", "cut empty unmapped refused left failed good"),
        ("q=GPT-9", "unmapped"),
        ("q=req_left", "left"),
        ("q=rate+limit", "failed"),
        ("q=alpha+rate", "failed"),
        ("errors=1&q=gpt-4o", "empty left failed"),
        ("q=length", "cut"),
        ("q=client_left", "left"),
        ("q=nowhere", ""),
        ("q=%3Cscript%3E&errors=1", ""),
        ("errors=1&errors=2&x&=%ff&q=429", "failed"),
    ],
)
@pytest.mark.parametrize("poll", [False, True])
def test_what_is_looked_for(gateway: Gateway, query: str, shown: str, poll: bool) -> None:
    for summary in LISTED:
        gateway.statistics.count(summary)
    text = answer(gateway, f"/?poll&{query}" if poll else f"/?{query}").get_text() or ""
    found = Page(text)
    assert [one["data-exchange"].removeprefix("req_") for one in found.having("data-exchange")] == shown.split()
    assert "<script>" not in text.partition("<script>")[2]
    checked = any(one.get("name") == "errors" and "checked" in one for one in found.all("input"))
    assert checked == ("errors=1" in query)


def test_more_than_the_first_fifty(gateway: Gateway) -> None:
    for n in range(60):
        gateway.statistics.count(replace(FAILED, id=f"req_{n}"))
    cut = Page(answer(gateway, "/?errors=1&q=limit").get_text() or "")
    assert len(cut.having("data-exchange")) == FIRST
    [more] = [one["href"] for one in cut.all("a") if one.get("id") == "everything"]
    whole = Page(answer(gateway, more.partition("#")[0]).get_text() or "")
    assert len(whole.having("data-exchange")) == 60
    assert "60 of the last 60 fit." in whole.text


def test_outcomes_have_words_and_colours(gateway: Gateway) -> None:
    for summary in LISTED:
        gateway.statistics.count(summary)
    text = answer(gateway).get_text() or ""
    assert '<span class="state left">200 client left after 1.00 s, 4 events</span>' in text
    for said in ("for gpt-9", "finish length", "empty: stop: nothing came; ask again", "does not exist."):
        assert said in Page(text).text


def test_a_small_bar_says_what_the_time_was_spent_with(gateway: Gateway) -> None:
    attempts = (replace(GOOD.attempts[0], answered=0.5),)
    gateway.statistics.count(replace(GOOD, total=2.0, spoke=1.5, attempts=attempts))
    text = answer(gateway).get_text() or ""
    assert 'aria-label="waiting 500 ms, thinking 1 s, text 500 ms"' in text
    assert '<rect class="thinking" x="25.0" width="50.0" height="10"><title>thinking 1 s</title></rect>' in text


def test_a_demo_is_called_one(gateway: Gateway) -> None:
    assert "DEMO" not in page(gateway).text
    gateway.use_only([])
    assert "DEMO: answers are made up" in page(gateway).text
    assert orjson.loads(answer(gateway, "/status.json").content or b"")["demo"] is True


def test_what_is_under_way(gateway: Gateway, tmp_path: Path) -> None:
    use(gateway, tmp_path, ACCOUNT.format("ready") + 'base_url = "http://127.0.0.1:9"\n')

    async def run() -> tuple[Page, dict[str, Any]]:
        exchange = await exchange_of(gateway, {"messages": [{"role": "user", "content": "hi"}], "model": "gpt-4o"})
        exchange.flow.response = tflow.tresp(status_code=200)
        exchange.on_response_headers()
        exchange.feed(PART)
        exchange.stream_head()
        shown, data = page(gateway), orjson.loads(answer(gateway, "/status.json").content or b"")
        exchange.client_left()
        return shown, data

    shown, data = asyncio.run(run())
    [one] = data["running"]
    assert (one["client_model"], one["account"], one["attempt"]) == ("gpt-4o", "ready", 1)
    assert one["events"] >= 1
    assert data["in_flight"] == 1
    assert [row["data-running"] for row in shown.having("data-running")] == [one["id"]]
    assert "for gpt-4o" in shown.text
    assert page(gateway).having("data-running") == []


def test_a_poll_is_not_told(gateway: Gateway) -> None:
    assert status_page.is_poll(http.Request.make("GET", "http://x" + POLL))
    assert status_page.is_poll(http.Request.make("GET", f"http://x{POLL}&errors=1"))
    assert not status_page.is_poll(http.Request.make("GET", "http://x/"))
    assert not status_page.is_poll(http.Request.make("GET", f"http://x{POLL}er"))
    assert not status_page.is_poll(http.Request.make("POST", "http://x" + POLL))
    assert not status_page.is_poll(http.Request.make("GET", "http://x/v1/models?poll"))


@pytest.mark.parametrize(
    ("values", "top"),
    [([], 1), ([0], 1), ([1], 1), ([7], 8), ([9, 2], 10), ([11], 20), ([59], 60), ([1234], 2000), ([0.03], 0.03)],
)
def test_the_top_of_an_axis(values: list[float], top: float) -> None:
    assert charts.ceiling(values) == top


@given(st.lists(st.floats(0.001, 1e6) | st.none(), min_size=1, max_size=60))
def test_charts_stay_in_their_frame(values: list[float | None]) -> None:
    top = charts.ceiling([value for value in values if value is not None])
    for bar in charts.bars([value or 0 for value in values], top):
        assert 0 <= bar.x <= bar.x + bar.width <= charts.WIDTH
        assert -0.01 <= bar.y <= bar.y + bar.height <= charts.HEIGHT + 0.02
    points = re.findall(r"[ML]([\d.]+) ([\d.]+)", charts.line(values, top))
    assert len(points) == sum(value is not None for value in values)
    assert all(0 <= float(y) <= charts.HEIGHT for _, y in points)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, "0 ms"),
        (0.0304, "30 ms"),
        (0.9996, "1 s"),
        (1.25, "1.2 s"),
        (99.9, "99.9 s"),
        (100, "100 s"),
        (300, "5 min"),
    ],
)
def test_spans(gateway: Gateway, seconds: float, said: str) -> None:
    gateway.statistics.count(replace(GOOD, total=seconds))
    assert f" {said} " in page(gateway).text.partition("Last exchanges")[2]


def test_costs(gateway: Gateway, tmp_path: Path) -> None:
    use(gateway, tmp_path, ACCOUNT.format("alpha"))
    assert "Cost today" not in page(gateway).text
    for summary in (replace(DEAR, account="alpha"), replace(UNPRICED, cost_note="no price"), replace(DEAR, cost=1.5)):
        gateway.statistics.count(replace(summary, time=time.time()))
    shown = page(gateway).text
    assert "Cost today" in shown
    assert "$1.75 and 1 unknown" in shown
    assert "gemini-2.5-flash 2 0 20 10 $1.75" in shown
    assert "gemini-9 1 0 10 5 unknown" in shown
    assert "alpha@" not in shown
    assert "$0.2500, 1 unknown" in shown
    assert "10 in, 5 out $0.2500" in shown
    told = orjson.loads(answer(gateway, "/status.json").content or b"")
    assert told["costs"]["today"] == {"cost": 1.75, "unpriced": 1}
    assert [(one["label"], one["cost"], one["unpriced"]) for one in told["accounts"]] == [("alpha", 0.25, 1)]
