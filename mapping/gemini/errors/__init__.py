"""Errors of the upstream: read, judged by a table, and told."""
