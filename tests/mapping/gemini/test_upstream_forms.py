"""mapping.gemini.upstream_forms: one request of the public API, and what the other upstreams get of it."""

from __future__ import annotations

import copy
import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.gemini import upstream_forms
from mapping.notes import Notes

MODEL = "gemini-3.8-flash"
USER: dict[str, Any] = {"role": "user", "parts": [{"text": "Weather in Paris?"}]}
CALL: dict[str, Any] = {
    "role": "model",
    "parts": [
        {"text": "Let me look.", "thought": True},
        {"functionCall": {"id": "fc-a1", "name": "get_weather", "args": {"city": "Paris"}}, "thoughtSignature": "c2ln"},
    ],
}
RESULT: dict[str, Any] = {
    "role": "user",
    "parts": [{"functionResponse": {"id": "fc-a1", "name": "get_weather", "response": {"output": "18 C"}}}],
}
SYSTEM = {"parts": [{"text": "Be brief."}]}
TOOLS = [{"functionDeclarations": [{"name": "get_weather"}]}, {"googleSearch": {}}]
CONFIG = {"maxOutputTokens": 100, "thinkingConfig": {"thinkingLevel": "LOW"}}

PUBLIC: dict[str, Any] = {
    "systemInstruction": SYSTEM,
    "contents": [USER, CALL, RESULT],
    "tools": TOOLS,
    "toolConfig": {"includeServerSideToolInvocations": True, "functionCallingConfig": {"mode": "VALIDATED"}},
    "generationConfig": CONFIG,
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
    "serviceTier": "flex",
    "store": False,
}
VERTEX: dict[str, Any] = {
    "systemInstruction": SYSTEM,
    "contents": [USER, CALL, RESULT],
    "tools": TOOLS,
    "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}},
    "generationConfig": CONFIG,
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
}


def test_one_request_three_wire_forms() -> None:
    before = copy.deepcopy(PUBLIC)
    notes = Notes()
    assert upstream_forms.vertex(PUBLIC, notes) == VERTEX
    assert not len(notes)
    session = upstream_forms.session_id(PUBLIC["contents"])
    request = upstream_forms.code_assist(PUBLIC, notes)
    assert request == {**VERTEX, "session_id": session}
    assert list(notes) == [("upstream-refuses", "service_tier")]
    data = json.dumps(request).encode()
    envelope = upstream_forms.code_assist_envelope(data, PUBLIC, model=MODEL, project="my-project")
    assert json.loads(envelope) == {
        "model": MODEL,
        "project": "my-project",
        "user_prompt_id": f"{session}########1",
        "request": request,
    }
    assert before == PUBLIC


def test_values_are_shared() -> None:
    made = upstream_forms.vertex(PUBLIC, Notes())
    assert all(made[name] is PUBLIC[name] for name in ("systemInstruction", "tools", "generationConfig"))
    assert all(ours is theirs for ours, theirs in zip(made["contents"], PUBLIC["contents"], strict=True))


FILE = {"fileUri": "https://example.com/a"}
JPEG = {**FILE, "mimeType": "image/jpeg"}
SEARCHED = {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB"}, "thoughtSignature": "c2ln"}
FOUND = {"toolResponse": {"toolType": "GOOGLE_SEARCH_WEB"}}

CONTENTS = [
    pytest.param([{"parts": [{"text": "a"}]}], [{"role": "user", "parts": [{"text": "a"}]}], id="role"),
    pytest.param(
        [{"role": "user", "parts": [{"fileData": FILE}, {"text": "a"}]}],
        [{"role": "user", "parts": [{"fileData": JPEG}, {"text": "a"}]}],
        id="a file without a type is an image",
    ),
    pytest.param(
        [{"role": "user", "parts": [{"fileData": {"fileUri": "https://www.youtube.com/watch?v=x"}}]}],
        [
            {
                "role": "user",
                "parts": [{"fileData": {"fileUri": "https://www.youtube.com/watch?v=x", "mimeType": "video/mp4"}}],
            }
        ],
        id="a video of YouTube",
    ),
    pytest.param(
        [{"role": "user", "parts": [{"fileData": {"fileUri": "gs://b/a.pdf", "mimeType": "application/pdf"}}]}],
        [{"role": "user", "parts": [{"fileData": {"fileUri": "gs://b/a.pdf", "mimeType": "application/pdf"}}]}],
        id="a type that is told stays",
    ),
    pytest.param(
        [{"role": "user", "parts": [{"functionResponse": {"name": "f", "parts": [{"fileData": FILE}]}}]}],
        [{"role": "user", "parts": [{"functionResponse": {"name": "f", "parts": [{"fileData": JPEG}]}}]}],
        id="a file of a function's response",
    ),
    pytest.param(
        [USER, {"role": "model", "parts": [SEARCHED, FOUND, *CALL["parts"]]}, RESULT],
        [USER, CALL, RESULT],
        id="what Google's tools did",
    ),
    pytest.param([USER, {"role": "model", "parts": [SEARCHED, FOUND]}], [USER], id="nothing left of a turn"),
    pytest.param(
        [{"role": "model", "parts": [{"text": "a", "partMetadata": {"x": 1}}]}],
        [{"role": "model", "parts": [{"text": "a"}]}],
        id="metadata of a part",
    ),
]


@pytest.mark.parametrize(("public", "expected"), CONTENTS)
def test_contents_for_vertex(public: list[Any], expected: list[Any]) -> None:
    before = copy.deepcopy(public)
    notes = Notes()
    assert upstream_forms.vertex({"contents": public}, notes) == {"contents": expected}
    assert public == before
    dropped = any("toolCall" in part for content in public for part in content["parts"])
    assert list(notes) == ([("upstream-refuses", "toolCall")] if dropped else [])


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, {}),
        ({"includeServerSideToolInvocations": True}, {}),
        (
            {"functionCallingConfig": {"mode": "ANY"}},
            {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
        ),
    ],
)
def test_tool_config_for_vertex(config: Any, expected: Any) -> None:
    body = {"contents": [USER]} | ({} if config is None else {"toolConfig": config})
    assert upstream_forms.vertex(body, Notes()) == {"contents": [USER], **expected}


