"""The legacy Completions dialect: `POST /v1/completions`."""

NAMES = ("completions",)
