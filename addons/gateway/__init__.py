"""The mitmproxy side of the gateway: who may call, where it goes, on whose account, and what happens when that fails.

Nothing here looks inside a message: that is the business of `mapping`.
Arrows go one way: antigravity -> gateway -> mapping.
"""

__version__ = "0.1"
"""The one place for it; pyproject.toml reads it here."""