@pytest.mark.parametrize(
    ("tier", "header"), [(None, None), ("standard", None), ("flex", "flex"), ("priority", "priority")]
)
def test_service_tier(tier: str | None, header: str | None) -> None:
    assert upstream_forms.vertex_tier({"serviceTier": tier} if tier else {}) == header


@pytest.mark.parametrize("form", [upstream_forms.vertex, upstream_forms.code_assist])
def test_an_answer_is_continued_where_it_began(form: Any) -> None:
    assert form({"contents": [USER], "continuationToken": "dG9r"}, Notes())["continuationToken"] == "dG9r"


COUNTED = {"generateContentRequest": {"model": f"models/{MODEL}", **PUBLIC}}


def test_count_tokens() -> None:
    notes = Notes()
    assert upstream_forms.vertex_count(COUNTED, notes) == {
        "systemInstruction": SYSTEM,
        "contents": [USER, CALL, RESULT],
        "tools": TOOLS,
        "generationConfig": CONFIG,
    }
    assert not len(notes)
    assert upstream_forms.code_assist_count(COUNTED, notes) == {
        "request": {
            "model": f"models/{MODEL}",
            "contents": [{"role": "user", **SYSTEM}, USER, {"role": "model", "parts": CALL["parts"][1:]}, RESULT],
        }
    }
    assert list(notes) == [("upstream-refuses", "tools")]


def test_a_turn_of_thoughts_is_not_counted() -> None:
    thoughts = {"role": "model", "parts": [{"text": "hm", "thought": True}]}
    body = {"generateContentRequest": {"model": "models/m", "contents": [USER, thoughts]}}
    assert upstream_forms.code_assist_count(body, Notes()) == {"request": {"model": "models/m", "contents": [USER]}}


def test_the_session_is_the_conversation() -> None:
    session = upstream_forms.session_id([USER])
    assert str(uuid.UUID(session)) == session
    assert upstream_forms.session_id([USER, CALL, RESULT, USER]) == session
    assert upstream_forms.session_id([{"role": "user", "parts": [{"text": "Another."}]}]) != session


def prompt_id(*contents: Any) -> str:
    body = {"contents": list(contents)}
    envelope: dict[str, Any] = json.loads(upstream_forms.code_assist_envelope(b"{}", body, model=MODEL, project=None))
    assert set(envelope) == {"model", "user_prompt_id", "request"}
    return str(envelope["user_prompt_id"])


def test_prompts_are_counted_and_results_are_none() -> None:
    assert prompt_id(USER, CALL, RESULT).endswith("########1")
    assert prompt_id(USER, CALL, RESULT, {"role": "model", "parts": [{"text": "x"}]}, USER).endswith("########2")


PARTS = st.fixed_dictionaries(
    {},
    optional={
        "text": st.text(max_size=5),
        "thought": st.booleans(),
        "fileData": st.just(FILE),
        "toolCall": st.just({}),
        "toolResponse": st.just({}),
        "partMetadata": st.just({}),
        "functionResponse": st.just({"name": "f", "response": {}}),
    },
)
CONTENT = st.fixed_dictionaries(
    {"parts": st.lists(PARTS, max_size=4)}, optional={"role": st.sampled_from(["user", "model"])}
)


@given(st.lists(CONTENT, max_size=4))
def test_whatever_the_turns_are(contents: list[Any]) -> None:
    before = copy.deepcopy(contents)
    made = upstream_forms.vertex({"contents": contents}, Notes())["contents"]
    request = {"generateContentRequest": {"model": "models/m", "contents": contents}}
    counted = upstream_forms.code_assist_count(request, Notes())["request"]["contents"]
    assert contents == before
    for content in made + counted:
        assert content["role"] in ("user", "model")
        assert content["parts"]
        for part in content["parts"]:
            assert part.keys().isdisjoint(("toolCall", "toolResponse", "partMetadata"))
            assert part.get("fileData", JPEG) == JPEG
    assert not any(part.get("thought") for content in counted for part in content["parts"])
