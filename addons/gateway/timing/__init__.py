"""Where the time of an exchange went: its phases as values, as text, and as a small bar."""

from __future__ import annotations

from mitmproxy.contentviews import Contentview

from addons.gateway.views import OnDemand


def _timeline() -> Contentview:
    from addons.gateway.timing.timeline_view import TimelineView

    return TimelineView()


TIMELINE = OnDemand("Timeline", _timeline)
