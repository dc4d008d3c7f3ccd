"""mapping.inspect.prompt_tokens: which part of a prompt took how many tokens."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.inspect.prompt_tokens import counts
from mapping.inspect.prompt_tokens.counts import ALONE, WHOLE, WITHOUT, AskedCount
from mapping.inspect.prompt_tokens.parts import HISTORY, LAST, MEDIA, SYSTEM, TOOLS, parts
from mapping.inspect.prompt_tokens.report import COUNTED, ESTIMATED, REST, SHARED, PromptTokens, prompt_tokens
from mapping.inspect.transcript import WIDTH
from mapping.values import JSON

PICTURE = {"inlineData": {"mimeType": "image/png", "data": b64encode(b"x" * 900).decode()}}
SOUND = {"inlineData": {"mimeType": "audio/wav", "data": b64encode(b"x" * 500_000).decode()}}
BODY: JSON = {
    "systemInstruction": {"parts": [{"text": "s" * 400}]},
    "tools": [
        {"functionDeclarations": [{"name": "look", "description": "l" * 200}, {"name": "go"}]}, {"googleSearch": {}},
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
    "generationConfig": {"temperature": 1, "responseSchema": {"type": "OBJECT"}},
    "contents": [
        {"role": "user", "parts": [{"text": "u" * 40}, PICTURE]},
        {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {}}, "thoughtSignature": "z" * 900}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {"a": 1}, "parts": [SOUND]}}]},
        {
            "role": "user",
            "parts": [{"text": "l" * 80}, {"fileData": {"mimeType": "application/pdf", "fileUri": "https://x/y"}}],
        },
    ],
}  # fmt: skip


def made(body: Any = BODY, usage: JSON | None = None, asked: Any = (), limit: int | None = 1000) -> PromptTokens:
    return prompt_tokens(body, usage or {}, asked, id="req_1", title="a title", model="m", limit=limit)


def test_each_part_has_a_section_a_turn_and_a_modality() -> None:
    told = [(part.section, part.name, part.modality, part.turn) for part in parts(BODY)]
    assert told == [
        ("system", "system instruction", "TEXT", 0),
        ("tools", "look", "TEXT", 0),
        ("tools", "go", "TEXT", 0),
        ("tools", "googleSearch", "TEXT", 0),
        ("schema", "of the answer", "TEXT", 0),
        ("media", "[image image/png, 900 B]", "IMAGE", 1),
        ("history", "user", "TEXT", 1),
        ("history", "model · calls look", "TEXT", 2),
        ("media", "[audio audio/wav, 500.0 kB]", "AUDIO", 3),
        ("history", "user · results of look", "TEXT", 3),
        ("media", "[document https://x/y]", "DOCUMENT", 4),
        ("last message", "user", "TEXT", 4),
    ]
    assert {part.name: part.weight for part in parts(BODY)}["model · calls look"] < 30, "signatures are no text"


DETAILS = [{"modality": name, "tokenCount": count} for name, count in (("TEXT", 700), ("IMAGE", 258), ("VIDEO", 42))]


@pytest.mark.parametrize(
    ("usage", "how", "total"),
    [
        ({"promptTokenCount": 1000}, SHARED, 1000),
        ({"promptTokenCount": 1000, "promptTokensDetails": DETAILS}, SHARED, 1000),
        ({"promptTokenCount": 0}, SHARED, 0),
        ({"promptTokenCount": True, "promptTokensDetails": 5}, ESTIMATED, None),
        ({}, ESTIMATED, None),
    ],
)
def test_the_parts_make_the_sum(usage: JSON, how: str, total: int | None) -> None:
    found = made(usage=usage)
    assert found.how == how
    assert found.total == sum(found.sections().values()) == (total if total is not None else found.total)
    assert all(row.tokens >= 0 for row in found.rows)


def test_what_gemini_told_of_a_modality_counts() -> None:
    found = made(usage={"promptTokenCount": 1000, "promptTokensDetails": DETAILS, "cachedContentTokenCount": 30})
    by = {row.name: row.tokens for row in found.rows}
    assert by["[image image/png, 900 B]"] == 258
    assert by["[audio audio/wav, 500.0 kB]"] + by["[document https://x/y]"] == 42
    assert sum(row.tokens for row in found.rows if row.modality == "TEXT") == 700
    assert by["system instruction"] > by["user"]
    assert (found.cached, found.full) == (30, 1.0)
    assert found.plain()["modalities"]["IMAGE"] == 258
    assert any(line.startswith("text 700 · image 258 · audio ") for line in found.lines())


COUNTS = {WHOLE: 2000, WITHOUT[TOOLS]: 1400, WITHOUT[SYSTEM]: 1900, ALONE: 400, WITHOUT[MEDIA]: 1100}


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (COUNTS, {TOOLS: 600, SYSTEM: 100, MEDIA: 900}),
        ({WHOLE: 2000}, {}),
        ({WHOLE: 100, WITHOUT[TOOLS]: 300}, {TOOLS: 0}),
    ],
)
def test_what_was_counted(answers: dict[str, int], said: dict[str, int]) -> None:
    """By differences; nothing is less than none, and the parts make the sum."""
    found = made(usage={"promptTokenCount": 1}, asked=[AskedCount(what, tokens) for what, tokens in answers.items()])
    assert found.how == COUNTED
    assert found.total == answers[WHOLE]
    sections = found.sections()
    assert {name: sections[name] for name in said} == said
    if ALONE in answers:
        media = sum(row.tokens for row in found.rows if row.section == MEDIA and row.turn == 4)
        assert sections[LAST] == 400 - media
        assert sections[HISTORY] > 0


def test_a_count_that_failed_is_told() -> None:
    found = made(usage={"promptTokenCount": 50}, asked=[AskedCount(WHOLE, None, "429 rate_limit: Not now.")])
    assert (found.how, found.total) == (SHARED, 50)
    assert "the whole request: 429 rate_limit: Not now." in found.lines()
    assert found.plain()["asked"] == [{"what": WHOLE, "tokens": None, "error": "429 rate_limit: Not now."}]
    assert counts.answers({"counted": {"answers": found.plain()["asked"]}}) == found.asked
    assert counts.answers({"counted": 5}) == []


def test_an_upstream_that_counts_the_turns_alone_is_seen() -> None:
    asked = [AskedCount(WHOLE, 40), AskedCount(WITHOUT[TOOLS], 40), AskedCount(WITHOUT[SYSTEM], 40)]
    found = made(usage={"promptTokenCount": 500}, asked=asked)
    assert (found.how, found.total) == (SHARED, 500)
    assert "This upstream counts the turns alone, so what it counted is not used." in found.lines()


def test_five_questions_at_most() -> None:
    asked = dict(counts.questions(BODY))
    assert list(asked) == [WHOLE, WITHOUT[TOOLS], WITHOUT[SYSTEM], ALONE, WITHOUT[MEDIA]]
    assert not {"tools", "toolConfig"} & asked[WITHOUT[TOOLS]].keys()
    assert "inlineData" not in json.dumps(asked[WITHOUT[MEDIA]]["contents"][0])
    assert list(dict(counts.questions({"contents": [{"parts": [PICTURE]}]}))) == [WHOLE]


def test_an_explicit_cache_is_a_part() -> None:
    found = made(
        {**BODY, "cachedContent": "cachedContents/1"}, {"promptTokenCount": 900, "cachedContentTokenCount": 600}
    )
    assert found.sections()["explicit cache"] == 600
    assert found.total == 900


def test_for_a_person() -> None:
    many = [{"role": "user", "parts": [{"text": "x" * n}]} for n in range(4, 100)]
    lines = made({"contents": many}, {"promptTokenCount": 1234, "toolUsePromptTokenCount": 7}, limit=None).lines()
    assert "prompt tokens: 1,234 · 7 more by Google's tools · window: unknown" in lines
    assert any("83 smaller ones" in line for line in lines)
    assert all(len(line) <= WIDTH for line in lines)
    assert made(limit=0).full is None
    assert made({"contents": []}, {"promptTokenCount": 9}).sections() == {REST: 9}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from(["contents", "parts", "text", "tools", "inlineData", "functionResponse", "role", "name"]),
            inner, max_size=4,
        ),
        max_leaves=15,
    )
)  # fmt: skip
def test_any_body_has_parts(value: Any) -> None:
    """A request may be edited, and hold anything."""
    body = value if isinstance(value, dict) else {"contents": value, "tools": value, "systemInstruction": value}
    assert made(body, {"promptTokenCount": 10}).total == 10
    assert list(counts.questions(body))
