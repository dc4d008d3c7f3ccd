"""A collector of the tests: takes OTLP over HTTP, and reads it with OpenTelemetry's own definitions."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Receiver:
    """What came. `status` is what is answered."""

    status: int = 200
    headers: list[Mapping[str, str]] = field(default_factory=list)
    traces: list[Any] = field(default_factory=list)
    """Requests, read."""
    metrics: list[Any] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        receiver = self
        self._came = threading.Condition()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._take(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def spans(self) -> list[Any]:
        return [
            span
            for request in self.traces
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def latest_metrics(self) -> dict[str, Any]:
        """Of the latest request, by name."""
        return {
            metric.name: metric
            for resource in self.metrics[-1].resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def wait(self, until: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait until something has come."""
        with self._came:
            assert self._came.wait_for(until, seconds), [span.name for span in self.spans]

    def _take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["content-length"]))
        if handler.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        with self._came:
            self.headers.append({name.lower(): value for name, value in handler.headers.items()})
            self.bodies.append(body)
            if self.status == 200:
                kind = ExportTraceServiceRequest if handler.path == "/v1/traces" else ExportMetricsServiceRequest
                came = self.traces if handler.path == "/v1/traces" else self.metrics
                came.append(kind.FromString(body))
            self._came.notify_all()
        handler.send_response(self.status)
        handler.send_header("content-length", "0")
        handler.end_headers()


class Silent:
    """Takes connections, and says nothing."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.taken: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                self.taken.append(self._listener.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self._listener.close()
        for one in self.taken:
            one.close()


def away() -> str:
    """The URL of a collector that is not there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def values(attributes: Any) -> dict[str, Any]:
    """Attributes as Python has them."""
    return {one.key: _value(one.value) for one in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    return getattr(value, kind)


def elapsed(since: float) -> float:
    return time.monotonic() - since
