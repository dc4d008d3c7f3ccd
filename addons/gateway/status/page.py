"""The status page: `GET /` as HTML, and `GET /status.json` as data.

* Everything is in the page: no other file is asked for, and its policy lets the browser run and load nothing else.
* Account labels, paths and names of models are other people's texts: the templates escape them all.
* It reads well without JavaScript, and what is looked for is in its address. With it, the page asks for itself again
  every few seconds, at `/?poll`.
* A browser shows a form for the key when the answer is 401 with `WWW-Authenticate`; only this path does that, because
  the programs that call the others would not know what to do with it.
"""

from __future__ import annotations

from typing import Any

import orjson
from mitmproxy import http

from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.summary import Summary, left_after
from addons.gateway.http import answers
from addons.gateway.http.admission import path_of
from addons.gateway.http.routes import OWN_PAGES
from addons.gateway.look import time_bar
from addons.gateway.look.addresses import base_url_of, flow_links, page_of
from addons.gateway.look.making import NO_STORE, PageForm, clip
from addons.gateway.look.tones import tone
from addons.gateway.status import charts, shell_lines
from addons.gateway.status.overview import COOLING, READY, SET_ASIDE, UNUSABLE, Watched, status
from addons.gateway.status.search import FIRST, Search
from mapping.faults import Fault

_STATUS = PageForm("status.html", styles=("look.css", "status.css"))
_REFUSED = PageForm("refused.html", scripts=())
_ASK_FOR_KEY = (b"WWW-Authenticate", b'Basic realm="OpenAI gateway for Gemini", charset="UTF-8"')

TONES = {READY: "good", COOLING: "warn", SET_ASIDE: "bad", UNUSABLE: "bad"}


def is_poll(request: http.Request) -> bool:
    """Whether an open page asks for itself again: neither the log nor the page tells of that."""
    path, _, query = request.path.partition("?")
    return request.method == "GET" and _is_shown(path) and query.partition("&")[0] == "poll"


def is_page(request: http.Request) -> bool:
    """Whether a person in front of a browser may be asking."""
    path = path_of(request)
    if path.endswith(".json"):  # what scripts ask for
        return False
    return (path == "/" and request.method in ("GET", "HEAD")) or path.startswith(OWN_PAGES)


def _is_shown(path: str) -> bool:
    """Whether a path is that of a page."""
    return path == "/" or path.startswith(OWN_PAGES)


def show(exchange: Facts, gateway: Watched, told: dict[str, Any] | None = None) -> None:
    """Answer an exchange with the page. `told`: what `overview.status` gave, if more is known than that."""
    found = told or status(gateway, exchange)
    search = Search.of(exchange.flow.request.query)
    fitting = [exchange for exchange in map(Summary.plain, gateway.statistics.last()) if search.fits(exchange)]
    listed = fitting if search.everything else fitting[:FIRST]
    link = flow_links(exchange.caller)
    needs_key = gateway.gatekeeper.needs_key
    base_url, key = base_url_of(exchange), shell_lines.PLACEHOLDER if needs_key else shell_lines.NO_KEY
    content = _STATUS.render(
        found["time"],
        s=found,
        exchanges=listed,
        search=search,
        fitting=len(fitting),
        kept=len(gateway.statistics.last()),
        ready=sum(account["state"] == READY for account in found["accounts"]),
        tones=TONES,
        tone=tone,
        outcome=outcome,
        spent=time_bar.pieces,
        charts=_charts(found["hour"]["minutes"]),
        width=charts.WIDTH,
        height=charts.HEIGHT,
        flow_link=link,
        page_of=page_of,
        mitmweb=any(link(one["flow_id"], False) for one in listed),
        base_url=base_url,
        needs_key=needs_key,
        key=key,
        root=(root := base_url.removesuffix("/v1")),
        lines_for=lambda tool: shell_lines.lines(tool, root, key),
    )
    exchange.succeed(content, _STATUS.fields())


def show_json(exchange: Facts, gateway: Watched, told: dict[str, Any] | None = None) -> None:
    """Answer an exchange with the same as JSON."""
    told = told or status(gateway, exchange)
    told["exchanges"] = [summary.plain() for summary in gateway.statistics.last()]
    exchange.succeed(orjson.dumps(told), [answers.JSON_TYPE, *NO_STORE])


def refusal(request: http.Request, problem: Fault, fields: answers.Fields) -> http.Response:
    """An error of `GET /`, as a short page."""
    asks = problem.status == 401 and problem.code != "no_key_configured"
    title = "This gateway needs a key" if asks else f"Error {problem.status}"
    content = _REFUSED.render(title=title, message=problem.message, asks=asks)
    if asks and not is_poll(request):
        fields = [_ASK_FOR_KEY, *fields]
    return answers.make(problem.status, content, [*_REFUSED.fields(), *fields])


# --- inside


def _charts(minutes: list[dict[str, Any]]) -> dict[str, Any]:
    bad = [minute["errors"] for minute in minutes]
    left = [minute["left"] for minute in minutes]
    good = [minute["requests"] - minute["errors"] - minute["left"] for minute in minutes]
    most = max(minute["requests"] for minute in minutes)
    request_top = charts.ceiling([most])
    median, p95 = ([minute[name] for minute in minutes] for name in ("median", "p95"))
    latency_top = charts.ceiling([value for value in p95 if value is not None])
    return {
        "most": most,
        "request_top": int(request_top),
        "good": charts.bars(good, request_top, below=bad),
        "bad": charts.bars(bad, request_top),
        "left": charts.bars(left, request_top, below=[sum(counts) for counts in zip(good, bad, strict=True)]),
        "latency_top": latency_top,
        "median": charts.line(median, latency_top),
        "p95": charts.line(p95, latency_top),
    }


def outcome(exchange: dict[str, Any]) -> str:
    """The status and the error, or when the client left."""
    told = [] if exchange["status"] is None else [str(exchange["status"])]
    if tone(exchange) == "left":
        told.append(left_after(exchange["total"], exchange["events"]))
    elif exchange["error"]:
        told.append(clip(exchange["error"], 40))
    return " ".join(told)
