"""OpenTelemetry: what happened, told to a collector: spans and metrics of exchanges, by OTLP over HTTP."""
