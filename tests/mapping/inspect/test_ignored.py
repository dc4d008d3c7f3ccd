"""Places that don't count: paths with wildcards, and what of a text."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.inspect.compare.ignored import IGNORED, IgnoredPlaces

BODY = {
    "systemInstruction": {"parts": [{"text": "Today is 2026-11-29."}, {"text": "run 7 of 2026-11-28"}]},
    "labels": {"run": "a1", "team": "b"},
    "tools": [{"sessionId": 1}, {"deep": {"sessionId": 2}}],
}


@pytest.mark.parametrize(
    ("pattern", "changed"),
    [
        ("labels.run", {"labels": {"run": IGNORED, "team": "b"}}),
        ("labels.*", {"labels": {"run": IGNORED, "team": IGNORED}}),
        ("labels", {"labels": IGNORED}),
        ("labels.other", {}),
        (
            r"system_instruction.parts[*].text~\d{4}-\d\d-\d\d",
            {"systemInstruction": {"parts": [{"text": f"Today is {IGNORED}."}, {"text": f"run 7 of {IGNORED}"}]}},
        ),
        (
            "systemInstruction.parts[1].text",
            {"systemInstruction": {"parts": [{"text": "Today is 2026-11-29."}, {"text": IGNORED}]}},
        ),
        ("tools[*].sessionId", {"tools": [{"sessionId": IGNORED}, {"deep": {"sessionId": 2}}]}),
        ("**.sessionId", {"tools": [{"sessionId": IGNORED}, {"deep": {"sessionId": IGNORED}}]}),
        ("tools.**.sessionId", {"tools": [{"sessionId": IGNORED}, {"deep": {"sessionId": IGNORED}}]}),
        (r"labels.run~\d", {"labels": {"run": f"a{IGNORED}", "team": "b"}}),
        (
            r"~\w\d\b",
            {"labels": {"run": IGNORED, "team": "b"}, "systemInstruction": {
                "parts": [{"text": f"Today is 20{IGNORED}-{IGNORED}-{IGNORED}."},
                          {"text": f"run 7 of 20{IGNORED}-{IGNORED}-{IGNORED}"}]}},
        ),
    ],
)  # fmt: skip
def test_what_does_not_count(pattern: str, changed: dict[str, Any]) -> None:
    assert IgnoredPlaces([pattern]).within(BODY) == {**BODY, **changed}


def test_a_value_is_not_changed_itself() -> None:
    before = repr(BODY)
    IgnoredPlaces(["**.text", "labels"]).within(BODY)
    assert repr(BODY) == before


@pytest.mark.parametrize("pattern", ["", "a[", "a..b", "a[x]", "a~(", "~", "a~"])
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"names nothing|no path|no regular"):
        IgnoredPlaces([pattern])
