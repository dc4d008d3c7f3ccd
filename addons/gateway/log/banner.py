"""What a person sees at the start: where to point tools, what is behind it, and a line to try."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mitmproxy import ctx
from mitmproxy.net import local_ip

from addons.gateway.accounts.address import Address
from addons.gateway.accounts.pool import Pool
from addons.gateway.http.callers import is_loopback
from addons.gateway.log import console
from addons.gateway.log.exchange_log import QUIET
from addons.gateway.log.terminal import say
from addons.gateway.status.shell_lines import PLACEHOLDER, key_word
from addons.gateway.wire import listening
from mapping.inspect.printable import one_line

EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - shown, not bound


class Started(listening.Listened, Protocol):
    """What the banner tells of: the gateway."""

    pool: Pool
    address: Address
    """Where accounts without a base URL of their own are asked."""


@dataclass(frozen=True, slots=True)
class Where:
    """The addresses at which things are to be found."""

    base_url: str
    """For tools on this machine."""
    for_others: str | None = None
    """For those on other machines, where they may call."""
    web_page: str | None = None
    """mitmweb's, with its token."""


def show(gateway: Started, file: Path | None, *, demo: bool) -> None:
    """Print the banner, unless mitmproxy was told to be quiet. In mitmproxy's console it goes into the event log."""
    if type(ctx.master).__name__ == "ConsoleMaster":
        console.greet(text(gateway, where(gateway), file, demo=demo), where(gateway).base_url, demo=demo)
    elif ctx.options.termlog_verbosity not in QUIET:
        say(text(gateway, where(gateway), file, demo=demo))


def quiet_down() -> None:
    """Keep mitmproxy's lines on every connection out of the log, unless it was asked to be verbose."""
    verbosity = ctx.options.termlog_verbosity
    level = logging.WARNING if verbosity not in ("debug", "trace") else logging.NOTSET
    logging.getLogger("mitmproxy.proxy.server").setLevel(level)


def text(gateway: Started, found: Where, file: Path | None, *, demo: bool) -> str:
    """The banner: the address and key to put into a tool, a request to try, and what is missing."""
    gatekeeper = gateway.gatekeeper
    settings = gateway.settings.proxy
    auto = settings.auth_mode == "auto"
    mode = f"auto, that is {settings.effective_auth_mode}" if auto else settings.auth_mode
    shown, missing = "", False
    if gatekeeper.needs_key:
        shown, missing = key_word((key.get_secret_value() for key in settings.api_key), os.environ)
    key = f' -H "Authorization: Bearer {shown}"' if shown else ""
    base_url = found.base_url
    lines = [
        "",
        "  OpenAI-compatible gateway for Gemini",
        "",
        f"  base URL   {base_url}",
        *([f"  for others {found.for_others}"] if found.for_others else []),
        f"  upstream   {_upstream(gateway, demo)}",
        f"  accounts   {_accounts(gateway)}",
        f"  auth mode  {mode}",
        f"  settings   {one_line(str(file)) if file else 'none (environment and defaults)'}",
        f"  status     {base_url.removesuffix('/v1')}/ (in a browser)",
        *([f"  mitmweb    {found.web_page} (in a browser)"] if found.web_page else []),
        "",
        f"  curl {base_url}/chat/completions{key} -H 'Content-Type: application/json' \\",
        """    -d '{"model":"gpt-4o","messages":[{"role":"user","content":"Hello!"}]}'""",
        *([f"  {PLACEHOLDER}: the key in [proxy] api_key of the settings"] if missing else []),
        "",
    ]
    if demo:
        lines[2:2] = ["", "  *** DEMO: answers are made up by a small local server. Gemini is not asked. ***"]
    return "\n".join(lines)


def _upstream(gateway: Started, demo: bool) -> str:
    addresses = {account.address or gateway.address for account in gateway.pool.accounts} or {gateway.address}
    shown = ", ".join(sorted(f"{a.scheme}://{a.host_header}{a.prefix}" for a in addresses))
    if not demo:
        return shown
    listens = next((account.listens for account in gateway.pool.accounts if account.listens), None)
    return f"demo server on {listens[0]}:{listens[1]}, {shown} in flows" if listens else f"demo server on {shown}"


def _accounts(gateway: Started) -> str:
    accounts = gateway.pool.accounts
    if not accounts:
        return "none; set GEMINI_API_KEY or write [[accounts]] into a settings file"
    named = [one_line(account.label, 60) + (" (can't be used)" if account.unusable else "") for account in accounts[:6]]
    more = f" and {len(accounts) - 6} more" if len(accounts) > 6 else ""
    return f"{len(accounts)}: {', '.join(named)}{more}"


def where(gateway: Started) -> Where:
    """Where mitmproxy's servers are."""
    proxyserver: Any = ctx.master.addons.get("proxyserver")
    addresses = [address[:2] for address in proxyserver.listen_addrs()] if proxyserver else []
    host, port = next((address for address in addresses if is_loopback(address[0])), (addresses or [("", 8045)])[0])
    others = None
    if host in EVERYWHERE:
        host = "127.0.0.1"
        if listening.open_to_network(gateway) and (own := local_ip.get_local_ip() or local_ip.get_local_ip6()):
            others = _url(own, port)
    return Where(_url(host, port), others, getattr(ctx.master, "web_url", None))


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"
