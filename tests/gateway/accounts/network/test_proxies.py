"""addons.gateway.accounts.network: which proxy a call goes through, and calls that do."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from mitmproxy.test import tflow, tutils

from addons.gateway.accounts.network import proxies
from addons.gateway.accounts.network.plain_http import Unreachable, ask
from addons.gateway.accounts.network.proxies import Proxies, Proxy, ProxyError
from addons.gateway.settings.settings import SettingsError, UpstreamSettings, section
from tests.e2e.faults.faulty_upstream import STALL, FaultyUpstream, whole
from tests.gateway.accounts.network.connect_proxy import ConnectProxy

WORD = "s3cret:w@rd"
WITH_WORD = "http://some%20one:s3cret%3Aw%40rd@proxy.test:3128"
BASIC = "Basic " + base64.b64encode(f"some one:{WORD}".encode()).decode()


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    yield
    proxies.use(Proxies())


URLS: dict[str, tuple[str, int, str | None]] = {
    "http://proxy.test:3128": ("proxy.test", 3128, None),
    "http://proxy.test:3128/": ("proxy.test", 3128, None),
    "http://proxy.test": ("proxy.test", 80, None),
    "proxy.test:3128": ("proxy.test", 3128, None),
    "HTTP://10.0.0.1:8080": ("10.0.0.1", 8080, None),
    "http://[::1]:3128": ("::1", 3128, None),
    WITH_WORD: ("proxy.test", 3128, BASIC),
    "http://user@proxy.test:1": ("proxy.test", 1, "Basic " + base64.b64encode(b"user:").decode()),
}


@pytest.mark.parametrize(("url", "read"), URLS.items())
def test_urls(url: str, read: tuple[str, int, str | None]) -> None:
    proxy = Proxy.parse(url)
    assert (proxy.host, proxy.port, proxy.authorization) == read


NO_URLS = ["https://a:b@proxy.test", "socks5://a:b@proxy.test:1080", "http://a:b@", "http://a:b@proxy.test:x",
           "http://a:b@proxy.test:99999", "http://a:b@proxy.test/path", "http://a:b@proxy.test?x"]  # fmt: skip


@pytest.mark.parametrize("url", NO_URLS)
def test_what_is_no_proxy(url: str) -> None:
    with pytest.raises(ValueError) as e:
        Proxy.parse(url)
    assert "a:b" not in str(e.value)
    with pytest.raises(SettingsError, match=r"upstream\.proxy: ") as refused:
        Proxies.of(section(UpstreamSettings, {"proxy": url}), {})
    assert "a:b" not in str(refused.value)


def test_user_and_password_are_in_nothing_that_is_shown() -> None:
    proxy = Proxy.parse(WITH_WORD)
    shown = [proxy, Proxies(proxy), proxy.name, proxy.away("x"), proxy.refused(407, "Authentication"), proxy.via]
    for text in map(repr, shown):
        assert not any(part in text for part in ("some", WORD, "w%40rd", BASIC[6:])), text
    assert str(proxy.away("x")) == "the proxy proxy.test:3128 can't be reached (x)"
    assert "s3cret" not in repr(section(UpstreamSettings, {"proxy": WITH_WORD}))


PROXY = {"HTTPS_PROXY": "http://secure.test:1", "HTTP_PROXY": "http://plain.test:2"}

FOUND: dict[str, tuple[dict[str, object], dict[str, str], str, str | None]] = {
    "nothing": ({}, {}, "https://upstream.test:443", None),
    "the environment": ({}, PROXY, "https://upstream.test:443", "secure.test:1"),
    "the environment, lower case": ({}, {"https_proxy": "secure.test:1"}, "https://upstream.test:443", "secure.test:1"),
    "the environment, http": ({}, PROXY, "http://upstream.test:80", "plain.test:2"),
    "of another scheme": ({}, {"HTTP_PROXY": "http://plain.test:2"}, "https://upstream.test:443", None),
    "an exception": ({}, {**PROXY, "NO_PROXY": "a.test,upstream.test"}, "https://upstream.test:443", None),
    "an exception by domain": ({}, {**PROXY, "NO_PROXY": ".test"}, "https://upstream.test:443", None),
    "an exception by port": ({}, {**PROXY, "NO_PROXY": "upstream.test:9443"}, "https://upstream.test:9443", None),
    "of another port": (
        {}, {**PROXY, "NO_PROXY": "upstream.test:9443"}, "https://upstream.test:443", "secure.test:1",
    ),
    "exceptions for all": ({}, {**PROXY, "NO_PROXY": "*"}, "https://upstream.test:443", None),
    "this machine": ({}, PROXY, "https://127.0.0.1:443", None),
    "this machine's name": ({}, PROXY, "http://localhost:9000", None),
    "this machine, IPv6": ({}, PROXY, "http://[::1]:9000", None),
    "this machine, wanted": ({"proxy_loopback": True}, PROXY, "https://127.0.0.1:443", "secure.test:1"),
    "the settings": ({"proxy": "http://own.test:3"}, {}, "https://upstream.test:443", "own.test:3"),
    "the settings first": (
        {"proxy": "http://own.test:3"}, {**PROXY, "NO_PROXY": "*"}, "http://upstream.test:80", "own.test:3",
    ),
    "the settings, this machine": ({"proxy": "http://own.test:3"}, {}, "http://127.0.0.1:80", None),
    "a variable": ({"proxy": "env:OWN"}, {"OWN": "own.test:3"}, "https://upstream.test:443", "own.test:3"),
    "a variable that is empty": ({"proxy": "env:OWN"}, PROXY, "https://upstream.test:443", "secure.test:1"),
    "none": ({"proxy": "none"}, PROXY, "https://upstream.test:443", None),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "environ", "url", "name"), FOUND.values(), ids=FOUND.keys())
def test_which_proxy(
    settings: dict[str, object], environ: dict[str, str], url: str, name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    scheme, _, place = url.partition("://")
    host, _, port = place.rpartition(":")
    proxy = Proxies.of(section(UpstreamSettings, settings), environ).find(scheme, host.strip("[]"), int(port))
    assert (proxy.name if proxy else None) == name


def test_one_in_the_environment_that_is_not_spoken_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://user:word@proxy.test:1080")
    with pytest.raises(ProxyError, match=r"^the proxy in HTTPS_PROXY can't be used: socks5://") as e:
        Proxies().find("https", "upstream.test", 443)
    assert "word" not in str(e.value)
    with pytest.raises(Unreachable, match="the proxy in HTTPS_PROXY"):
        ask("https://upstream.test/", timeout=1)


def test_the_request_for_a_tunnel() -> None:
    proxy = Proxy.parse(WITH_WORD)
    assert (
        proxy.request("upstream.test", 443)
        == (
            f"CONNECT upstream.test:443 HTTP/1.1\r\nHost: upstream.test:443\r\nProxy-Authorization: {BASIC}\r\n\r\n"
        ).encode()
    )
    assert Proxy("proxy.test", 1).request("::1", 80) == b"CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"


@pytest.mark.parametrize(("address", "signed"), [(("proxy.test", 3128), True), (("other.test", 3128), False)])
def test_the_request_of_mitmproxys_layers(address: tuple[str, int], signed: bool) -> None:
    """They name the proxy that was found here; one of a mode of mitmproxy's own gets nothing."""
    proxies.use(Proxies(Proxy.parse(WITH_WORD)))
    flow = tflow.tflow(req=tutils.treq(host="upstream.test", port=443))
    flow.server_conn.address = address
    proxies.authorize(flow)
    assert flow.request.headers.get("Proxy-Authorization") == (BASIC if signed else None)


