"""addons.gateway.pages.endpoint: the beginning of an id stands for it."""

from __future__ import annotations

import pytest

from addons.gateway.pages.endpoint import whole

KNOWN = ["req_2f8a11", "req_2f8a22", "req_77c133"]


@pytest.mark.parametrize(
    ("id", "found"),
    [
        ("req_77", "req_77c133"),
        ("req_77c1.html", "req_77c133.html"),
        ("req_2f8a2", "req_2f8a22"),
        ("req_2f8a", "req_2f8a"),
        ("req_2f8a11", "req_2f8a11"),
        ("req_9", "req_9"),
        ("req_7", "req_7"),
        ("", ""),
    ],
)
def test_the_beginning_of_an_id(id: str, found: str) -> None:
    assert whole(id, [*KNOWN, *KNOWN]) == found
