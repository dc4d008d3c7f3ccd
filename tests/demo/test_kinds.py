"""The demo upstream as Vertex AI and as the Cloud Code API: their paths, what they refuse, and how they answer."""

from __future__ import annotations

from typing import Any

import pytest

from addons.demo import kinds
from addons.demo.models import find
from addons.demo.refusal import Refusal

MODEL = "gemini-3.8-flash"
USER = {"role": "user", "parts": [{"text": "Hello"}]}
BODY = {"contents": [USER]}
FUNCTION = {"functionDeclarations": [{"name": "f"}]}
MIXED = [FUNCTION, {"googleSearch": {}}]
CIRCULATION = {"includeServerSideToolInvocations": True}

PATHS = [
    (f"/v1beta/models/{MODEL}:generateContent", (kinds.PUBLIC, "v1beta", MODEL, "generateContent")),
    (
        f"/v1beta1/projects/p/locations/eu/publishers/google/models/{MODEL}:countTokens",
        (kinds.VERTEX, "v1beta1", MODEL, "countTokens"),
    ),
    (f"/v1/publishers/google/models/{MODEL}:generateContent", (kinds.VERTEX, "v1", MODEL, "generateContent")),
    ("/v1internal:streamGenerateContent", (kinds.CODE_ASSIST, "v1internal", "", "streamGenerateContent")),
    ("/v1internal:embedContent", None),
    (f"/v1beta1/projects/p/models/{MODEL}:generateContent", None),
]


@pytest.mark.parametrize(("path", "expected"), PATHS)
def test_paths(path: str, expected: Any) -> None:
    found = kinds.target(path)
    assert (found and (found.kind, found.version, found.model, found.method)) == expected


def accepts(kind: kinds.DemoKind, method: str, body: Any) -> bool:
    model = find(MODEL)
    assert model
    try:
        request = kind.read(method, body)
        if method != "countTokens":
            kind.check(request, model)
    except Refusal as refused:
        return refused.status != 400
    return True


FORMS = [
    # what the request has, and whether it is taken by: the public API, Vertex AI
    ({}, True, True),
    ({"serviceTier": "flex"}, True, False),
    ({"store": False}, True, False),
    ({"contents": [{"parts": [{"text": "a"}]}]}, True, False),
    ({"contents": [{"role": "user", "parts": [{"fileData": {"fileUri": "https://example.com/a"}}]}]}, True, False),
    ({"tools": MIXED}, False, True),
    ({"tools": MIXED, "toolConfig": CIRCULATION}, True, False),
    ({"contents": [USER, {"role": "model", "parts": [{"toolCall": {}}]}, USER]}, True, False),
    ({"session_id": "s"}, False, False),
]


@pytest.mark.parametrize(("members", "public", "vertex"), FORMS)
def test_what_each_takes(members: dict[str, Any], public: bool, vertex: bool) -> None:
    body = {**BODY, **members}
    assert accepts(kinds.PUBLIC, "generateContent", body) is public
    assert accepts(kinds.VERTEX, "generateContent", body) is vertex
    enveloped = vertex or "session_id" in members
    assert accepts(kinds.CODE_ASSIST, "generateContent", {"model": MODEL, "request": body}) is enveloped
    assert not accepts(kinds.CODE_ASSIST, "generateContent", body)


THOUGHT = {"role": "model", "parts": [{"text": "hm", "thought": True}]}

COUNTS = [
    (BODY, True, True, False),
    ({"generateContentRequest": BODY}, True, False, False),
    ({**BODY, "tools": [FUNCTION], "generationConfig": {}}, False, True, False),
    ({"request": {"model": f"models/{MODEL}", **BODY}}, False, False, True),
    ({"request": {"contents": [USER, THOUGHT]}}, False, False, False),
]


@pytest.mark.parametrize(("body", "public", "vertex", "code_assist"), COUNTS)
def test_what_each_counts(body: Any, public: bool, vertex: bool, code_assist: bool) -> None:
    taken = [accepts(kind, "countTokens", body) for kind in (kinds.PUBLIC, kinds.VERTEX, kinds.CODE_ASSIST)]
    assert taken == [public, vertex, code_assist]


@pytest.mark.parametrize(
    ("body", "model"),
    [({"model": MODEL}, MODEL), ({"request": {"model": f"models/{MODEL}"}}, MODEL), ({}, "None"), (b"x", "")],
)
def test_the_envelope_names_the_model(body: Any, model: str) -> None:
    target = kinds.target("/v1internal:generateContent")
    assert target
    assert target.named(body) == model


def test_answers_are_wrapped() -> None:
    assert kinds.PUBLIC.wrap({"a": 1}) == kinds.VERTEX.wrap({"a": 1}) == {"a": 1}
    wrapped = kinds.CODE_ASSIST.wrap({"a": 1})
    assert wrapped["response"] == {"a": 1}
    assert set(wrapped) == {"response", "traceId", "metadata"}
