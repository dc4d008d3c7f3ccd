"""Masking: nothing of what was said stays, and everything that a translation needs does."""

from __future__ import annotations

import json
from base64 import b64decode
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.inspect import fillers, masking
from mapping.inspect.fillers import mask_json_text, mask_opaque, mask_text
from mapping.inspect.masking import mask_answer, mask_given
from mapping.inspect.tiny_files import tiny_file
from mapping.request.signatures import DUMMY, decode_call_id, encode_call_id, text_key
from mapping.responses.bodies import ResponsesBodies
from mapping.values import JSON

SHOWN = ResponsesBodies()
mask_request = partial(masking.mask_request, structure=SHOWN.structure)
mask_item = partial(masking.mask_item, structure=SHOWN.structure)

WIRE = Path(__file__).resolve().parents[2] / "data" / "wire"
any_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


# --- texts


@pytest.mark.parametrize(
    ("text", "filler"),
    [
        ("Call Anna at 10:45!", "xxxx xxxx xx 00:00!"),
        ("Zürich", "xßxxxx"),
        ("東京", "語語"),
        ("🙂😡", "🙂🙂"),
        ("٣ ½", "ß ß"),
        ("a\tb\nc\r\n", "x\tx\nx\r\n"),
        ('{"a": [1]}', '{"x": [0]}'),
        ("don\u2019t\u200d", "xxx\u2019x\u200d"),
        ("", ""),
    ],
)
def test_text(text: str, filler: str) -> None:
    assert mask_text(text) == filler


@given(st.text(), st.integers(0, 20))
def test_a_filler_is_as_long_and_can_be_cut_anywhere(text: str, at: int) -> None:
    filler = mask_text(text)
    assert len(filler) == len(text)
    assert [len(c.encode("utf-8", "surrogatepass")) for c in filler] == [
        len(c.encode("utf-8", "surrogatepass")) for c in text
    ]
    assert mask_text(text[:at]) + mask_text(text[at:]) == filler
    assert mask_text(filler) == filler


@pytest.mark.parametrize(
    ("text", "filler"),
    [
        ('{"city": "Rome", "days": 27}', '{"city": "xxxx", "days": 11}'),
        ('[ "a",{"b":-1.5} ]', '[ "x",{"b":-1.1} ]'),
        ('{"a": "x\\u00fc\\n\\ud83d\\ude21\\"b\\""}', '{"a": "x\\u00df\\n\\ud83d\\ude42\\"x\\""}'),
        ('{"a": true, "b": null}', '{"a": true, "b": null}'),
        ('{"a": 10.0}', '{"a": 10.0}'),
        ('{"a": 1e-05, "b": 0.00001}', '{"a": 0.00001, "b": 0.00001}'),
        ('{"Rome', '{"xxxx'),
        ("42", "00"),
        ('"Rome"', '"xxxx"'),
    ],
)
def test_json_as_text(text: str, filler: str) -> None:
    assert mask_json_text(text) == filler


@given(any_json)
def test_json_as_text_is_masked_like_the_value(value: Any) -> None:
    if isinstance(value, dict | list):
        for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
            assert json.loads(mask_json_text(text)) == fillers.mask_free(value)


@given(st.from_regex(r"[A-Za-z0-9+/]{8,40}={0,2}", fullmatch=True))
def test_opaque(text: str) -> None:
    other = mask_opaque(text)
    assert len(other) == len(text)
    assert other == mask_opaque(text)
    assert other != text
    assert [c for c in other if not c.isalnum()] == [c for c in text if not c.isalnum()]


def test_opaque_stays_base64_and_placeholders_stay() -> None:
    for text in ("c2FtcGxl", "c2FtcGxlcw==", "c2FtcGxlLXM="):
        b64decode(mask_opaque(text), validate=True)
    assert mask_opaque(DUMMY) == DUMMY


# --- requests

SIGNATURE = "c2FtcGxlLXRob3VnaHQtc2lnbmF0dXJl"
PNG = "data:image/png;base64,"


def message(**members: Any) -> JSON:
    return {"messages": [{"role": "user", **members}]}


