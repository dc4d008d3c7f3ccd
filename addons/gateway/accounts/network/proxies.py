"""Which HTTP proxy calls to upstreams and to token servers go through, as companies have them.

* `[upstream] proxy` of the settings goes before the environment: HTTPS_PROXY or HTTP_PROXY, by the scheme of what is
  called, but for NO_PROXY; where neither is set, what macOS and Windows have for them.
* This machine is called without a proxy, unless `proxy_loopback` says otherwise.
* Over plain HTTP a proxy is asked for a tunnel (CONNECT), whatever is to go through it.
* Its user and password are in nothing that is shown: messages name its host and port.

Source: `urllib.request` (what the environment's variables mean), RFC 9110 (CONNECT, Basic authentication).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib import request
from urllib.parse import unquote, urlsplit

from mitmproxy import http
from mitmproxy.net import server_spec

from addons.gateway.http.callers import is_loopback
from addons.gateway.settings.settings import SettingsError, UpstreamSettings, secret

MAX_HEAD = 64 * 2**10
"""Bytes that a proxy may say before there is a tunnel."""

NONE = "none"
"""In the place of a proxy in the settings: there is none, whatever the environment says."""


class ProxyError(OSError):
    """There is no way through the proxy. The message is for a person, begins with `the proxy`, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that is spoken to in plain HTTP."""

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)
    """The value of Proxy-Authorization."""

    @classmethod
    def parse(cls, url: str) -> Proxy:
        """From `http://[user:password@]host[:port]`; the scheme may be missing. Raises ValueError, without the URL."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme != "http":
            raise ValueError(f"{parts.scheme}:// is not spoken to proxies, only http://")
        if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("http://user:password@host:port is expected")
        try:
            port = parts.port
        except ValueError:
            raise ValueError("its port is none") from None
        word = None
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            word = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return cls(parts.hostname, port or 80, word)

    @property
    def name(self) -> str:
        """Host and port, for messages."""
        return f"{bracketed(self.host)}:{self.port}"

    @property
    def via(self) -> server_spec.ServerSpec:
        """The same as mitmproxy has it."""
        return "http", (self.host, self.port)

    def away(self, cause: str) -> ProxyError:
        """It can't be reached."""
        return ProxyError(f"the proxy {self.name} can't be reached ({cause})")

    def refused(self, status: int, reason: str) -> ProxyError:
        """It answered so in place of making a tunnel."""
        todo = "; it wants a user and a password, in [upstream] proxy or HTTPS_PROXY" if status == 407 else ""
        return ProxyError(f"the proxy {self.name} refuses to go on: {f'{status} {reason}'.strip()[:60]}{todo}")

    def said(self, message: str) -> str:
        """What is to be told where mitmproxy could not open a connection through it."""
        if refused := _REFUSED.search(message):
            return str(self.refused(int(refused[1]), refused[2]))
        return message if _TLS.search(message) else str(self.away(message))

    def request(self, host: str, port: int) -> bytes:
        """The head that asks for a tunnel to there."""
        target = f"{bracketed(host)}:{port}"
        word = f"Proxy-Authorization: {self.authorization}\r\n" if self.authorization else ""
        return f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{word}\r\n".encode()


@dataclass(frozen=True, slots=True)
class Proxies:
    """What the settings say of proxies."""

    fixed: Proxy | None = None
    """Takes everything, in place of what the environment names."""
    none: bool = False
    """There is none, whatever the environment says."""
    loopback: bool = False
    """This machine is called through a proxy, too."""

    @classmethod
    def of(cls, settings: UpstreamSettings, environ: Mapping[str, str]) -> Proxies:
        """As the settings have it. Raises SettingsError."""
        url = secret(settings.proxy, environ)
        if url is None or url.lower() == NONE:
            return cls(None, url is not None, settings.proxy_loopback)
        try:
            return cls(Proxy.parse(url), False, settings.proxy_loopback)
        except ValueError as e:
            raise SettingsError(f"upstream.proxy: {e}") from None

    def find(self, scheme: str, host: str, port: int) -> Proxy | None:
        """The proxy for a call to there; None: it is called without one. Raises ProxyError."""
        if self.none or (is_loopback(host) and not self.loopback):
            return None
        if self.fixed is not None:
            return self.fixed
        url = request.getproxies().get(scheme)
        if not url or request.proxy_bypass(host) or request.proxy_bypass(f"{bracketed(host)}:{port}"):
            return None
        try:
            return Proxy.parse(url)
        except ValueError as e:
            raise ProxyError(f"the proxy in {scheme.upper()}_PROXY can't be used: {e}") from None


_REFUSED = re.compile(r"refused HTTP CONNECT request: (\d+) (.*)")
_TLS = re.compile(r"(?i)\b(tls|openssl|certificate)\b")
"""What mitmproxy says of TLS, which is agreed upon with the server behind the proxy."""


def bracketed(host: str) -> str:
    """A host as it stands before a port."""
    return f"[{host}]" if ":" in host else host


_used = Proxies()


def use(proxies: Proxies) -> bool:
    """Find proxies by these settings from now on, in the whole process. False: they are what they were."""
    global _used
    before, _used = _used, proxies
    return before != proxies


def find(scheme: str, host: str, port: int) -> Proxy | None:
    """See `Proxies.find`: by the settings that are in force."""
    return _used.find(scheme, host, port)


def authorize(connect: http.HTTPFlow) -> None:
    """Put user and password on mitmproxy's request for a tunnel, if it is through a proxy that is found here."""
    for scheme in ("https", "http"):
        try:
            proxy = find(scheme, connect.request.host, connect.request.port)
        except ProxyError:
            continue
        if proxy is not None and proxy.authorization and proxy.via[1] == connect.server_conn.address:
            connect.request.headers["Proxy-Authorization"] = proxy.authorization
