"""Where telemetry goes, and as what: what the settings and the environment say of it.

The settings come first; what they leave out is taken from the variables that all programs with OpenTelemetry know
(https://opentelemetry.io/docs/specs/otel/protocol/exporter/). Nothing is sent unless `[telemetry] enabled` is set.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote
from uuid import uuid4

from addons.gateway import __version__
from addons.gateway.settings.settings import Settings, SettingsError, secret
from addons.gateway.settings.urls import can_be_asked
from addons.gateway.telemetry import conventions as names
from addons.gateway.telemetry.conventions import Version

USUAL = "http://localhost:4318"
"""Where collectors listen."""
EVERY = 60.0
"""Seconds between two looks at the metrics."""
_LONGEST_EVERY = 3600.0
_BASE = "OTEL_EXPORTER_OTLP_ENDPOINT"
_SIGNALS = {"traces": "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "metrics": "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"}


@dataclass(frozen=True, slots=True)
class TelemetrySource:
    """See the module."""

    traces: str
    """The URL for spans."""
    metrics: str
    headers: tuple[tuple[str, str], ...]
    """With secrets."""
    resource: tuple[tuple[str, str], ...]
    """Attributes of whatever is sent."""
    contents: bool
    """What was said is told, too."""
    version: Version
    gzip: bool
    every: float
    """Seconds between two looks at the metrics."""

    def __repr__(self) -> str:
        return f"TelemetrySource({self.traces!r}, {self.metrics!r})"


def source_of(settings: Settings, environ: Mapping[str, str]) -> TelemetrySource | None:
    """None: nothing is told. Raises SettingsError."""
    telemetry = settings.telemetry
    if not telemetry.enabled:
        return None
    urls = {signal: _url(telemetry.endpoint, signal, environ) for signal in _SIGNALS}
    headers = dict(_pairs(environ.get("OTEL_EXPORTER_OTLP_HEADERS", "")))
    for name, value in telemetry.headers.items():
        read = secret(value, environ)
        if read is None:
            raise SettingsError(f"telemetry.headers.{name}: there is nothing in it")
        headers[name.lower()] = read
    for name, read in headers.items():
        if not _can_be_sent(name, read):
            raise SettingsError(f"telemetry.headers: {name!r} can't be sent as a header field")
    resource = {
        **dict(_pairs(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))),
        names.SERVICE: telemetry.service_name or environ.get("OTEL_SERVICE_NAME") or "openai-gemini-gateway",
        names.SERVICE_VERSION: __version__,
        names.INSTANCE: _instance(os.getpid()),
    }
    return TelemetrySource(
        urls["traces"],
        urls["metrics"],
        tuple(headers.items()),
        tuple(resource.items()),
        telemetry.contents,
        telemetry.conventions,
        environ.get("OTEL_EXPORTER_OTLP_COMPRESSION", "").strip().lower() == "gzip",
        _every(environ),
    )


@cache
def _instance(pid: int) -> str:
    """The id of this process: workers are forked, and have one each."""
    return f"{uuid4()}"


def _url(endpoint: str | None, signal: str, environ: Mapping[str, str]) -> str:
    """Where a signal goes. Raises SettingsError."""
    own = None if endpoint else environ.get(_SIGNALS[signal])
    base = endpoint or environ.get(_BASE) or USUAL
    url = own or f"{base.rstrip('/')}/v1/{signal}"
    if not can_be_asked(url):  # the settings' own was looked at when they were read
        variable = _SIGNALS[signal] if own else _BASE
        raise SettingsError(f"telemetry.endpoint: {variable} has no URL of a collector, such as {USUAL}")
    return url


def _pairs(text: str) -> list[tuple[str, str]]:
    """`name=value,name=value`, with percent signs as in URLs."""
    pairs = [one.partition("=") for one in text.split(",") if "=" in one]
    return [(name.strip().lower(), unquote(value.strip())) for name, _, value in pairs if name.strip()]


def _can_be_sent(name: str, value: str) -> bool:
    named = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return named and value.isascii() and value.isprintable()


def _every(environ: Mapping[str, str]) -> float:
    """`OTEL_METRIC_EXPORT_INTERVAL` is in milliseconds."""
    text = environ.get("OTEL_METRIC_EXPORT_INTERVAL", "")
    return min(max(int(text) / 1000, 0.1), _LONGEST_EVERY) if text.isdecimal() and len(text) < 20 else EVERY
