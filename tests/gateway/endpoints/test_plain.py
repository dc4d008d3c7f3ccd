"""addons.gateway.endpoints.plain: what a call has made, as it is known to be its account's."""

from __future__ import annotations

from addons.gateway.endpoints.plain import PlainJob
from addons.gateway.http.routes import INTERACTIONS
from mapping.values import PlainCall

STREAM = b'data: {"event_type": "interaction.start", "interaction": {"id": "abc"}}\n\n'


def test_what_the_stream_of_a_further_attempt_has_made_is_known() -> None:
    job = PlainJob(PlainCall("POST", "/v1beta/interactions"), "gemini-3.8-flash", INTERACTIONS, streams=True)
    before = job.stream()  # of which nothing came
    job.stream_again(before).feed(STREAM)
    assert job.made == ["interactions/abc"]
