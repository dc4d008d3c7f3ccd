"""What a person sees at the start: where to point tools, what is behind it, and a line to try."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitmproxy import ctx

from addons.gateway.exchange_log import QUIET
from addons.gateway.terminal import say
from mapping.printable import one_line

if TYPE_CHECKING:
    from addons.gateway.gateway import Gateway


def show(gateway: Gateway, file: Path | None, *, demo: bool) -> None:
    """Print the banner, unless mitmproxy was told to be quiet or owns the screen."""
    if type(ctx.master).__name__ == "ConsoleMaster" or ctx.options.termlog_verbosity in QUIET:
        return
    say(text(gateway, _base_url(), file, demo=demo))


def quiet_down() -> None:
    """Keep mitmproxy's lines on every connection out of the log, unless it was asked to be verbose."""
    verbosity = ctx.options.termlog_verbosity
    level = logging.WARNING if verbosity not in ("debug", "trace") else logging.NOTSET
    logging.getLogger("mitmproxy.proxy.server").setLevel(level)


def text(gateway: Gateway, base_url: str, file: Path | None, *, demo: bool) -> str:
    """The banner."""
    gatekeeper = gateway.gatekeeper
    settings = gateway.settings.proxy
    auto = settings.auth_mode == "auto"
    mode = f"auto, that is {settings.effective_auth_mode}" if auto else settings.auth_mode
    key = ' -H "Authorization: Bearer $ANTIGRAVITY_KEY"' if gatekeeper.needs_key else ""
    lines = [
        "",
        "  OpenAI-compatible gateway for Gemini",
        "",
        f"  base URL   {base_url}",
        f"  upstream   {_upstream(gateway, demo)}",
        f"  accounts   {_accounts(gateway)}",
        f"  auth mode  {mode}",
        f"  settings   {one_line(str(file)) if file else 'none (environment and defaults)'}",
        f"  status     {base_url.removesuffix('/v1')}/ (in a browser)",
        "",
        f"  curl {base_url}/chat/completions{key} -H 'Content-Type: application/json' \\",
        """    -d '{"model":"gpt-4o","messages":[{"role":"user","content":"Hello!"}]}'""",
        "",
    ]
    if demo:
        lines[2:2] = ["", "  *** DEMO: answers are made up by a small local server. No account is configured. ***"]
    return "\n".join(lines)


def _upstream(gateway: Gateway, demo: bool) -> str:
    addresses = {account.address or gateway.address for account in gateway.pool.accounts} or {gateway.address}
    shown = ", ".join(sorted(f"{a.scheme}://{a.host_header}{a.prefix}" for a in addresses))
    return f"demo server on {shown}" if demo else shown


def _accounts(gateway: Gateway) -> str:
    accounts = gateway.pool.accounts
    if not accounts:
        return "none; set GEMINI_API_KEY or write [[accounts]] into a settings file"
    named = [one_line(account.label, 60) + (" (can't be used)" if account.unusable else "") for account in accounts[:6]]
    more = f" and {len(accounts) - 6} more" if len(accounts) > 6 else ""
    return f"{len(accounts)}: {', '.join(named)}{more}"


def _base_url() -> str:
    proxyserver: Any = ctx.master.addons.get("proxyserver")
    addresses = proxyserver.listen_addrs() if proxyserver else []
    host, port = addresses[0][:2] if addresses else ("127.0.0.1", 8045)
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  # shown, not bound
        host = "127.0.0.1"
    return f"http://{host}:{port}/v1"
