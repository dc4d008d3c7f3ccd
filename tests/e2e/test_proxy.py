"""Calls through an HTTP proxy: to upstreams, by either wire, and to token servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from mitmproxy import http, io
from mitmproxy.certs import CertStore

from tests.e2e.conftest import Gateway, Starter, wait_until
from tests.e2e.faults.conftest import write_credentials
from tests.e2e.faults.faulty_upstream import KEEP, TEXT, FaultyUpstream, whole
from tests.e2e.faults.test_tls_faults import TlsUpstream
from tests.gateway.accounts.network.connect_proxy import ConnectProxy
from tests.patience import PATIENCE

MODEL = "gemini-2.5-flash"
ACCOUNT = '[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "https://upstream.test"\n'
SECRETS = ("pr0xy-user", "pr0xy-w0rd", "cHIweHktdXNlcjpwcjB4eS13MHJk")
WIRES = pytest.mark.parametrize("wire", ["auto", "layers"])


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsUpstream]:
    folder = tmp_path_factory.mktemp("certificate")
    CertStore.create_store(folder, "mitmproxy", 2048)
    server = TlsUpstream(folder / "mitmproxy-ca.pem")
    yield server
    server.close()


@pytest.fixture
def proxy(secured: TlsUpstream) -> ConnectProxy:
    secured.play(whole(), KEEP)
    return ConnectProxy(secured.url)


def settings_of(proxy: ConnectProxy, accounts: str = ACCOUNT) -> str:
    return (
        f'[upstream]\nproxy = "http://{SECRETS[0]}:{SECRETS[1]}@{proxy.address}"\n[retry]\nmax_attempts = 1\n{accounts}'
    )


def flows(gateway: Gateway) -> list[http.HTTPFlow]:
    with (gateway.folder / "saved.flow").open("rb") as file:
        return [flow for flow in io.FlowReader(file).stream() if isinstance(flow, http.HTTPFlow)]


def check_secrets(gateway: Gateway, *answers: bytes) -> None:
    """User and password of the proxy are nowhere."""
    saved = gateway.folder / "saved.flow"
    for text in (gateway.log.encode(), saved.read_bytes() if saved.exists() else b"", *answers):
        assert not any(secret.encode() in text for secret in SECRETS)


@WIRES
def test_calls_go_through_it(starter: Starter, proxy: ConnectProxy, wire: str) -> None:
    gateway = starter(
        settings_of(proxy), "-w", "saved.flow", "--set", "ssl_insecure=true", "--set", f"antigravity_wire={wire}",
        "--set", "termlog_verbosity=debug", "--set", "flow_detail=3",
    )  # fmt: skip
    for _ in range(3):
        assert gateway.chat(MODEL).text == TEXT
    heads = proxy.heads
    assert len(heads) == (1 if wire == "auto" else 3)
    assert heads[0].startswith(b"CONNECT upstream.test:443 HTTP/1.1\r\nHost: upstream.test:443\r\n")
    assert f"Proxy-Authorization: Basic {SECRETS[2]}".encode() in heads[0]
    status = gateway.call("GET", "/status.json").body
    gateway.stop()
    attempts = [flow for flow in flows(gateway) if "↳" in flow.comment]
    assert len(attempts) == 3
    for attempt in attempts:
        host, _, port = proxy.address.partition(":")
        assert attempt.server_conn.via == ("http", (host, int(port)))
        assert attempt.server_conn.address == ("upstream.test", 443)
        assert attempt.server_conn.tls_version == "TLSv1.3"
        assert attempt.server_conn.certificate_list
        assert attempt.server_conn.sni == "upstream.test"
    check_secrets(gateway, status)


@WIRES
def test_that_of_the_environment(starter: Starter, proxy: ConnectProxy, wire: str) -> None:
    environ = {"HTTPS_PROXY": f"http://{SECRETS[0]}:{SECRETS[1]}@{proxy.address}", "NO_PROXY": "other.test"}
    gateway = starter(
        ACCOUNT, "--set", "ssl_insecure=true", "--set", f"antigravity_wire={wire}", environ=environ,
    )  # fmt: skip
    assert gateway.chat(MODEL).text == TEXT
    assert len(proxy.heads) == 1
    check_secrets(gateway)


ANSWERS = {
    "407": (
        b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        "407 Proxy Authentication Required; it wants a user",
    ),
    "403": (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "refuses to go on: 403 Forbidden."),
    "nothing": (b"", "can't be reached"),
}


@WIRES
def test_one_that_does_not_help_is_named(starter: Starter, proxy: ConnectProxy, wire: str) -> None:
    gateway = starter(settings_of(proxy), "--set", f"antigravity_wire={wire}")
    bodies = []
    for answer, said in ANSWERS.values():
        proxy.answer = answer
        refused = gateway.chat(MODEL)
        assert (refused.status, refused.error["code"]) == (502, "upstream_unreachable")
        assert refused.error["message"].startswith(f"Gemini could not be reached: the proxy {proxy.address} ")
        assert said in refused.error["message"]
        bodies.append(refused.body)
    proxy.close()
    refused = gateway.chat(MODEL)
    assert f"the proxy {proxy.address} can't be reached" in refused.error["message"]
    check_secrets(gateway, *bodies, refused.body)


@WIRES
def test_a_certificate_that_is_not_trusted_is_no_fault_of_the_proxy(
    starter: Starter, proxy: ConnectProxy, wire: str
) -> None:
    gateway = starter(settings_of(proxy), "--set", f"antigravity_wire={wire}")
    message = gateway.chat(MODEL).error["message"]
    assert "TLS failed" in message
    assert "Certificate verify failed: " in gateway.log


def test_this_machine_is_called_without_it(starter: Starter, proxy: ConnectProxy, secured: TlsUpstream) -> None:
    own = ACCOUNT.replace("https://upstream.test", secured.url.replace("http:", "https:"))
    gateway = starter(settings_of(proxy, own), "--set", "ssl_insecure=true")
    assert gateway.chat(MODEL).text == TEXT
    assert not proxy.heads
    wished = starter(settings_of(proxy, own).replace("[retry]", "proxy_loopback = true\n[retry]"),
                     "--set", "ssl_insecure=true")  # fmt: skip
    assert wished.chat(MODEL).text == TEXT
    assert len(proxy.heads) == 1


def test_another_proxy_while_it_runs(starter: Starter, proxy: ConnectProxy, secured: TlsUpstream) -> None:
    """Connections that are open are not used any more."""
    gateway = starter(settings_of(proxy), "--set", "ssl_insecure=true")
    assert gateway.chat(MODEL).text == TEXT
    other = ConnectProxy(secured.url)
    (gateway.folder / "antigravity.toml").write_text(settings_of(other))
    wait_until(lambda: "Settings reloaded" in gateway.log)
    assert gateway.chat(MODEL).text == TEXT
    assert (len(proxy.heads), len(other.heads)) == (1, 1)


def test_tokens_come_through_it(starter: Starter, tmp_path: Path, secured: TlsUpstream) -> None:
    tokens = FaultyUpstream()
    tokens.play(whole(json.dumps({"access_token": "token-1", "expires_in": 3600, "token_type": "Bearer"}).encode()))
    proxy = ConnectProxy(tokens.url)
    write_credentials(tmp_path, tokens)
    file = tmp_path / "person.json"
    file.write_text(file.read_text().replace(tokens.url, "http://tokens.test"))
    secured.play(whole(), KEEP)
    own = secured.url.replace("http:", "https:")
    account = f'[[accounts]]\nemail = "a"\ncredentials = "{file}"\nbase_url = "{own}"\n'
    gateway = starter(settings_of(proxy, account), "--set", "ssl_insecure=true")
    assert gateway.chat(MODEL).text == TEXT
    [head] = proxy.heads
    assert head.startswith(b"CONNECT tokens.test:80 HTTP/1.")
    assert SECRETS[2].encode() in head
    proxy.close()
    tokens.close()


def test_one_that_can_not_be_used_is_told_at_the_start(starter: Starter) -> None:
    settings = f'[upstream]\nproxy = "socks5://{SECRETS[0]}:{SECRETS[1]}@127.0.0.1:1"\n{ACCOUNT}'
    gateway = starter(settings, wait=False)
    assert gateway.process.wait(PATIENCE)
    assert "upstream.proxy: socks5:// is not spoken to proxies, only http://" in gateway.log
    check_secrets(gateway)
