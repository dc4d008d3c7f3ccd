"""The status page: `GET /` as HTML, and `GET /status.json` as data.

* Everything is in the page: no other file is asked for, and its policy lets the browser run and load nothing else.
* Account labels, paths and names of models are other people's texts: the templates escape them all.
* It reads well without JavaScript, and what is looked for is in its address. With it, the page asks for itself again
  every few seconds (`POLL`).
* A browser shows a form for the key when the answer is 401 with `WWW-Authenticate`; only this path does that, because
  the programs that call the others would not know what to do with it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import orjson
from markupsafe import Markup
from mitmproxy import ctx, http

from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.summary import CLIENT_LEFT, left_after, unusual_finish
from addons.gateway.http import answers
from addons.gateway.http.admission import path_of
from addons.gateway.http.callers import Caller, is_loopback
from addons.gateway.status import charts, shell_lines
from addons.gateway.status.overview import COOLING, READY, SET_ASIDE, UNUSABLE, Watched, status
from addons.gateway.status.search import FIRST, Search
from mapping.faults import Fault

POLL = "/?poll"
"""What an open page asks for, again and again."""

_PAGES = Path(__file__).with_name("pages")
_HTML = (b"Content-Type", b"text/html; charset=utf-8")
_NO_STORE: answers.Fields = [(b"Cache-Control", b"no-store"), (b"X-Content-Type-Options", b"nosniff")]
_ASK_FOR_KEY = (b"WWW-Authenticate", b'Basic realm="OpenAI gateway for Gemini", charset="UTF-8"')
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?", re.ASCII)
_ICON = (
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>"
    "<path d='M2 12 6 5l3 5 2-3 3 5z' fill='%234a7bd0'/></svg>"
)

TONES = {READY: "good", COOLING: "warn", SET_ASIDE: "bad", UNUSABLE: "bad"}


def is_poll(request: http.Request) -> bool:
    """Whether an open page asks for itself again: neither the log nor the page tells of that."""
    path = request.path
    return request.method == "GET" and path.startswith(POLL) and path[len(POLL) : len(POLL) + 1] in ("", "&")


def is_page(request: http.Request) -> bool:
    """Whether a person in front of a browser may be asking."""
    return path_of(request) == "/" and request.method in ("GET", "HEAD")


def show(exchange: Facts, gateway: Watched, told: dict[str, Any] | None = None) -> None:
    """Answer an exchange with the page. `told`: what `overview.status` gave, if more is known than that."""
    found = told or status(gateway, exchange)
    search = Search.of(exchange.flow.request.query)
    fitting = [summary for summary in gateway.statistics.last() if search.fits(summary)]
    listed = fitting if search.everything else fitting[:FIRST]
    link = _flow_links(exchange.caller)
    needs_key = gateway.gatekeeper.needs_key
    base_url, key = _base_url(exchange), shell_lines.PLACEHOLDER if needs_key else shell_lines.NO_KEY
    content = _page(
        "status.html",
        found["time"],
        s=found,
        exchanges=[summary.plain() for summary in listed],
        search=search,
        fitting=len(fitting),
        kept=len(gateway.statistics.last()),
        ready=sum(account["state"] == READY for account in found["accounts"]),
        tones=TONES,
        tone=_tone,
        outcome=_outcome,
        charts=_charts(found["hour"]["minutes"]),
        width=charts.WIDTH,
        height=charts.HEIGHT,
        flow_link=link,
        mitmweb=any(link(summary.flow_id, False) for summary in listed),
        base_url=base_url,
        needs_key=needs_key,
        key=key,
        root=(root := base_url.removesuffix("/v1")),
        lines_for=lambda tool: shell_lines.lines(tool, root, key),
    )
    exchange.succeed(content, [_HTML, *_page_fields()])


def show_json(exchange: Facts, gateway: Watched, told: dict[str, Any] | None = None) -> None:
    """Answer an exchange with the same as JSON."""
    told = told or status(gateway, exchange)
    told["exchanges"] = [summary.plain() for summary in gateway.statistics.last()]
    exchange.succeed(orjson.dumps(told), [answers.JSON_TYPE, *_NO_STORE])


def refusal(request: http.Request, problem: Fault, fields: answers.Fields) -> http.Response:
    """An error of `GET /`, as a short page."""
    asks = problem.status == 401 and problem.code != "no_key_configured"
    title = "This gateway needs a key" if asks else f"Error {problem.status}"
    content = _page("refused.html", time.time(), title=title, message=problem.message, asks=asks)
    if asks and not is_poll(request):
        fields = [_ASK_FOR_KEY, *fields]
    return answers.make(problem.status, content, [_HTML, *_page_fields(), *fields])


# --- inside


def _page(name: str, now: float, **values: Any) -> bytes:
    environment = _environment()
    template = environment.get_template(name)
    return template.render(now=now, icon=_ICON, css=_source("css"), script=_source("js"), **values).encode(
        "utf-8", "replace"
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(ago=_ago, span=_span, wait=_wait, number=_number, clip=_clip, finish=unusual_finish)
    return environment


@cache
def _source(suffix: str) -> Markup:
    """The style sheet or the script, which stand in the page as they are."""
    return Markup((_PAGES / f"status.{suffix}").read_text(encoding="utf-8"))  # noqa: S704  # our own files


@cache
def _page_fields() -> answers.Fields:
    policy = [
        "default-src 'none'",
        f"style-src {_hash(_source('css'))}",
        f"script-src {_hash(_source('js'))}",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
    return [
        (b"Content-Security-Policy", "; ".join(policy).encode()),
        (b"Referrer-Policy", b"no-referrer"),
        *_NO_STORE,
    ]


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _base_url(exchange: Facts) -> str:
    """Where the gateway is, as the caller sees it."""
    client = exchange.flow.client_conn
    host = exchange.caller.host or exchange.flow.request.authority
    if not _HOST.fullmatch(host):
        address, port = client.sockname[:2]
        host = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return f"{'https' if client.tls else 'http'}://{host}/v1"


def _flow_links(caller: Caller) -> Callable[[str, bool], str | None]:
    """flow id, whether the answer tells more than the request -> where mitmweb shows it; None where it does not, or
    where the caller can't go.

    mitmweb's token is not in it: it opens more than this page does. Who has opened mitmweb before is let in by its
    cookie.
    """
    port = getattr(ctx.options, "web_port", None) if hasattr(ctx, "options") else None
    view: Any = ctx.master.addons.get("view") if port else None
    host = getattr(ctx.options, "web_host", "") if port else ""
    if view is None or (is_loopback(host) and not is_loopback(caller.address)):
        return lambda flow_id, answer: None
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  # shown, not bound
        host = "127.0.0.1" if is_loopback(caller.address) else caller.host.rpartition(":")[0]
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    base = f"http://{name}:{port}/#/flows/"

    def link(flow_id: str, answer: bool) -> str | None:
        side = "response" if answer else "request"
        return f"{base}{quote(flow_id)}/{side}" if view.get_by_id(flow_id) else None

    return link


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


def _outcome(exchange: dict[str, Any]) -> str:
    """The status and the error, or when the client left."""
    told = [] if exchange["status"] is None else [str(exchange["status"])]
    if _tone(exchange) == "left":
        told.append(left_after(exchange["total"], exchange["events"]))
    elif exchange["error"]:
        told.append(_clip(exchange["error"], 40))
    return " ".join(told)


def _tone(exchange: dict[str, Any]) -> str:
    if exchange["outcome"] == CLIENT_LEFT or exchange["status"] is None:
        return "left"
    if exchange["status"] >= 400 or exchange["error"]:
        return "bad"
    return "warn" if len(exchange["attempts"]) > 1 else "good"


@jinja2.pass_context
def _ago(context: jinja2.runtime.Context, moment: float) -> Markup:
    """A moment as a `time` element: how long ago it was."""
    seconds = max(0.0, context["now"] - moment)
    text = "just now" if seconds < 2 else f"{_wait(seconds)} ago"
    return Markup('<time datetime="{}">{}</time>').format(_utc(moment), text)


def _utc(moment: float) -> str:
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
    except (OverflowError, OSError, ValueError):
        return ""


def _wait(seconds: float) -> str:
    """A span in one unit, for people."""
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _span(seconds: float | None) -> str:
    """How long something took."""
    if seconds is None:
        return "–"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f}".removesuffix(".0") + " s" if seconds < 99.95 else _wait(seconds)


def _number(value: float) -> str:
    """Short from a million on."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value:,.0f}"


def _clip(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