@pytest.mark.parametrize(
    ("request_body", "expected"),
    [
        (
            {"model": "gpt-4o", "temperature": 0.5, "user": "anna"},
            {"model": "gpt-4o", "temperature": 0.5, "user": "xxxx"},
        ),
        (message(name="Anna", content="Hi 5"), message(name="xxxx", content="xx 0")),
        (
            message(role="function", name="f", content='{"a": "b"}'),
            message(role="function", name="f", content='{"a": "x"}'),
        ),
        (message(content=[{"type": "text", "text": "Hi"}]), message(content=[{"type": "text", "text": "xx"}])),
        (
            message(role="tool", tool_call_id="call_1", content=[{"type": "text", "text": '{"a": 7}'}]),
            message(role="tool", tool_call_id="call_1", content=[{"type": "text", "text": '{"a": 1}'}]),
        ),
        (message(content='{"a": 7}'), message(content='{"x": 0}')),
        (
            message(tool_calls=[{"id": "c", "function": {"name": "f", "arguments": '{"who": "Anna"}'}}]),
            message(tool_calls=[{"id": "c", "function": {"name": "f", "arguments": '{"who": "xxxx"}'}}]),
        ),
        (
            message(extra_content={"google": {"thought_signature": SIGNATURE}}),
            message(extra_content={"google": {"thought_signature": mask_opaque(SIGNATURE)}}),
        ),
        (
            message(content=[{"type": "image_url", "image_url": {"url": "https://a.example/me.png", "detail": "low"}}]),
            message(content=[{"type": "image_url", "image_url": {"url": "https://x.xxxxxxx/xx.png", "detail": "low"}}]),
        ),
        ({"file": {"filename": "Tax 2024.pdf"}}, {"file": {"filename": "xxx 0000.pdf"}}),
        (
            {"reasoning": {"effort": "high", "summary": "auto"}, "tool_choice": {"type": "function", "name": "f"}},
            {"reasoning": {"effort": "high", "summary": "auto"}, "tool_choice": {"type": "function", "name": "f"}},
        ),
        (
            {"input": "Hi", "instructions": "No", "metadata": {"for": "Anna"}},
            {"input": "xx", "instructions": "xx", "metadata": {"for": "xxxx"}},
        ),
        (
            {"prompt": ["Once", "upon"], "stop": "END", "suffix": "a"},
            {"prompt": ["xxxx", "xxxx"], "stop": "xxx", "suffix": "x"},
        ),
        (
            {"input": [{"type": "function_call_output", "call_id": "c", "output": '{"a": "b"}'}]},
            {"input": [{"type": "function_call_output", "call_id": "c", "output": '{"a": "x"}'}]},
        ),
        (
            {"input": [{"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "So"}]}]},
            {"input": [{"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "xx"}]}]},
        ),
        ({"brand_new": {"parameter": "of 2030"}}, {"brand_new": {"parameter": "xx 0000"}}),
    ],
)
def test_request(request_body: JSON, expected: JSON) -> None:
    before = json.dumps(request_body)
    assert mask_request(request_body) == expected
    assert json.dumps(request_body) == before


@pytest.mark.parametrize(
    ("member", "kind"),
    [
        ({"image_url": {"url": PNG + "AAAA" * 50}}, "image/png"),
        ({"image_url": PNG + "AAAA"}, "image/png"),
        ({"file_data": "data:application/pdf;base64,AAAA"}, "application/pdf"),
        ({"input_audio": {"data": "AAAA", "format": "wav"}}, "audio/wav"),
        ({"file_data": "AAAA", "filename": "a.pdf"}, "application/pdf"),
        ({"data": "AAAA", "mime_type": "image/gif"}, "image/gif"),
        ({"data": "AAAA", "mime_type": "application/x-unknown"}, "application/x-unknown"),
    ],
)
def test_files_become_tiny_ones_of_their_type(member: JSON, kind: str) -> None:
    text = json.dumps(mask_request(message(content=[member])))
    assert "AAAA" * 3 not in text or kind == "application/x-unknown"
    data = next(part for part in text.replace('"', ",").split(",") if part.endswith("=") or len(part) > 30)
    assert b64decode(data) == tiny_file(kind)


def test_schema() -> None:
    schema = {
        "type": "object",
        "title": "Person",
        "description": "Who it is",
        "properties": {
            "description": {"type": "string", "description": "What", "default": "Anna"},
            "colour": {"enum": ["red", "tan", 5, None]},
            "kind": {"const": "person", "examples": ["Anna"]},
        },
        "required": ["description"],
        "$defs": {"title": {"$ref": "#/$defs/x", "pattern": "^a$"}},
    }
    expected = {
        "type": "object",
        "title": "xxxxxx",
        "description": "xxx xx xx",
        "properties": {
            "description": {"type": "string", "description": "xxxx", "default": "xxxx"},
            "colour": {"enum": ["xxx", "xxx2", 1, None]},
            "kind": {"const": "xxxxxx", "examples": ["xxxx"]},
        },
        "required": ["description"],
        "$defs": {"title": {"$ref": "#/$defs/x", "pattern": "^a$"}},
    }
    tools = [{"type": "function", "function": {"name": "f", "description": "Do", "parameters": schema}}]
    assert mask_request({"tools": tools})["tools"][0]["function"] == {
        "name": "f",
        "description": "xx",
        "parameters": expected,
    }


def test_an_id_that_carries_a_signature() -> None:
    id = encode_call_id("call_1", None, "gemini-3-flash", SIGNATURE)
    masked = mask_request(message(tool_call_id=id))["messages"][0]["tool_call_id"]
    carried = decode_call_id(masked)
    assert carried
    assert carried.nonce_id == "call_1"
    assert carried.signature == mask_opaque(SIGNATURE)


# --- answers


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b'{"text": "Hi\\u00e9"}', b'{"text": "xx\\u00df"}'),
        (b'{ "thoughtSignature" :"skip_thought_signature_validator"}', None),
        (
            b'{"functionCall":{"name":"f","args":{"who":"Anna","n":27}}}',
            b'{"functionCall":{"name":"f","args":{"who":"xxxx","n":11}}}',
        ),
        (
            b'{"functionCall":{"partialArgs":[{"jsonPath":"$.a","stringValue":"An"}]}}',
            b'{"functionCall":{"partialArgs":[{"jsonPath":"$.a","stringValue":"xx"}]}}',
        ),
        (
            b'data: {"text":"a"}\r\n\r\ndata: {"text":\r\ndata: "b"}\r\n\r\n',
            b'data: {"text":"x"}\r\n\r\ndata: {"text":\r\ndata: "x"}\r\n\r\n',
        ),
        (b': life\n\nevent: a\ndata: {"role":"model"}\n\ndata: [DONE]\n\n', None),
        (b'data: {"text":"cut o', b'data: {"text":"xxx x'),
        (b'data: {"text":"cut\n\ndata: {"text":"on"}\n\n', b'data: {"text":"xxx\n\ndata: {"text":"xx"}\n\n'),
        (b'{"error": {"code": 429, "message": "Quota exceeded"}}', None),
        (b'[{"error": {"message": "Quota exceeded"}}]', None),
        (
            b'{"finishReason":"STOP","modelVersion":"gemini-3","responseId":"r","usageMetadata":{"totalTokenCount":99}}',
            None,
        ),
        (
            b'{"groundingChunks":[{"web":{"uri":"https://a.example/b","title":"A"}}]}',
            b'{"groundingChunks":[{"web":{"uri":"https://x.xxxxxxx/x","title":"x"}}]}',
        ),
        (b"not JSON at all", b"xxx xxxx xx xxx"),
        (b'{"text":"\xff\xfe caf\xc3\xa9"}', b'{"text":"\xff\xfe xxx\xc3\x9f"}'),
        (b"", b""),
    ],
)
def test_answer(answer: bytes, expected: bytes | None) -> None:
    assert mask_answer(answer) == (answer if expected is None else expected)


def test_inline_data_in_an_answer() -> None:
    answer = b'{"inlineData":{"mimeType":"image/png","data":"' + b"QUJD" * 100 + b'"}}'
    assert b64decode(json.loads(mask_answer(answer))["inlineData"]["data"]) == tiny_file("image/png")


@pytest.mark.parametrize("path", sorted(WIRE.glob("*.json")) + sorted(WIRE.glob("*.sse")), ids=lambda path: path.name)
def test_recorded_answers_keep_their_shape(path: Path) -> None:
    answer = path.read_bytes()
    masked = mask_answer(answer)
    assert masked.count(b"\n") == answer.count(b"\n")
    if path.suffix == ".json":
        assert shape(json.loads(masked)) == shape(json.loads(answer))


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


# --- what was given


def test_given() -> None:
    parts = [{"text": "Hello", "thoughtSignature": SIGNATURE}]
    turn = {"model": "gemini-3-flash", "parts": parts, "call_ids": []}
    given = {
        "options": {"strict": False},
        "remembered": {text_key("Hello"): turn, "call_1": turn},
        "history": [{"type": "message", "role": "user", "content": "Anna"}],
        "items": {"msg_1": {"id": "msg_1", "role": "user", "content": "Anna"}},
        "unsealed": {"<gw1.abcdef>": {"v": 1, "model": "gemini-3-flash", "text": SIGNATURE, "summary": "Anna"}},
    }
    request = {
        "messages": [{"role": "assistant", "content": "Hello"}],
        "input": [{"type": "reasoning", "encrypted_content": "gw1.abcdef"}],
    }
    masked = mask_given(given, request, lambda text: f"<{text}>", SHOWN.structure, SHOWN.mask_sealed)
    assert masked["options"] == given["options"]
    assert masked["history"] == [mask_item(item) for item in given["history"]]
    assert masked["items"]["msg_1"]["content"] == "xxxx"
    assert set(masked["remembered"]) == {text_key("xxxxx"), "call_1"}
    assert masked["remembered"]["call_1"]["parts"] == [{"text": "xxxxx", "thoughtSignature": mask_opaque(SIGNATURE)}]
    assert masked["unsealed"] == {
        f"<{mask_opaque('gw1.abcdef')}>": {
            "v": 1, "model": "gemini-3-flash", "text": mask_opaque(SIGNATURE), "summary": "xxxx"
        }
    }  # fmt: skip
