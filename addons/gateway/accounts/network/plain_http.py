"""One HTTP request and its answer, by the standard library: for token servers and checks, never for the hot path.

* It waits for the network, and so belongs on a thread.
* It follows no redirects, because what is sent may be a secret.
* It goes through the same proxy as the gateway's other calls (`proxies`).

google-auth's own transport is no substitute: it needs `requests` and with it three more packages that nothing else here
needs, takes 29 ms to import where google-auth with this takes 15 (measured with requests 2.34), sends a token on to
wherever a redirect (307) leads, and knows neither a longest answer nor a time for the whole of it. Lists of models are
asked for with this, too, so it would stay in any case.
"""

from __future__ import annotations

import functools
import http.client
import ssl
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import certifi

from addons.gateway.accounts.network import proxies

MAX_ANSWER = 2_000_000
"""Bytes that are read of an answer: some times what the longest list of models has."""


class Answer(NamedTuple):
    """An HTTP answer, with the names that google-auth uses."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    data: bytes


class Unreachable(Exception):
    """There is no answer. The message says why in a few words, and holds nothing that was sent."""


class BadUrl(Exception):
    """Nothing can be sent to such a URL."""


def ask(
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    timeout: float,
) -> Answer:
    """Send a request. `timeout`: seconds that the server may be silent, and in which a body that has begun is to end.

    Raises Unreachable, BadUrl.
    """
    try:
        parts = urlsplit(url)
        connection, proxy = _connection(parts.scheme, parts.hostname or "", parts.port, timeout)
    except proxies.ProxyError as e:
        raise Unreachable(str(e)) from None
    except (ValueError, http.client.InvalidURL):
        raise BadUrl from None
    try:
        if proxy is not None:
            _connect_through(proxy, connection)
        connection.request(method, f"{parts.path or '/'}?{parts.query}".rstrip("?"), body, dict(headers or {}))
        response = connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, fields, _body(response, time.monotonic() + timeout))
    except (OSError, http.client.HTTPException, ValueError) as e:
        raise Unreachable(_cause(e)) from None
    finally:
        connection.close()


def _body(response: http.client.HTTPResponse, end: float) -> bytes:
    """The body, no longer than is read of one. A server that sends byte after byte does not hold this up for ever."""
    pieces: list[bytes] = []
    room = MAX_ANSWER
    while room and (piece := response.read1(min(room, 2**16))):
        if time.monotonic() > end:
            raise TimeoutError
        pieces.append(piece)
        room -= len(piece)
    return b"".join(pieces)


def _connection(
    scheme: str, host: str, port: int | None, timeout: float
) -> tuple[http.client.HTTPConnection, proxies.Proxy | None]:
    """A connection that is not open yet, and the proxy that it goes through. Raises ValueError, ProxyError."""
    if not host or scheme not in ("http", "https"):
        raise ValueError("no URL of HTTP")
    port = port or (443 if scheme == "https" else 80)
    proxy = proxies.find(scheme, host, port)
    at = (proxy.host, proxy.port) if proxy is not None else (host, port)
    connection = (
        http.client.HTTPSConnection(*at, timeout=timeout, context=_trust())
        if scheme == "https"
        else http.client.HTTPConnection(*at, timeout=timeout)
    )
    if proxy is not None:
        word = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else {}
        connection.set_tunnel(host, port, word)
    return connection, proxy


def _connect_through(proxy: proxies.Proxy, connection: http.client.HTTPConnection) -> None:
    """Open a connection. Raises Unreachable."""
    try:
        connection.connect()
    except ssl.SSLError as e:  # it is the server's: the proxy is spoken to in plain HTTP
        raise Unreachable(_cause(e)) from None
    except (OSError, http.client.HTTPException) as e:
        _, failed, answer = str(e).partition("Tunnel connection failed: ")
        status, _, reason = answer.partition(" ")
        raise Unreachable(str(proxy.refused(int(status), reason) if failed else proxy.away(_cause(e)))) from None


@functools.cache
def _trust() -> ssl.SSLContext:
    """The roots that mitmproxy trusts by default, too."""
    return ssl.create_default_context(cafile=certifi.where())


def _cause(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    return getattr(error, "strerror", None) or type(error).__name__
