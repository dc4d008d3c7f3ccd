"""Where pages are: the gateway's own, as its caller sees it, and mitmweb's.

Standard formats: nothing here holds a credential.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from mitmproxy import ctx

from addons.gateway.exchange.facts import Facts
from addons.gateway.http.callers import Caller, is_loopback
from addons.gateway.http.routes import PAGES

_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?", re.ASCII)


def page_of(id: str) -> str:
    """The path of an exchange's page."""
    return f"{PAGES}/{quote(id, safe='')}"


def base_url_of(exchange: Facts) -> str:
    """Where the gateway is, as the caller sees it."""
    client = exchange.flow.client_conn
    host = exchange.caller.host or exchange.flow.request.authority
    if not _HOST.fullmatch(host):
        address, port = client.sockname[:2]
        host = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return f"{'https' if client.tls else 'http'}://{host}/v1"


def flow_links(caller: Caller) -> Callable[[str, bool], str | None]:
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
