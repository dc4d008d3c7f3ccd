"""What of mitmproxy and h11 is relied on beyond their documented interfaces, and what depends on it.

The one place that says so. It is checked at the start, before anything else of the gateway is imported:

* `REQUIRED`: limits or credentials depend on it. Where something is not as expected, the gateway refuses to start.
* `OPTIONAL`: what is done better than mitmproxy does it, feature by feature. Where something of a feature is not as
  expected, a line in the log says so, and mitmproxy's own way is taken.

A name is `module:attribute.attribute`; the last one may also be one that instances get, if the class announces it.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from addons.gateway import dependencies

logger = logging.getLogger("antigravity")

TESTED = ("12.2.3", "12.3.1")
"""The versions of mitmproxy that the tests run with: those of constraints-oldest.txt and constraints.txt."""

DISPATCH = "quick dispatch of hooks"
SERVER_REPLAY = "a server replay that lets nothing through and keeps the order of equal requests"
LOOPBACK = "moving the servers to loopback"
SOCKETS = "closing sockets that were given up"
LOG_EVENTS = "log lines that nobody's add_log hook is woken for"
INNER_LOG = "a quiet log of the calls that the gateway makes itself"
DIRECT = "a quicker wire than mitmproxy's layers"
CA_KEY = "reading the key of mitmproxy's certificates without a proof"
WORKERS = "several workers behind one port"
STOPS = "breakpoints whose deadline waits, and which can be killed"
LEFT_OUT = "a start that leaves out what a gateway rarely needs"
PORTS = "saying which option helps when a port is taken"


class Unfit(ImportError):
    """This mitmproxy is none that the gateway can be safe with; the message is for the person who starts it."""


class Need(NamedTuple):
    """Names of one owner, and what they are for."""

    owner: str
    names: tuple[str, ...]
    why: str


def _need(owner: str, names: str, why: str) -> Need:
    return Need(owner, tuple(names.split()), why)


_HTTP = "mitmproxy.proxy.layers.http"

REQUIRED = (
    _need("h11._readers:ChunkedReader", "__call__", "the framing of chunked bodies is bounded, and trailers are read"),
    _need(
        f"{_HTTP}._http1:Http1Connection",
        "body_reader buf state done wait stream_id request ReceiveProtocolError",
        "heads and framing of both sides are bounded",
    ),
    _need(f"{_HTTP}._http1:Http1Server", "send read_headers response", "heads of requests are bounded"),
    _need(f"{_HTTP}._http1:Http1Client", "read_headers", "heads of answers are bounded, interim ones passed over"),
    _need(f"{_HTTP}._base:ReceiveHttp", "event", "protocol errors are told to the stream"),
    _need(
        f"{_HTTP}:HttpLayer",
        "_handle_event make_stream event_to_child get_connection register_connection streams connections "
        "command_sources waiting_for_establishment",
        "requests are the gateway's streams, and given-up connections are not heard again",
    ),
    _need(f"{_HTTP}:HttpClient", "child_layer", "the upstream's HTTP/1 is replaced by the one with limits"),
    _need(
        f"{_HTTP}:HttpStream",
        "state_wait_for_request_headers state_consume_request_body state_wait_for_response_headers "
        "state_consume_response_body state_stream_response_body state_done state_errored send_response flow_done "
        "check_killed handle_protocol_error request_body_buf response_body_buf",
        "credentials are taken off before any hook, and put on the copy that is sent only",
    ),
    _need(f"{_HTTP}:HttpStream", "check_body_size start_request_stream", "bodies are bounded, and never sent through"),
    _need(f"{_HTTP}:RequestHeaders", "replay_flow", "the flow is made, without the client's key, before any hook"),
    _need("mitmproxy.proxy.layer:Layer", "handle_event _paused", "deadlines reach a stream that waits"),
    _need("mitmproxy.proxy.layer:NextLayer", "layer data_client", "the gateway's layer is put in place"),
    _need("mitmproxy.proxy.tunnel:LayerStack", "__truediv__ __getitem__", "the gateway's layer is put below TLS"),
    _need(
        "mitmproxy.proxy.server:ConnectionHandler",
        "server_event handle_hook transports",
        "deadlines are told, and inner calls are ended",
    ),
    _need("mitmproxy.addonmanager:AddonManager", "chain register remove get", "a script that was dropped goes on"),
    _need("mitmproxy.addons.proxyserver:Proxyserver", "connections", "deadlines find the connection of their client"),
    _need("mitmproxy.proxy.server:ConnectionIO", "handler", "the connections of inner calls are ended"),
    _need("mitmproxy.addons.clientplayback:ReplayHandler", "replay handle_hook", "a replay's key is shown to no addon"),
    _need("mitmproxy.net.http.validate:validate_headers", "__call__", "answers that smuggle are refused"),
    _need("mitmproxy.net.http.http1:expected_http_body_size", "__call__", "a body is refused by its announced size"),
)

OPTIONAL: dict[str, tuple[Need, ...]] = {
    DISPATCH: (
        _need(
            "mitmproxy.addonmanager:AddonManager",
            "_iter_hooks trigger_event clear",
            "addons that have something for a hook are found once",
        ),
        _need("mitmproxy.addonmanager:safecall", "__call__", "an addon's error is logged"),
    ),
    SERVER_REPLAY: (
        _need(
            "mitmproxy.addons.serverplayback:ServerPlayback",
            "request flowmap next_flow",
            "recordings are looked at, and put in order of time, before one is taken",
        ),
    ),
    LOOPBACK: (_need("mitmproxy.addons.proxyserver:Servers", "update", "servers are closed, and opened on 127.0.0.1"),),
    SOCKETS: (
        _need("mitmproxy.proxy.server:ConnectionHandler", "transports", "the socket of a connection is found"),
        _need("mitmproxy.proxy.server:ConnectionIO", "writer", "the socket is closed"),
    ),
    INNER_LOG: (_need("mitmproxy.proxy.server:ConnectionHandler", "log", "connections are told at level debug"),),
    DIRECT: (
        _need("mitmproxy.addons.proxyserver:Servers", "changed __iter__", "servers are found when they are started"),
        _need(
            "mitmproxy.proxy.mode_servers:AsyncioServerInstance",
            "_servers handle_stream",
            "their sockets are listened on in mitmproxy's place, and given back what is not served here",
        ),
        _need("mitmproxy.proxy.mode_servers:ServerInstance", "mode", "it is seen which servers are the gateway's"),
        _need("mitmproxy.addonmanager:AddonManager", "handle_lifecycle", "it is seen who listens to a hook"),
    ),
    LOG_EVENTS: (
        _need("mitmproxy.master:Master", "_legacy_log_events", "the handler is taken off where no addon listens"),
    ),
    STOPS: (
        _need(
            "mitmproxy.flow:Flow", "intercept resume kill intercepted wait_for_resume _resume_event", "they are seen"
        ),
        _need("mitmproxy.addons.intercept:Intercept", "should_intercept", "clients' requests are stopped by it, too"),
    ),
    CA_KEY: (_need("mitmproxy.certs:load_pem_private_key", "__call__", "it is read in another way"),),
    WORKERS: (
        _need(
            "mitmproxy.proxy.mode_servers:AsyncioServerInstance", "listen", "connections are taken from the launcher"
        ),
    ),
    LEFT_OUT: (  # scripts/launching: beyond that it is for the versions in TESTED alone
        _need("mitmproxy.addons.onboarding:app", "__call__", "in its place stands one that loads Flask when called"),
        _need("mitmproxy.addons.maplocal:safe_join", "__call__", "in its place stands one that loads Werkzeug, too"),
    ),
    PORTS: (
        _need("mitmproxy.addons.proxyserver:Servers", "changed", "it is told when servers were started"),
        _need("mitmproxy.proxy.mode_servers:ServerInstance", "last_exception mode", "it is seen which one failed"),
    ),
}
"""Feature -> what it needs."""


def check() -> None:
    """Raises Unfit when something required is not as expected; says in the log which features are not there."""
    broken = [*missing(REQUIRED), *_misbehaving()]
    if broken:
        raise Unfit(_refusal(broken))
    for feature in OPTIONAL:
        if lacks := missing(OPTIONAL[feature]):
            logger.warning(f"This mitmproxy ({version()}) has no {', '.join(lacks)}: without {feature}.")


def offers(feature: str) -> bool:
    """Whether all that an optional feature needs is there."""
    return not missing(OPTIONAL[feature])


def missing(needs: Iterable[Need]) -> list[str]:
    """What of the needs is not there, as names that a person can look for."""
    lacking: list[str] = []
    for need in needs:
        owner = _find(need.owner)
        lacking += [
            f"{need.owner}.{name}" if name != "__call__" else need.owner
            for name in need.names
            if owner is None or not _has(owner, name)
        ]
    return lacking


def version() -> str:
    """The version of mitmproxy."""
    return str(getattr(_find("mitmproxy.version"), "VERSION", "of an unknown version"))


def _find(path: str) -> Any:
    module, _, names = path.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except ImportError:
        return None
    for name in filter(None, names.split(".")):
        found = getattr(found, name, None)
    return found


def _has(owner: Any, name: str) -> bool:
    """An attribute, or one that instances get: announced by the class, or by what its constructor does."""
    if hasattr(owner, name):
        return True
    announced = any(name in vars(base).get("__annotations__", {}) for base in getattr(owner, "__mro__", ()))
    code = getattr(getattr(owner, "__init__", None), "__code__", None)
    return announced or (code is not None and name in code.co_names)


def _misbehaving() -> list[str]:
    """What is there by name, but does not do what is relied on. For this a request and an answer are read."""
    tried: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("an Http1Client for each HTTP/1 upstream (wire.layer replaces exactly that type)", _makes_http1_client),
        ("a ChunkedReader in body_reader for a chunked request (wire.http1 replaces exactly that type)", _reads_chunks),
    )
    broken: list[str] = []
    for what, works in tried:
        try:
            if not works():
                broken.append(what)
        except Exception as e:  # whatever it is: it is not as expected
            broken.append(f"{what}: {type(e).__name__}: {e}")
    return broken


def _context() -> Any:
    from mitmproxy import options
    from mitmproxy.connection import Client, ConnectionState
    from mitmproxy.proxy.context import Context

    client = Client(peername=("127.0.0.1", 0), sockname=("127.0.0.1", 0), timestamp_start=0.0)
    made = Context(client, options.Options())
    made.client.state = made.server.state = ConnectionState.OPEN
    return made


def _makes_http1_client() -> bool:
    from mitmproxy.proxy import events
    from mitmproxy.proxy.layers.http import HttpClient
    from mitmproxy.proxy.layers.http._http1 import Http1Client

    layer: Any = HttpClient(_context())
    list(layer.handle_event(events.Start()))
    return type(layer.child_layer) is Http1Client


def _reads_chunks() -> bool:
    from h11._readers import ChunkedReader
    from mitmproxy.proxy import events
    from mitmproxy.proxy.layers.http._http1 import Http1Server

    context = _context()
    server: Any = Http1Server(context)
    list(server.handle_event(events.Start()))
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n"
    list(server.handle_event(events.DataReceived(context.client, head)))
    return type(server.body_reader) is ChunkedReader and len(server.buf) == 0


def _refusal(broken: list[str]) -> str:
    others = [one for one in dependencies.declared() if not one.startswith("mitmproxy")]
    return (
        f"The gateway does not start with this mitmproxy ({version()}): its limits and the care for credentials depend "
        f"on what is not there: {'; '.join(broken)}. It works with {dependencies.of('mitmproxy')}, and is tested with "
        f"{' and '.join(TESTED)}. {dependencies.how_to_get([f'mitmproxy=={TESTED[-1]}', *others])}"
    )
