"""mapping.inspect.bodies: which dialect shows a body, and what is shown where none says how."""

from __future__ import annotations

from typing import Any

import pytest

from mapping import dialects
from mapping.chat.bodies import ChatBodies
from mapping.completions.bodies import CompletionsBodies
from mapping.inspect.bodies import Bodies
from mapping.inspect.transcript import Transcript
from mapping.responses.bodies import ResponsesBodies

CHUNK = {"choices": [{"index": 0, "delta": {"content": "Hi"}}]}

CHOSEN = [
    # the dialect of the path, the body, whose way of showing it is taken
    ("chat", {"messages": []}, ChatBodies),
    ("chat", {"model": "m"}, ChatBodies),
    ("chat", {"input": "Hi"}, ResponsesBodies),
    ("chat", {"error": {"message": "no"}}, ChatBodies),
    ("responses", {"messages": []}, ChatBodies),
    ("responses", {"error": {"message": "no"}}, ResponsesBodies),
    ("responses", {"object": "list", "data": []}, ResponsesBodies),
    ("completions", {"choices": [{"text": "Hi"}]}, CompletionsBodies),
    ("compact", {"object": "response.compaction", "output": []}, ResponsesBodies),
    ("", {"prompt": "Once"}, CompletionsBodies),
    ("", CHUNK, ChatBodies),
    ("", {"type": "response.created", "response": {}}, ResponsesBodies),
    ("", {"unknown": 1}, Bodies),
    ("", b"no JSON", Bodies),
]


@pytest.mark.parametrize(("name", "value", "chosen"), CHOSEN)
def test_who_shows_it(name: str, value: Any, chosen: type[Bodies]) -> None:
    assert type(dialects.bodies(name, value)) is chosen


def test_a_dialect_that_says_nothing_of_it() -> None:
    shown, out = Bodies(), Transcript()
    shown.show(out, {"say": "Hello", "data": {"a": [1]}, "none": None})
    events = [{"type": "piece", "text": "Hi"}, b"no JSON"]
    shown.show_stream(out, events)
    out.timeline(map(shown.described, events))
    assert out.render().splitlines() == [
        "say: Hello",
        'data: {"a":[1]}',
        '{"type":"piece","text":"Hi"}',
        "no JSON",
        "\N{NO-BREAK SPACE}",
        "── events ──",
        "          1  piece, 28 characters",
        "          2  event, 7 characters",
    ]
