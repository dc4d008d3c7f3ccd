"""Opening a connection to an upstream, with mitmproxy's options for TLS and its hooks for server connections.

TLS is that of Python's `ssl`, which encrypts in C what mitmproxy's layers do record by record.
"""

from __future__ import annotations

import asyncio
import logging
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
from mitmproxy.utils import asyncio_utils, human

from addons.gateway.accounts.network import proxies
from addons.gateway.wire.direct.upstream.connection import UpstreamConnection
from addons.gateway.wire.direct.upstream.tunnel import Tunnel

logger = logging.getLogger("mitmproxy.proxy.server")
"""mitmproxy's own for such lines; see `banner.quiet_down`."""

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
        connection = await _connect(server, on_free)
    except (OSError, ValueError, asyncio.CancelledError) as e:  # ValueError: of a host that is none
        server.error = said(e)
        _log(client, f"error establishing server connection: {server.error}")
        await addons.handle_lifecycle(server_hooks.ServerConnectErrorHook(hook_data))
        if isinstance(e, asyncio.CancelledError):
            raise
        raise OSError(server.error) from None
    connection.on_closed = lambda: _tell_closed(hook_data)
    where = human.format_address(server.address)
    _log(client, f"server connect {where}")
    try:
        await addons.handle_lifecycle(server_hooks.ServerConnectedHook(hook_data))
    except asyncio.CancelledError:
        connection.abandon()
        raise
    return connection


def _tell_closed(hook_data: server_hooks.ServerConnectionHookData) -> None:
    """The connection is closed."""
    _log(hook_data.client, f"server disconnect {human.format_address(hook_data.server.address)}")
    telling = ctx.master.addons.handle_lifecycle(server_hooks.ServerDisconnectedHook(hook_data))
    asyncio_utils.create_task(telling, name="server disconnected", keep_ref=True)


async def _connect(server: Server, on_free: Callable[[UpstreamConnection], None]) -> UpstreamConnection:
    """Raises OSError, and ValueError for what can't be a host or an option."""
    assert server.address is not None
    host, port = server.address[:2]
    context = None
    server.alpn_offers = [HTTP1.encode()]
    if server.tls:
        server.sni = host
        context = tls_context(host)
    proxy = proxies.find("https" if server.tls else "http", host, port)
    server.timestamp_start = time.time()
    connection = UpstreamConnection(server, on_free)
    if proxy is None:
        transport = await _open(connection, host, port, server)
    else:
        server.via = proxy.via
        tunnel = Tunnel(proxy, host, port)
        try:
            transport = await _open(tunnel, proxy.host, proxy.port, server)
        except OSError as e:
            raise proxy.away(said(e)) from None
    try:
        if proxy is not None:
            await tunnel.opened
            transport.set_protocol(connection)
            connection.connection_made(transport)
        if context is not None:
            loop = asyncio.get_running_loop()
            secured = await loop.start_tls(transport, connection, context, server_hostname=host)
            assert secured is not None
            connection.connection_made(secured)
            _describe(server, secured.get_extra_info("ssl_object"))
    except BaseException:
        transport.abort()
        raise
    server.state = ConnectionState.OPEN
    return connection


async def _open(protocol: asyncio.Protocol, host: str, port: int, server: Server) -> asyncio.Transport:
    """A TCP connection. Raises OSError."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(lambda: protocol, host, port, local_addr=server.sockname)
    server.timestamp_tcp_setup = time.time()
    server.peername = transport.get_extra_info("peername")
    server.sockname = transport.get_extra_info("sockname")
    return transport


def _log(client: Client, message: str) -> None:
    if logger.isEnabledFor(logging.INFO):
        logger.info(message, extra={"client": client.peername})


def said(error: BaseException) -> str:
    """What went wrong, in words that mitmproxy uses, too."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Certificate verify failed: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and (words := _TLS.get(error.reason)):
        return words
    if isinstance(error, UnicodeError):
        return "Its name is none: name or service not known"
    return str(error) or "connection cancelled"


_NO_TLS = "The remote server does not speak TLS."
_TLS = {
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "PACKET_LENGTH_TOO_LONG": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "HTTP_REQUEST": _NO_TLS,
    "TLSV1_ALERT_PROTOCOL_VERSION": (
        "The remote server and mitmproxy cannot agree on a TLS version to use. "
        "You may need to adjust mitmproxy's tls_version_server_min option."
    ),
    "TLSV1_ALERT_UNKNOWN_CA": "tlsv1 alert unknown ca",
    "SSLV3_ALERT_BAD_CERTIFICATE": "sslv3 alert bad certificate",
    "SSL/TLS_ALERT_BAD_CERTIFICATE": "ssl/tls alert bad certificate",
}
"""OpenSSL's reason -> mitmproxy's words."""


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
    elif lowest not in _VERSIONS:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # else OpenSSL speaks no older version
    if curve:
        context.set_ecdh_curve(_CURVES.get(curve, curve))
    context.set_alpn_protocols([HTTP1])
    if keys := os.getenv("MITMPROXY_SSLKEYLOGFILE") or os.getenv("SSLKEYLOGFILE"):
        context.keylog_filename = keys
    return context


_VERSIONS = {
    "TLS1_2": ssl.TLSVersion.TLSv1_2,
    "TLS1_3": ssl.TLSVersion.TLSv1_3,
}
"""mitmproxy's names -> Python's; those of older versions can't be chosen without a warning, and mean no limit."""
_CURVES = {"secp256r1": "prime256v1", "secp192r1": "prime192v1"}
"""mitmproxy's names -> OpenSSL's, where they differ."""
