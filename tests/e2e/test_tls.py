"""TLS on both sides: whoever offers HTTP/2 gets HTTP/1.1, which is the one that is read with limits."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from mitmproxy.certs import CertStore

from tests.e2e.conftest import TWO_ACCOUNTS, Gateway, start_gateway, wait_until
from tests.e2e.faults.faulty_upstream import KEEP, SSE, STALL, STREAM, STREAM_HEAD, TEXT, Script, chunk, whole
from tests.e2e.faults.test_tls_faults import TlsUpstream
from tests.patience import PATIENCE


class ModernUpstream(TlsUpstream):
    """Prefers HTTP/2, as Google's do, where the other side offers it."""

    def __init__(self, certificate: Path) -> None:
        super().__init__(certificate)
        self._tls.set_alpn_protocols(["h2", "http/1.1"])
        self.protocols: set[str | None] = set()

    def handshaken(self, secured: ssl.SSLSocket) -> None:
        self.protocols.add(secured.selected_alpn_protocol())


@pytest.fixture(scope="module")
def modern(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModernUpstream]:
    folder = tmp_path_factory.mktemp("certificate")
    CertStore.create_store(folder, "mitmproxy", 2048)
    upstream = ModernUpstream(folder / "mitmproxy-ca.pem")
    yield upstream
    upstream.close()


@pytest.fixture(scope="module")
def secured(modern: ModernUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = TWO_ACCOUNTS.replace("UPSTREAM", modern.url.replace("http:", "https:"))
    gateway = start_gateway(tmp_path_factory.mktemp("gateway"), settings, "--set", "ssl_insecure=true")
    yield gateway
    gateway.stop()


@pytest.fixture
def client(secured: Gateway, modern: ModernUpstream) -> Iterator[httpx2.Client]:
    """One that speaks HTTP/2 where it can."""
    modern.protocols.clear()
    address = f"https://127.0.0.1:{secured.port}/v1"
    with httpx2.Client(http2=True, verify=False, base_url=address, timeout=PATIENCE) as client:
        yield client
    assert "crashed" not in secured.log


def ask(client: httpx2.Client, *, stream: bool = False) -> httpx2.Response:
    body = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    return client.post("/chat/completions", json=body)


def test_many_requests_over_one_connection(client: httpx2.Client, modern: ModernUpstream) -> None:
    modern.play(whole(), KEEP)
    answers = [ask(client) for _ in range(12)]
    assert {answer.json()["choices"][0]["message"]["content"] for answer in answers} == {TEXT}
    assert {answer.http_version for answer in answers} == {"HTTP/1.1"}
    assert modern.protocols == {"http/1.1"}


def test_many_requests_at_once(client: httpx2.Client, modern: ModernUpstream) -> None:
    modern.play(STREAM, KEEP)
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: ask(client, stream=True), range(24)))
    assert all(answer.text.endswith("data: [DONE]\n\n") for answer in answers)


OVERLOADED: Script = [whole(b'{"error": {"code": 503, "status": "UNAVAILABLE"}}', status="503 Unavailable"), KEEP]


def test_another_attempt(client: httpx2.Client, modern: ModernUpstream) -> None:
    modern.play(STREAM, KEEP)
    modern.replies = [OVERLOADED]
    assert ask(client, stream=True).text.endswith("data: [DONE]\n\n")
    assert modern.requests == 2


def test_an_error_is_json(client: httpx2.Client) -> None:
    answer = client.post("/chat/completions", content=b"{")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_a_client_that_leaves_in_mid_stream(client: httpx2.Client, modern: ModernUpstream) -> None:
    modern.play(STREAM_HEAD + chunk(SSE[0]), STALL)
    wait_until(lambda: modern.open == 0)
    body = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    with client.stream("POST", "/chat/completions", json=body) as answer:
        assert next(answer.iter_lines()).startswith("data: {")
        assert modern.open == 1
    wait_until(lambda: modern.open == 0)


def test_a_plain_client(secured: Gateway, modern: ModernUpstream) -> None:
    modern.play(whole(), KEEP)
    assert secured.chat("gemini-2.5-flash").text == TEXT
