"""URLs in the settings and in the environment: with which of them one can connect."""

from __future__ import annotations

import re
from urllib.parse import urlsplit


def can_be_asked(url: str) -> bool:
    """Whether a URL has a scheme, a host and a port with which one can connect."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets without an IPv6 address, a port beyond 65535
        return False


def base_url(url: str) -> str:
    """A URL that paths are added to. Raises ValueError for what is none."""
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", url) or not can_be_asked(url):
        raise ValueError('a URL such as "http://localhost:4318" is expected')
    return url
