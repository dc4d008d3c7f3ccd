"""addons.gateway.wire.direct.upstream.dial: mitmproxy's options for TLS, and what is told of connections."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.addons.tlsconfig import TlsConfig
from mitmproxy.certs import CertStore
from mitmproxy.connection import Client, ConnectionState
from mitmproxy.test import taddons
from OpenSSL import crypto

from addons.gateway.wire.direct.upstream.connection import UpstreamConnection
from addons.gateway.wire.direct.upstream.dial import dial, said, tls_context
from tests.e2e.conftest import free_port, wait_until
from tests.e2e.faults.faulty_upstream import FaultyUpstream
from tests.e2e.faults.test_tls_faults import TlsUpstream

CLIENT = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With an authority, and a certificate of it for localhost with its key."""
    path = tmp_path_factory.mktemp("certificates")
    CertStore.create_store(path, "mitmproxy", 2048)
    store = CertStore.from_store(path, "mitmproxy", 2048, None)
    entry = store.get_cert("localhost", [x509.DNSName("localhost")])
    key = entry.privatekey.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (path / "localhost.pem").write_bytes(key + entry.cert.to_pem())
    (path / "client.pem").write_bytes(a_certificate())
    return path


def a_certificate() -> bytes:
    """A key, and a certificate that says nothing of what it is for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1))
        .not_valid_after(datetime(2100, 1, 1))
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return secret + made.public_bytes(serialization.Encoding.PEM)


class Clients(TlsUpstream):
    """Notes the certificates of its clients."""

    def __init__(self, certificate: Path, authority: Path) -> None:
        super().__init__(certificate)
        self._tls.verify_mode = ssl.CERT_OPTIONAL
        self._tls.load_verify_locations(authority)
        self.known: list[bool] = []

    def handshaken(self, secured: ssl.SSLSocket) -> None:
        self.known.append(bool(secured.getpeercert()))


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Clients]:
    made = Clients(folder / "localhost.pem", folder / "client.pem")
    yield made
    made.close()


class Watch:
    """Notes the hooks for connections to servers."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.kills = False

    def server_connect(self, data: Any) -> None:
        self.seen.append("connect")
        if self.kills:
            data.server.error = "not wanted"

    def server_connected(self, data: Any) -> None:
        assert data.server.state is ConnectionState.OPEN
        self.seen.append("connected")

    def server_connect_error(self, data: Any) -> None:
        self.seen.append(f"error: {data.server.error}")

    def server_disconnected(self, data: Any) -> None:
        assert data.server.timestamp_end
        self.seen.append("disconnected")


def run[T](test: Callable[[Watch], Awaitable[T]], **options: Any) -> T:
    async def inside() -> T:
        watch = Watch()
        with taddons.context(Proxyserver(), TlsConfig(), watch) as context:
            context.options.update(**options)
            return await test(watch)

    return asyncio.run(inside())


def port_of(server: FaultyUpstream) -> int:
    return int(server.url.rpartition(":")[2])


async def dialled(server: FaultyUpstream, host: str = "localhost", *, secure: bool = True) -> UpstreamConnection:
    return await dial(host, port_of(server), secure, CLIENT, lambda _: None)


async def until(condition: Callable[[], bool]) -> None:
    """Look until something is so."""
    await asyncio.to_thread(wait_until, condition)


TRUST = "ssl_verify_upstream_trusted_ca"


def test_what_is_known_of_a_connection(server: Clients, folder: Path) -> None:
    async def test(watch: Watch) -> None:
        connection = await dialled(server)
        shown = connection.server
        assert shown.tls_version == "TLSv1.3"
        assert shown.cipher
        assert shown.sni == "localhost"
        assert list(shown.alpn_offers) == [b"http/1.1"]
        assert shown.certificate_list[0].altnames
        assert shown.peername == ("127.0.0.1", port_of(server))
        assert shown.sockname
        assert shown.timestamp_start
        assert shown.timestamp_tcp_setup
        assert shown.timestamp_tls_setup
        assert shown.timestamp_start <= shown.timestamp_tcp_setup <= shown.timestamp_tls_setup
        assert watch.seen == ["connect", "connected"]
        connection.abandon()
        await until(lambda: len(watch.seen) == 3)
        assert watch.seen[2] == "disconnected"
        assert shown.state is ConnectionState.CLOSED

    run(test, **{TRUST: str(folder / "mitmproxy-ca-cert.pem")})


def test_without_tls() -> None:
    server = FaultyUpstream()

    async def test(_: Watch) -> None:
        shown = (await dialled(server, secure=False)).server
        assert (shown.tls, shown.tls_version, shown.certificate_list, shown.sni) == (False, None, (), None)
        assert list(shown.alpn_offers) == [b"http/1.1"]

    run(test)
    server.close()


@pytest.mark.parametrize("options", [{"ssl_insecure": True}, {TRUST: "mitmproxy-ca-cert.pem"}])
def test_certificates_that_are_taken(server: Clients, folder: Path, options: dict[str, Any]) -> None:
    async def test(_: Watch) -> bool:
        return (await dialled(server)).usable

    found = {name: str(folder / value) if isinstance(value, str) else value for name, value in options.items()}
    assert run(test, **found)