SAID = {
    "Upstream proxy proxy.test:3128 refused HTTP CONNECT request: 403 Forbidden": "refuses to go on: 403 Forbidden",
    "[Errno 111] Connect call failed ('10.0.0.1', 3128)": "can't be reached ([Errno 111]",
    "Certificate verify failed: self-signed certificate": "Certificate verify failed",
}


@pytest.mark.parametrize(("message", "said"), SAID.items())
def test_what_mitmproxys_layers_say(message: str, said: str) -> None:
    assert said in Proxy("proxy.test", 3128).said(message)


# --- calls past the exchanges


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyUpstream]:
    made = FaultyUpstream()
    yield made
    made.close()


@pytest.fixture
def proxy(server: FaultyUpstream) -> ConnectProxy:
    return ConnectProxy(server.url)


def through(proxy: ConnectProxy, user: str = "") -> None:
    proxies.use(Proxies(Proxy.parse(f"http://{user}{proxy.address}")))


def test_a_call_through_a_proxy(server: FaultyUpstream, proxy: ConnectProxy) -> None:
    server.play(whole(b"{}"))
    through(proxy, "user:word@")
    answer = ask("http://tokens.test/token?a=b", "POST", b"x", timeout=5)
    assert (answer.status, answer.data) == (200, b"{}")
    [head] = proxy.heads
    assert head.startswith(b"CONNECT tokens.test:80 HTTP/1.")
    assert b"Proxy-Authorization: Basic dXNlcjp3b3Jk\r\n" in head


ANSWERS = {
    "407": (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "refuses to go on: 407 .*; it wants a user"),
    "403": (b"HTTP/1.1 403 Forbidden\r\n\r\n", "refuses to go on: 403 Forbidden"),
    "nothing": (b"", "can't be reached"),
    "garbage": (b"\0\1\2\r\n\r\n", "can't be reached"),
}


@pytest.mark.parametrize(("answer", "said"), ANSWERS.values(), ids=ANSWERS.keys())
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_does_not_help(proxy: ConnectProxy, answer: bytes, said: str, scheme: str) -> None:
    through(proxy, "user:s3cret@")
    proxy.answer = answer
    with pytest.raises(Unreachable, match=f"^the proxy {proxy.address} {said}") as e:
        ask(f"{scheme}://tokens.test/token", timeout=5)
    assert "s3cret" not in str(e.value)
    assert "Basic" not in str(e.value)


def test_a_proxy_that_is_away(proxy: ConnectProxy) -> None:
    through(proxy)
    proxy.close()
    with pytest.raises(Unreachable, match=f"^the proxy {proxy.address} can't be reached"):
        ask("http://tokens.test/token", timeout=5)


def test_the_time_counts_through_a_proxy_too(server: FaultyUpstream, proxy: ConnectProxy) -> None:
    server.play(STALL)
    through(proxy)
    with pytest.raises(Unreachable, match="no answer in time"):
        ask("http://tokens.test/token", timeout=0.2)
