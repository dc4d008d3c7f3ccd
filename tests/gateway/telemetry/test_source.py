"""Where telemetry goes, by the settings and the environment."""

from __future__ import annotations

from typing import Any

import pytest

from addons.gateway.settings.settings import Settings, SettingsError, checked
from addons.gateway.telemetry.source import TelemetrySource, source_of


def source(environ: dict[str, str] | None = None, **telemetry: Any) -> TelemetrySource:
    found = source_of(checked({"telemetry": {"enabled": True, **telemetry}}), environ or {})
    assert found is not None
    return found


def test_it_is_off() -> None:
    assert source_of(Settings(), {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:1"}) is None


def test_by_itself() -> None:
    found = source()
    assert (found.traces, found.metrics) == ("http://localhost:4318/v1/traces", "http://localhost:4318/v1/metrics")
    resource = dict(found.resource)
    assert resource["service.name"] == "openai-gemini-gateway"
    assert set(resource) == {"service.name", "service.version", "service.instance.id"}
    assert not found.contents
    assert found.every == 60


def test_the_usual_variables() -> None:
    found = source({
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://c.example/otlp/",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "https://m.example/in",
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b,Other=1",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test,service.name=x",
        "OTEL_SERVICE_NAME": "mine",
        "OTEL_METRIC_EXPORT_INTERVAL": "5000",
    })  # fmt: skip
    assert (found.traces, found.metrics) == ("https://c.example/otlp/v1/traces", "https://m.example/in")
    assert dict(found.headers) == {"api-key": "a b", "other": "1"}
    assert dict(found.resource)["service.name"] == "mine"
    assert dict(found.resource)["deployment.environment.name"] == "test"
    assert found.gzip
    assert found.every == 5


def test_the_settings_come_first() -> None:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://c.example",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://t.example/in",
        "OTEL_SERVICE_NAME": "mine",
        "KEY": "secret-of-the-collector",
    }
    found = source(environ, endpoint="http://own:1", service_name="own", headers={"Authorization": "env:KEY"})
    assert found.traces == "http://own:1/v1/traces"
    assert dict(found.resource)["service.name"] == "own"
    assert dict(found.headers) == {"authorization": "secret-of-the-collector"}
    assert "secret-of-the-collector" not in repr(found)


@pytest.mark.parametrize(
    ("environ", "telemetry", "said"),
    [
        ({}, {"headers": {"x": "env:NOWHERE"}}, "telemetry.headers.x"),
        ({}, {"headers": {"x y": "1"}}, "telemetry.headers"),
        ({"KEY": "a\nb"}, {"headers": {"x": "env:KEY"}}, "telemetry.headers"),
        ({}, {"headers": {"x": "\u00e9"}}, "telemetry.headers"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}, {}, "telemetry.endpoint: OTEL_EXPORTER_OTLP_ENDPOINT has"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[collector"}, {}, "telemetry.endpoint"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:x/"}, {}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT has"),
    ],
)
def test_what_can_not_be(environ: dict[str, str], telemetry: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        source(environ, **telemetry)
