"""The answer to a Messages request: content blocks, whole and as events."""
