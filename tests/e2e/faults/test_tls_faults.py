"""The same over TLS, where HTTP is read below another layer; and what can go wrong before there is any HTTP."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from mitmproxy.certs import CertStore

from tests.e2e.conftest import start_gateway
from tests.e2e.faults.conftest import ONE, SETTINGS, TWO, Watched
from tests.e2e.faults.faulty_upstream import (
    KEEP,
    RESET,
    SSE,
    STALL,
    STREAM,
    STREAM_HEAD,
    FaultyUpstream,
    Script,
    chunk,
    endless,
    head,
    whole,
)


class TlsUpstream(FaultyUpstream):
    """With a certificate."""

    def __init__(self, certificate: Path) -> None:
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate)
        self.in_place_of_handshake: Script = ()
        super().__init__()

    def _talk(self, connection: socket.socket) -> None:
        try:
            if self.in_place_of_handshake:
                for step in self.in_place_of_handshake:
                    connection.sendall(step) if isinstance(step, bytes) else step(connection)
                connection.close()
                return
            secured = self._tls.wrap_socket(connection, server_side=True)
        except OSError:
            return
        finally:
            self._connections.discard(connection)
        self.handshaken(secured)
        self._connections.add(secured)
        super()._talk(secured)

    def handshaken(self, secured: ssl.SSLSocket) -> None:
        """A connection is secured."""


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Watched, TlsUpstream]]:
    folder = tmp_path_factory.mktemp("tls")
    CertStore.create_store(folder, "mitmproxy", 2048)
    upstream = TlsUpstream(folder / "mitmproxy-ca.pem")
    settings = SETTINGS.partition('[[accounts]]\nemail = "person"')[0].replace("DEADLINE", "1s").replace("LIFE", "30s")
    settings = settings.replace("UPSTREAM", upstream.url.replace("http:", "https:"))
    watched = Watched(start_gateway(folder, settings, "--set", "ssl_insecure=true"), upstream)
    watched.settle()
    yield watched, upstream
    watched.gateway.stop()
    upstream.close()


ROWS: dict[str, tuple[Script, str]] = {
    "the answer": ([STREAM, KEEP], "[DONE]"),
    "an interim answer": ([head(status="103 Early Hints") + STREAM, KEEP], "[DONE]"),
    "a reset in mid stream": ([STREAM_HEAD + chunk(SSE[0]), RESET], "upstream_broke_off"),
    "an endless head": ([b"HTTP/1.1 200 OK\r\n", endless(b"X: y\r\n")], "upstream_unreachable"),
    "a bad chunk": ([STREAM_HEAD + b"zz\r\n", STALL], "upstream_broke_off"),
    "silence": ([STALL], "upstream_timeout"),
}


@pytest.mark.parametrize(("script", "end"), ROWS.values(), ids=ROWS.keys())
def test_over_tls(secured: tuple[Watched, TlsUpstream], script: Script, end: str) -> None:
    watched, upstream = secured
    upstream.play(*script)
    assert end in watched.gateway.chat(ONE, stream=True).body.decode()
    watched.check()


def test_a_second_account_over_tls(secured: tuple[Watched, TlsUpstream]) -> None:
    watched, upstream = secured
    upstream.play(whole(), KEEP)
    upstream.replies = [[STREAM_HEAD + b"zz\r\n", STALL]]
    assert watched.gateway.chat(TWO).status == 200
    watched.check()


HANDSHAKES: dict[str, tuple[Script, str]] = {
    "closes": ([b""], "upstream_unreachable"),
    "resets": ([RESET], "upstream_unreachable"),
    "speaks plain HTTP": ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "upstream_unreachable"),
    "stalls": ([STALL], "upstream_timeout"),
}


@pytest.mark.parametrize(("script", "code"), HANDSHAKES.values(), ids=HANDSHAKES.keys())
def test_an_upstream_that_in_place_of_a_handshake(
    secured: tuple[Watched, TlsUpstream], script: Script, code: str
) -> None:
    watched, upstream = secured
    upstream.in_place_of_handshake = script
    try:
        for stream in (False, True):
            assert code in watched.gateway.chat(ONE, stream=stream).body.decode()
        watched.check()
    finally:
        upstream.in_place_of_handshake = ()
