"""The running gateway of the end-to-end tests."""

from __future__ import annotations

from tests.e2e.conftest import shared_gateway, upstream

__all__ = ["shared_gateway", "upstream"]
