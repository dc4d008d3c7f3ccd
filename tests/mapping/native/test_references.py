"""mapping.native.references: what bodies name that belongs to one account."""

from __future__ import annotations

import pytest

from mapping.native import references


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"contents": []}', []),
        (b'{"fileData": {"fileUri": "https://h/v1beta/files/a-1"}}', ["files/a-1"]),
        (b'{"file_data": {"file_uri": "files/a"}, "x": "files/a"}', ["files/a"]),
        (b'{"cachedContent": "cachedContents/c", "uri": "https://h/v1beta/files/b"}', ["cachedContents/c", "files/b"]),
        (b'{"text": "see files/a and more"}', []),
        (b'{"previous_interaction_id": "v1_x"}', ["interactions/v1_x"]),
        (b'{"previousInteractionId":"v1_x"}', ["interactions/v1_x"]),
        (b'{"uri": "https://h/files/' + b"x" * 300 + b'"}', []),
    ],
)
def test_within(body: bytes, names: list[str]) -> None:
    assert references.within(body) == names


@pytest.mark.parametrize(
    ("kind", "answer", "names"),
    [
        ("files", b'{"file": {"name": "files/a"}}', ["files/a"]),
        ("files", b"{}", []),
        ("cachedContents", b'{"name": "cachedContents/c"}', ["cachedContents/c"]),
        ("interactions", b'{"id": "v1_x", "name": "odd"}', ["interactions/v1_x"]),
        ("files", b"no JSON", []),
        ("files", b"[1]", []),
        ("files", b'{"name": 7}', []),
    ],
)
def test_made(kind: str, answer: bytes, names: list[str]) -> None:
    assert references.made(kind, answer) == names


@pytest.mark.parametrize(
    ("stream", "names"),
    [
        (b'event: a\ndata: {"interaction": {"usage": {"a": 1}, "id": "v1_x"}}\n\n', ["interactions/v1_x"]),
        (b'data: odd\n\ndata: {"interaction": {"id": "v1_x"}}\n\ndata: {"interaction"', ["interactions/v1_x"]),
        (b'data: {"interaction": {"id": "v1_x"}}', []),
        (b'data: {"interaction": 7}\n\n', []),
        (b"", []),
    ],
)
def test_made_by_a_stream(stream: bytes, names: list[str]) -> None:
    assert references.made_by("interactions", stream) == names
