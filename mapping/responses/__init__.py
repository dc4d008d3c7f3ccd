"""The Responses dialect: `POST /v1/responses`."""

NAMES = ("responses", "compact", "input_tokens")