def test_by_a_folder_of_authorities(server: Clients, folder: Path, tmp_path: Path) -> None:
    """Named as `openssl rehash` names them."""
    pem = (folder / "mitmproxy-ca-cert.pem").read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # nothing else has this hash
        name = crypto.load_certificate(crypto.FILETYPE_PEM, pem).get_subject().hash()
    (tmp_path / f"{name:08x}.0").write_bytes(pem)

    async def test(_: Watch) -> bool:
        return (await dialled(server)).usable

    assert run(test, ssl_verify_upstream_trusted_confdir=str(tmp_path))


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "an authority that is not known": ("localhost", {}, "Certificate verify failed: "),
    "another name": ("127.0.0.1", {TRUST: "mitmproxy-ca-cert.pem"}, "Certificate verify failed: "),
    "a version that is too old": (
        "localhost", {"ssl_insecure": True, "tls_version_server_max": "TLS1_2", "ciphers_server": "AES128-SHA256"}, "",
    ),
    "no such file of authorities": ("localhost", {TRUST: "none.pem"}, "No such file"),
}  # fmt: skip


@pytest.mark.parametrize("row", REFUSED, ids=str)
def test_what_is_refused(server: Clients, folder: Path, row: str) -> None:
    host, options, words = REFUSED[row]

    async def test(watch: Watch) -> None:
        if row == "a version that is too old":
            server._tls.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            with pytest.raises(OSError) as e:
                await dialled(server, host)
        finally:
            server._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        assert words in str(e.value)
        assert watch.seen == ["connect", f"error: {e.value}"]

    found = {name: str(folder / value) if name == TRUST else value for name, value in options.items()}
    run(test, **found)


def test_client_certificates(server: Clients, folder: Path, tmp_path: Path) -> None:
    """One for all, or one for each host."""
    of_host = tmp_path / "localhost.pem"
    of_host.write_bytes((folder / "client.pem").read_bytes())
    for option, known in (("", False), (str(of_host), True), (str(tmp_path), True)):

        async def test(_: Watch) -> None:
            server.known.clear()
            connection = await dialled(server)
            await until(lambda: bool(server.known))
            connection.abandon()

        run(test, ssl_insecure=True, client_certs=option or None)
        assert server.known == [known]


def test_other_faults() -> None:
    plain = FaultyUpstream()
    plain.play(b"x")

    async def test(watch: Watch) -> None:
        for host, port, words in (
            ("127.0.0.1", free_port(), "Connect call failed"),
            ("name.invalid", 443, ""),
            ("." * 5, 443, "name or service not known"),
        ):
            with pytest.raises(OSError) as e:
                await dial(host, port, True, CLIENT, lambda _: None)
            assert words in str(e.value)
        assert [event.partition(":")[0] for event in watch.seen] == ["connect", "error"] * 3
        watch.seen.clear()
        watch.kills = True
        with pytest.raises(OSError, match="Connection killed: not wanted"):
            await dialled(plain)
        assert watch.seen == ["connect", "error: Connection killed: not wanted"]

    run(test)
    plain.close()


def test_an_attempt_that_is_given_up() -> None:
    """While TLS is agreed upon: nothing is left open."""
    silent = FaultyUpstream()  # it waits for a request in plain HTTP

    async def test(watch: Watch) -> None:
        dialling = asyncio.ensure_future(dialled(silent))
        await until(lambda: silent.open == 1)
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        assert watch.seen == ["connect", "error: connection cancelled"]
        await until(lambda: silent.open == 0)

    run(test)
    silent.close()


class Reasoned(ssl.SSLError):
    """As OpenSSL raises them."""

    def __init__(self, reason: str) -> None:
        super().__init__(1, f"[SSL: {reason}]")
        self.reason = reason


SAID = {
    "WRONG_VERSION_NUMBER": "does not speak TLS",
    "RECORD_LAYER_FAILURE": "does not speak TLS",
    "TLSV1_ALERT_PROTOCOL_VERSION": "tls_version_server_min",
    "TLSV1_ALERT_UNKNOWN_CA": "tlsv1 alert unknown ca",
    "SOMETHING_ELSE": "[SSL: SOMETHING_ELSE]",
}


@pytest.mark.parametrize(("reason", "words"), SAID.items())
def test_words(reason: str, words: str) -> None:
    assert words in said(Reasoned(reason))


CONTEXTS: dict[str, tuple[dict[str, Any], Callable[[ssl.SSLContext], bool]]] = {
    "by default": ({}, lambda c: c.verify_mode is ssl.CERT_REQUIRED and c.check_hostname
                   and c.minimum_version is ssl.TLSVersion.TLSv1_2),
    "insecure": ({"ssl_insecure": True}, lambda c: c.verify_mode is ssl.CERT_NONE and not c.check_hostname),
    "a lowest version": ({"tls_version_server_min": "TLS1_3"}, lambda c: c.minimum_version is ssl.TLSVersion.TLSv1_3),
    "a highest version": ({"tls_version_server_max": "TLS1_2"}, lambda c: c.maximum_version is ssl.TLSVersion.TLSv1_2),
    "an old version": ({"tls_version_server_min": "TLS1"},
                       lambda c: c.minimum_version is ssl.TLSVersion.MINIMUM_SUPPORTED),
    "ciphers": ({"ciphers_server": "ECDHE-RSA-AES128-GCM-SHA256", "tls_version_server_max": "TLS1_2"},
                lambda c: "ECDHE-RSA-AES128-GCM-SHA256" in [cipher["name"] for cipher in c.get_ciphers()]
                and "AES256-SHA" not in [cipher["name"] for cipher in c.get_ciphers()]),
    "a curve": ({"tls_ecdh_curve_server": "secp256r1"}, lambda c: True),
}  # fmt: skip


@pytest.mark.parametrize(("options", "holds"), CONTEXTS.values(), ids=CONTEXTS.keys())
def test_options(options: dict[str, Any], holds: Callable[[ssl.SSLContext], bool]) -> None:
    async def test(_: Watch) -> None:
        context = tls_context("upstream.test")
        assert holds(context)
        assert tls_context("upstream.test") is context

    run(test, **options)
