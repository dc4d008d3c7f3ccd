"""Which addresses the gateway listens on: loopback only, unless the settings open it to the network.

mitmproxy listens on all interfaces unless told otherwise, and starts to before it loads scripts. So it is moved
afterwards if need be; what calls from elsewhere in between is refused by its address (`callers`). It is always refused
so where several workers share a port: their launcher listens, and they can't move it.
"""

from __future__ import annotations

import logging
from typing import Any, Protocol

from mitmproxy import ctx
from mitmproxy.proxy import mode_specs

from addons.gateway.accounts.address import Address
from addons.gateway.http.callers import Gatekeeper, is_loopback
from addons.gateway.settings.settings import Settings
from addons.gateway.wire import compat
from addons.gateway.workers import inside

logger = logging.getLogger("antigravity")

LOOPBACK = "127.0.0.1"


class Listened(Protocol):
    """Who may call: what the gateway's settings say now."""

    settings: Settings
    gatekeeper: Gatekeeper


def upstream_of(specs: list[str]) -> Address | None:
    """The target of the first reverse mode among mitmproxy's mode specs."""
    for spec in specs:
        try:
            mode = mode_specs.ProxyMode.parse(spec)
        except ValueError:
            continue
        if isinstance(mode, mode_specs.ReverseMode) and mode.scheme in ("http", "https"):
            host, port = mode.address
            return Address(mode.scheme, host, port)
    return None


def open_to_network(gateway: Listened) -> bool:
    """Whether the settings allow other machines to call. Where a key is needed, there has to be one."""
    gatekeeper = gateway.gatekeeper
    return gateway.settings.proxy.allow_lan_access and (gatekeeper.has_keys or not gatekeeper.needs_key)


async def keep_to_loopback(gateway: Listened) -> None:
    """Move servers that listen beyond loopback to it, where the settings do not allow that."""
    settings, gatekeeper = gateway.settings, gateway.gatekeeper
    proxyserver: Any = ctx.master.addons.get("proxyserver")
    if proxyserver is None:
        return
    if gatekeeper.needs_key and not gatekeeper.has_keys:
        logger.warning(
            f"auth_mode {settings.proxy.auth_mode!r} needs a key, but proxy.api_key is empty: every call will be "
            "refused, and the gateway serves this machine only."
        )
    if open_to_network(gateway):
        return
    specs = list(ctx.options.mode)
    wanted = [_on_loopback(spec) for spec in specs]
    if wanted != specs and (inside.current() is not None or not compat.offers(compat.LOOPBACK)):
        logger.warning("Listening beyond this machine; calls from other machines are refused by their address.")
    elif wanted != specs:
        if any(host not in ("", LOOPBACK) for host in (_host(spec) for spec in specs)):
            logger.warning("Listening on 127.0.0.1 only: proxy.allow_lan_access is not set.")
        await proxyserver.servers.update([])
        ctx.options.mode = wanted
        await proxyserver.servers.update([mode_specs.ProxyMode.parse(spec) for spec in wanted])


def show_in_mitmweb() -> None:
    """mitmweb's foot shows the options for modes without an address of their own; have it show what is listened on."""
    options = ctx.options
    if hasattr(options, "web_port") and not (options.has_changed("listen_host") or options.has_changed("listen_port")):
        mode = mode_specs.ProxyMode.parse(options.mode[0]) if options.mode else None
        if mode is not None and mode.custom_listen_port is not None:
            options.update(listen_host=mode.custom_listen_host or "", listen_port=mode.custom_listen_port)


def _host(spec: str) -> str:
    return mode_specs.ProxyMode.parse(spec).listen_host(ctx.options.listen_host)


def _on_loopback(spec: str) -> str:
    """The same mode with a listen address on loopback, unless it has one."""
    mode = mode_specs.ProxyMode.parse(spec)
    if not isinstance(mode, mode_specs.ReverseMode) or is_loopback(mode.listen_host(ctx.options.listen_host)):
        return spec
    port = mode.listen_port(ctx.options.listen_port)
    return f"{mode.type_name}:{mode.data}@{LOOPBACK}:{port}"
