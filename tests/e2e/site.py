"""Two gateways as on two machines, on two loopback addresses, with Valkey, behind HAProxy.

The configuration files are those of compose.yaml: `haproxy.cfg` as it is, and `container.toml` with another place for
its store, because these gateways are in no containers.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.test import NO_HAPROXY, haproxy
from tests.e2e.conftest import KEYS, ROOT, Answer, Gateway, free_port, start_gateway, wait_until
from tests.gateway.shared.places import Server, valkey

DEPLOY = ROOT / "scripts" / "deploy"
HAPROXY_CFG = DEPLOY / "haproxy.cfg"
GATEWAYS = ("one", "two")
HOSTS = {"one": "127.0.0.2", "two": "127.0.0.3"} if sys.platform == "linux" else dict.fromkeys(GATEWAYS, "127.0.0.1")
"""Elsewhere only one address of loopback can be had."""
KEY = "sk-codex-key"
"""What clients send."""


@dataclass
class Site:
    """What runs."""

    front: Gateway
    """HAProxy, in a gateway's place."""
    gateways: dict[str, Gateway]
    server: Server
    environ: dict[str, str]
    settings: str
    upstream: str

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        return self.front.call(method, path, body, headers={"Authorization": f"Bearer {KEY}"})

    def turns(self) -> list[str]:
        """Which gateway had each request for a model so far, in the order of their ends."""
        return re.findall(r' gateways/(\w+) [^"]*"POST /v1/', self.front.log)

    def said(self, name: str) -> list[str]:
        """What HAProxy has said of a gateway: DOWN, UP."""
        return re.findall(rf"^Server gateways/{name} is (\w+)", self.front.log, re.M)

    def start_again(self, name: str) -> None:
        """Start a gateway that has ended, in its place."""
        was = self.gateways[name]
        self.gateways[name] = start(was.folder, self.settings, self.upstream, self.environ, was.host, was.port)


def other(name: str) -> str:
    return next(one for one in HOSTS if one != name)


@contextlib.contextmanager
def site(folder: Path, upstream: str) -> Iterator[Site]:
    """Start all, and wait until HAProxy has looked at both gateways."""
    (folder / "valkey").mkdir()
    gateways: dict[str, Gateway] = {}
    started: list[Gateway] = []
    with valkey(folder / "valkey") as server:
        environ = {
            "ANTIGRAVITY_KEY": KEY,
            "ANTIGRAVITY_STATE_KEY": "a-secret-that-seals-what-is-private",
            "ANTIGRAVITY_STATE_URL": server.url,
            "GEMINI_API_KEYS": ",".join(KEYS),
        }
        settings = (DEPLOY / "container.toml").read_text()
        try:
            for name, host in HOSTS.items():
                gateways[name] = start(folder / name, settings, upstream, environ, host)
            front = start_haproxy(folder, gateways)
            started.append(front)
            wait_until(lambda: front.process.poll() is not None or _answers(front))
            assert front.process.poll() is None, front.log
            yield Site(front, gateways, server, environ, settings, upstream)
        finally:
            for one in (*started, *gateways.values()):
                one.process.kill()  # without a drain
                one.process.wait()


def start(folder: Path, settings: str, upstream: str, environ: dict[str, str], host: str, port: int = 0) -> Gateway:
    """Start a gateway of the site's. Its container is the folder."""
    own = settings.replace("/var/lib/antigravity", str(folder))
    assert own != settings
    return start_gateway(folder, own, upstream=upstream, environ=environ, host=host, port=port)


def start_haproxy(folder: Path, gateways: dict[str, Gateway]) -> Gateway:
    port, log = free_port(), folder / "haproxy.log"
    places = {f"GATEWAY_{name.upper()}": f"{one.host}:{one.port}" for name, one in gateways.items()}
    environ = {**os.environ, "GATEWAY_LISTEN": f"127.0.0.1:{port}", **places}
    program = haproxy()
    assert program, NO_HAPROXY
    with log.open("wb") as out:
        process = subprocess.Popen(
            [program, "-db", "-f", str(HAPROXY_CFG)], stdout=out, stderr=subprocess.STDOUT, env=environ
        )
    return Gateway(process, port, log, folder)


def _answers(front: Gateway) -> bool:
    try:
        return front.call("GET", "/healthz").status == 200
    except OSError:
        return False
