"""Opening a connection to an upstream, with mitmproxy's options for TLS and its hooks for server connections.

TLS is that of Python's `ssl`, which encrypts in C what mitmproxy's layers do record by record.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import certifi
from cryptography import x509
from mitmproxy import certs, ctx
from mitmproxy.connection import Client, ConnectionState, Server
from mitmproxy.proxy import server_hooks

from addons.gateway.wire.direct.upstream.connection import UpstreamConnection

HTTP1 = "http/1.1"


async def dial(
    host: str, port: int, secure: bool, client: Client, on_free: Callable[[UpstreamConnection], None]
) -> UpstreamConnection:
    """A new connection; `client` is whose call it is dialled for, which hooks are told. Raises OSError."""
    server = Server(address=(host, port))
    server.tls = secure
    hook_data = server_hooks.ServerConnectionHookData(server=server, client=client)
    addons = ctx.master.addons
    await addons.handle_lifecycle(server_hooks.ServerConnectHook(hook_data))
    try:
        if server.error:
            raise OSError(f"Connection killed: {server.error}")
        return await _connect(server, on_free)
    except (OSError, ValueError, asyncio.CancelledError) as e:  # ValueError: of a host that is none
        server.error = _said(e)
        await addons.handle_lifecycle(server_hooks.ServerConnectErrorHook(hook_data))
        if isinstance(e, asyncio.CancelledError):
            raise
        raise OSError(server.error) from None
    finally:
        if server.state is ConnectionState.OPEN:
            await addons.handle_lifecycle(server_hooks.ServerConnectedHook(hook_data))


async def _connect(server: Server, on_free: Callable[[UpstreamConnection], None]) -> UpstreamConnection:
    assert server.address is not None
    host, port = server.address[:2]
    options: dict[str, Any] = {}
    if server.tls:
        server.sni = host
        server.alpn_offers = [HTTP1.encode()]
        options = {"ssl": tls_context(host), "server_hostname": host}
    server.timestamp_start = time.time()
    transport, connection = await asyncio.get_running_loop().create_connection(
        lambda: UpstreamConnection(server, on_free), host, port, local_addr=server.sockname, **options
    )
    server.state = ConnectionState.OPEN
    server.timestamp_tcp_setup = time.time()
    server.peername = transport.get_extra_info("peername")
    server.sockname = transport.get_extra_info("sockname")
    if (established := transport.get_extra_info("ssl_object")) is not None:
        _describe(server, established)
    return connection


def _said(error: BaseException) -> str:
    """What went wrong, in words that mitmproxy uses, too."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Certificate verify failed: {error.verify_message}"
    return str(error) or "connection cancelled"


def _describe(server: Server, tls: ssl.SSLObject) -> None:
    """What mitmweb shows of a connection, and what is saved."""
    server.timestamp_tls_setup = time.time()
    version: Any = tls.version()
    server.tls_version = version
    cipher = tls.cipher()
    server.cipher = cipher[0] if cipher else None
    alpn = tls.selected_alpn_protocol()
    server.alpn = alpn.encode() if alpn else b""
    unverified: Any = getattr(tls, "get_unverified_chain", None)  # from Python 3.13 on
    chain = unverified() if unverified else [leaf] if (leaf := tls.getpeercert(binary_form=True)) else []
    server.certificate_list = [certs.Cert(x509.load_der_x509_certificate(der)) for der in chain]


def tls_context(host: str) -> ssl.SSLContext:
    """TLS as mitmproxy's options want it towards this host. Raises OSError where they can't be followed."""
    options: Any = ctx.options
    client_certs = os.path.expanduser(options.client_certs) if options.client_certs else ""
    if client_certs and not os.path.isfile(client_certs):
        of_host = Path(client_certs) / f"{host}.pem"
        client_certs = str(of_host) if of_host.is_file() else ""
    return _context(
        insecure=options.ssl_insecure,
        ca_file=options.ssl_verify_upstream_trusted_ca,
        ca_path=options.ssl_verify_upstream_trusted_confdir,
        client_certificate=client_certs,
        lowest=options.tls_version_server_min,
        highest=options.tls_version_server_max,
        ciphers=options.ciphers_server,
        curve=options.tls_ecdh_curve_server,
    )


@lru_cache(16)
def _context(
    *,
    insecure: bool,
    ca_file: str | None,
    ca_path: str | None,
    client_certificate: str,
    lowest: str,
    highest: str,
    ciphers: str | None,
    curve: str | None,
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file is None and ca_path is None:
        ca_file = certifi.where()
    context.load_verify_locations(ca_file, ca_path)
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.options |= ssl.OP_LEGACY_SERVER_CONNECT
    if client_certificate:
        context.load_cert_chain(client_certificate)
        context.post_handshake_auth = True
    context.minimum_version = _VERSIONS.get(lowest, ssl.TLSVersion.MINIMUM_SUPPORTED)
    context.maximum_version = _VERSIONS.get(highest, ssl.TLSVersion.MAXIMUM_SUPPORTED)
    if ciphers:
        context.set_ciphers(ciphers)
    if curve:
        context.set_ecdh_curve(curve)
    context.set_alpn_protocols([HTTP1])
    if keys := os.getenv("MITMPROXY_SSLKEYLOGFILE") or os.getenv("SSLKEYLOGFILE"):
        context.keylog_filename = keys
    return context


_VERSIONS = {
    "TLS1_2": ssl.TLSVersion.TLSv1_2,
    "TLS1_3": ssl.TLSVersion.TLSv1_3,
}
"""mitmproxy's names -> Python's; those of older versions can't be chosen without a warning, and mean no limit."""
