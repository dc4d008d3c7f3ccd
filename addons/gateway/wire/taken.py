"""Says what to do when a port can't be listened on: mitmproxy says only that, and mitmweb with a traceback.

mitmproxy starts its servers after it has loaded scripts, and ends when an error was logged by then. mitmweb's own page
comes after that, so its port is looked at here beforehand.
"""

from __future__ import annotations

import logging
from typing import Any

from mitmproxy import ctx
from mitmproxy.addonmanager import Loader
from mitmproxy.proxy import mode_specs

from addons.gateway.wire import compat, ports

logger = logging.getLogger("antigravity")


class TakenPorts:
    """An addon that is told of mitmproxy's servers until they are up."""

    name = "antigravity_ports"

    def __init__(self) -> None:
        self._said: set[str] = set()

    def load(self, loader: Loader) -> None:
        """Be told of mitmproxy's servers from now on. None has been started yet."""
        proxyserver: Any = ctx.master.addons.get("proxyserver")
        if proxyserver is not None and compat.offers(compat.PORTS):
            proxyserver.servers.changed.connect(self.look)

    def running(self) -> None:
        """The servers are up: there is nothing more to say."""
        proxyserver: Any = ctx.master.addons.get("proxyserver")
        if proxyserver is not None and compat.offers(compat.PORTS):
            proxyserver.servers.changed.disconnect(self.look)

    def look(self) -> None:
        """The servers have been named, or started."""
        proxyserver: Any = ctx.master.addons.get("proxyserver")
        own = []
        for server in proxyserver.servers:
            host = server.mode.listen_host(ctx.options.listen_host)
            port = server.mode.listen_port(ctx.options.listen_port)
            own.append(port)
            if server.last_exception is not None and port is not None:
                self._say(ports.complaint(host, port, f"--mode {_at_another_port(server.mode, host)}"))
        if hasattr(ctx.options, "web_port"):
            web = ctx.options.web_port
            self._say(ports.complaint(ctx.options.web_host, web, "--set web_port={port}", but=own), "The web page: ")

    def _say(self, complaint: str | None, what: str = "") -> None:
        if complaint and complaint not in self._said:
            self._said.add(complaint)
            logger.error(what + complaint)


def _at_another_port(mode: mode_specs.ProxyMode, host: str) -> str:
    """The mode with `{port}` in its port's place."""
    spec = f"{mode.type_name}:{mode.data}" if mode.data else mode.type_name
    return f"{spec.replace('{', '{{').replace('}', '}}')}@{host}{':' if host else ''}{{port}}"
