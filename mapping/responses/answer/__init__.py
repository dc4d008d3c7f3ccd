"""The answer to a Responses request: output items, whole and as events."""
