"""Chat messages: roles, content parts, the shapes in which clients send earlier answers back, and the errors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.faults import Fault
from mapping.gemini.models import model_info
from mapping.notes import Notes
from mapping.openai.chat_shape.messages import WORDING, MessageReader
from mapping.request.conversation.contents import Contents
from mapping.request.signatures import DUMMY
from mapping.values import Options, nothing_remembered

G2 = "gemini-2.5-flash"
G3 = "gemini-3.1-pro-preview"
PNG = "data:image/png;base64,iVBORw0KGgo="
INLINE_PNG = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}


class Read:
    def __init__(self, messages: Any, model: str = G2, **options: Any) -> None:
        self.notes = Notes()
        info = model_info(model)
        settings = Options(**options)
        conversation = Contents(info, options=settings, recall=nothing_remembered, notes=self.notes, wording=WORDING)
        reader = MessageReader(conversation, lambda name: f"g_{name}", options=settings, notes=self.notes)
        reader.read(messages)
        self.resolutions = reader.resolutions
        self.system, self.contents = conversation.build()

    @property
    def codes(self) -> set[str]:
        return {code for code, _ in self.notes}


def tool_call(id: str = "1", name: str = "f", arguments: Any = "{}", **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def called(args: dict[str, Any], name: str = "g_f") -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": args}}


def answered(output: str, name: str = "g_f") -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": {"output": output}}}


# what the user sends


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        pytest.param("hi", [{"text": "hi"}], id="string"),
        pytest.param([{"type": "text", "text": "hi"}], [{"text": "hi"}], id="text part"),
        pytest.param(
            [{"type": "text", "text": "a"}, {"type": "text", "text": ""}, {"type": "text", "text": "b"}],
            [{"text": "a"}, {"text": "b"}],
            id="empty text part",
        ),
        pytest.param(
            [{"type": "text", "text": "a", "prompt_cache_breakpoint": True}], [{"text": "a"}], id="cache breakpoint"
        ),
        pytest.param([{"type": "image_url", "image_url": {"url": PNG}}], [INLINE_PNG], id="image"),
        pytest.param(
            [{"type": "image_url", "image_url": {"url": PNG, "detail": None}}], [INLINE_PNG], id="null detail"
        ),
        pytest.param(
            [{"type": "image_url", "image_url": {"url": PNG, "detail": "auto"}}], [INLINE_PNG], id="auto detail"
        ),
        pytest.param([{"type": "image_url", "image_url": PNG}], [INLINE_PNG], id="image as a string"),
        pytest.param(
            [{"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}],
            [{"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}}],
            id="audio",
        ),
        pytest.param(
            [{"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg==", "filename": "a.pdf"}}],
            [{"inlineData": {"mimeType": "application/pdf", "data": "JVBERg=="}}],
            id="file",
        ),
        pytest.param([{"type": "refusal", "refusal": "no"}], [{"text": "no"}], id="refusal"),
    ],
)
def test_user_content(content: Any, parts: list[Any]) -> None:
    read = Read([{"role": "user", "content": content, "name": "bob"}])
    assert read.contents == [{"role": "user", "parts": parts}]
    assert read.codes == set()


YOUTUBE = "https://www.youtube.com/watch?v=abc"


@pytest.mark.parametrize(
    ("part", "uri"),
    [
        pytest.param({"type": "video_url", "video_url": {"url": YOUTUBE}}, YOUTUBE, id="video"),
        pytest.param({"type": "video_url", "video_url": "gs://b/a.mp4"}, "gs://b/a.mp4", id="video as a string"),
        pytest.param({"type": "image_url", "image_url": {"url": YOUTUBE}}, YOUTUBE, id="YouTube as an image"),
    ],
)
def test_links(part: Any, uri: str) -> None:
    (sent,) = Read([{"role": "user", "content": [part]}]).contents[0]["parts"]
    assert sent["fileData"]["fileUri"] == uri


def test_detail_is_a_matter_of_the_part_from_gemini_3_on() -> None:
    messages = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}]}]
    read = Read(messages, G3)
    assert read.contents[0]["parts"] == [{**INLINE_PNG, "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}}]
    assert read.resolutions == []
    read = Read(messages, G2)
    assert read.contents[0]["parts"] == [INLINE_PNG]
    assert read.resolutions == ["MEDIA_RESOLUTION_LOW"]


@pytest.mark.parametrize("role", ["system", "developer"])
def test_system_messages(role: str) -> None:
    content = [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]
    read = Read([{"role": role, "content": "a"}, {"role": role, "content": content}, {"role": "user", "content": "u"}])
    assert read.system == {"parts": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}


# what comes back of earlier answers


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        pytest.param({"content": "b"}, [{"text": "b"}], id="text"),
        pytest.param({"content": [{"type": "text", "text": "b"}]}, [{"text": "b"}], id="array"),
        pytest.param({"content": [{"type": "refusal", "refusal": "no"}]}, [{"text": "no"}], id="refusal part"),
        pytest.param({"content": None, "refusal": "no"}, [{"text": "no"}], id="refusal"),
        pytest.param({"tool_calls": [tool_call()]}, [called({})], id="content missing"),
        pytest.param({"content": None, "tool_calls": [tool_call()]}, [called({})], id="content null"),
        pytest.param({"content": "", "tool_calls": [tool_call()]}, [called({})], id="content empty"),
        pytest.param({"content": [], "tool_calls": [tool_call()]}, [called({})], id="content an empty array"),
        pytest.param({"content": "b", "tool_calls": [tool_call()]}, [{"text": "b"}, called({})], id="text and call"),
        pytest.param({"content": "b", "tool_calls": None, "function_call": None}, [{"text": "b"}], id="null calls"),
        pytest.param({"content": "b", "tool_calls": []}, [{"text": "b"}], id="no calls"),
        pytest.param(
            {"content": "b", "refusal": None, "annotations": [], "audio": None, "provider_specific_fields": {}},
            [{"text": "b"}],
            id="what SDKs leave on it",
        ),
        pytest.param({"content": "b", "reasoning_content": "hm", "reasoning": "hm"}, [{"text": "b"}], id="thoughts"),
        pytest.param(
            {"tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]}, [called({})], id="no type"
        ),
        pytest.param(
            {"tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "f", "input": "ls"}}]},
            [called({"input": "ls"})],
            id="custom tool",
        ),
        pytest.param(
            {"function_call": {"name": "f", "arguments": '{"x":1}'}}, [called({"x": 1})], id="deprecated call"
        ),
        pytest.param(
            {"content": "b", "images": [{"type": "image_url", "index": 0, "image_url": {"url": PNG}}]},
            [{"text": "b"}, INLINE_PNG],
            id="images",
        ),
        pytest.param(
            {
                "images": [
                    {"image_url": {"url": PNG}, "extra_content": {"google": {"thought_signature": "QUJD"}}},
                ]
            },
            [{**INLINE_PNG, "thoughtSignature": "QUJD"}],
            id="a signed image",
        ),
        pytest.param(
            {"content": "b", "extra_content": {"google": {"thought_signature": "QUJD"}}},
            [{"text": "b", "thoughtSignature": "QUJD"}],
            id="a signed text",
        ),
        pytest.param(
            {"tool_calls": [tool_call(extra_content={"google": {"thought_signature": "QUJD"}})]},
            [{**called({}), "thoughtSignature": "QUJD"}],
            id="a signed call",
        ),
    ],
)
def test_assistant_messages(message: dict[str, Any], parts: list[Any]) -> None:
    read = Read([{"role": "user", "content": "a"}, {"role": "assistant", **message}])
    assert read.contents[1] == {"role": "model", "parts": parts}


def test_one_turn_may_come_as_several_messages() -> None:
    messages = [{"role": "user", "content": "a"}]
    messages += [{"role": "assistant", "content": "b"}]
    messages += [{"role": "assistant", "tool_calls": [tool_call(id)]} for id in "12"]
    messages += [{"role": "tool", "tool_call_id": id, "content": id} for id in "12"]
    read = Read(messages)
    assert [content["parts"] for content in read.contents[1:]] == [
        [{"text": "b"}, called({}), called({})],
        [answered("1"), answered("2")],
    ]


@pytest.mark.parametrize("message", [{}, {"content": None}, {"content": ""}, {"content": []}])
def test_an_assistant_message_without_anything_is_dropped(message: dict[str, Any]) -> None:
    read = Read([{"role": "user", "content": "a"}, {"role": "assistant", **message}])
    assert read.contents == [{"role": "user", "parts": [{"text": "a"}]}]
    assert set(read.notes) == {("turn-dropped", "messages[1]")}


@pytest.mark.parametrize(
    ("arguments", "args", "noted"),
    [
        pytest.param('{"a":{"b":[1]}}', {"a": {"b": [1]}}, False, id="object"),
        pytest.param("", {}, False, id="empty"),
        pytest.param(" \n", {}, False, id="blank"),
        pytest.param(None, {}, False, id="null"),
        pytest.param({"a": 1}, {"a": 1}, False, id="not a string but an object"),
        pytest.param("[1]", {"value": [1]}, True, id="array"),
        pytest.param("5", {"value": 5}, True, id="number"),
        pytest.param("null", {"value": None}, True, id="JSON null"),
        pytest.param('{"a":', {"input": '{"a":'}, True, id="cut off"),
        pytest.param("ls -l", {"input": "ls -l"}, True, id="no JSON"),
    ],
)
def test_arguments(arguments: Any, args: dict[str, Any], noted: bool) -> None:
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [tool_call(arguments=arguments)]},
        {"role": "tool", "tool_call_id": "1", "content": ""},
    ]
    read = Read(messages)
    assert read.contents[1]["parts"] == [called(args)]
    path = "messages[1].tool_calls[0].function.arguments"
    assert set(read.notes) == ({("arguments", path)} if noted else set())
    if noted:
        with pytest.raises(Fault) as caught:
            Read(messages, strict=True)
        assert (caught.value.status, caught.value.param) == (400, path)


# results


@pytest.mark.parametrize(
    ("content", "output"),
    [
        pytest.param("18 C", "18 C", id="text"),
        pytest.param('{"$ref": "#/x", "n": null}', '{"$ref": "#/x", "n": null}', id="JSON stays text"),
        pytest.param("", "", id="empty"),
        pytest.param(None, "", id="null"),
        pytest.param([], "", id="empty array"),
        pytest.param([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\nb", id="array"),
    ],
)
def test_results(content: Any, output: str) -> None:
    read = Read(
        [
            {"role": "user", "content": "a"},
            {"role": "assistant", "tool_calls": [tool_call()]},
            {"role": "tool", "tool_call_id": "1", "content": content},
        ]
    )
    assert read.contents[2] == {"role": "user", "parts": [answered(output)]}


def test_the_deprecated_result_is_found_by_name() -> None:
    read = Read(
        [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "r"},
        ]
    )
    assert read.contents[2]["parts"] == [answered("r")]


def image_result(**more: Any) -> list[Any]:
    return [
        {"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [tool_call()]},
        {"role": "tool", "tool_call_id": "1", **more},
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"content": [{"type": "text", "text": "r"}, {"type": "image_url", "image_url": {"url": PNG}}]},
        {"content": "r", "extra_content": {"google": {"parts": [INLINE_PNG]}}},
        {"content": "r", "extra_content": {"google": {"parts": [{"inline_data": INLINE_PNG["inlineData"]}]}}},
    ],
    ids=["content", "extra_content", "snake_case"],
)
def test_images_in_results(more: dict[str, Any]) -> None:
    (response,) = Read(image_result(**more), G3).contents[2]["parts"]
    assert response["functionResponse"]["parts"] == [INLINE_PNG]
    beside = Read(image_result(**more), G2).contents[2]["parts"]
    assert beside[0] == answered("r")
    assert beside[-1] == INLINE_PNG


def test_a_result_without_a_call_is_named_by_its_name() -> None:
    read = Read([{"role": "tool", "tool_call_id": "x", "name": "f", "content": "r"}])
    assert read.contents == [{"role": "user", "parts": [{"text": "[tool result] g_f: r"}]}]


def test_the_first_call_of_a_step_is_signed() -> None:
    read = Read(image_result(content="r"), G3)
    assert read.contents[1]["parts"][0]["thoughtSignature"] == DUMMY


# errors


def one(*parts: Any) -> list[Any]:
    return [{"role": "user", "content": [*parts]}]


def call(**call: Any) -> list[Any]:
    return [{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [call]}]


@pytest.mark.parametrize(
    ("messages", "param", "code"),
    [
        pytest.param(None, "messages", "missing_required_parameter", id="no messages"),
        pytest.param([], "messages", "empty_array", id="empty messages"),
        pytest.param("hi", "messages", "invalid_type", id="messages not an array"),
        pytest.param(["hi"], "messages[0]", "invalid_type", id="message not an object"),
        pytest.param([{}], "messages[0].role", "missing_required_parameter", id="no role"),
        pytest.param([{"role": 1}], "messages[0].role", "invalid_type", id="role not a string"),
        pytest.param([{"role": "user"}], "messages[0].content", "missing_required_parameter", id="no content"),
        pytest.param([{"role": "system"}], "messages[0].content", "missing_required_parameter", id="no system content"),
        pytest.param([{"role": "user", "content": 1}], "messages[0].content", "invalid_type", id="content a number"),
        pytest.param(one("x"), "messages[0].content[0]", "invalid_type", id="part not an object"),
        pytest.param(one({}), "messages[0].content[0].type", "missing_required_parameter", id="no type"),
        pytest.param(one({"type": []}), "messages[0].content[0].type", "invalid_type", id="type not a string"),
        pytest.param(one({"type": "text"}), "messages[0].content[0].text", "missing_required_parameter", id="no text"),
        pytest.param(
            one({"type": "text", "text": 1}), "messages[0].content[0].text", "invalid_type", id="text a number"
        ),
        pytest.param(
            one({"type": "image_url"}), "messages[0].content[0].image_url", "missing_required_parameter", id="no image"
        ),
        pytest.param(
            one({"type": "image_url", "image_url": 1}), "messages[0].content[0].image_url", "invalid_type", id="image 1"
        ),
        pytest.param(
            one({"type": "image_url", "image_url": {}}),
            "messages[0].content[0].image_url.url",
            "missing_required_parameter",
            id="no image url",
        ),
        pytest.param(
            one({"type": "image_url", "image_url": {"url": "nonsense"}}),
            "messages[0].content[0].image_url.url",
            "invalid_value",
            id="not a url",
        ),
        pytest.param(
            one({"type": "input_audio", "input_audio": {"data": "QUJD"}}),
            "messages[0].content[0].input_audio.format",
            "missing_required_parameter",
            id="no audio format",
        ),
        pytest.param(
            one({"type": "file", "file": {"file_id": "file-123"}}),
            "messages[0].content[0].file.file_id",
            "unsupported_value",
            id="a file of OpenAI's",
        ),
        pytest.param(
            [{"role": "assistant", "audio": {"id": "a"}}], "messages[0].audio", "unsupported_value", id="stored audio"
        ),
        pytest.param(
            [{"role": "assistant", "tool_calls": {}}], "messages[0].tool_calls", "invalid_type", id="calls not an array"
        ),
        pytest.param(
            call(function={"name": "f"}), "messages[1].tool_calls[0].id", "missing_required_parameter", id="no call id"
        ),
        pytest.param(
            call(id="1"), "messages[1].tool_calls[0].function", "missing_required_parameter", id="no function"
        ),
        pytest.param(
            call(id="1", function={}),
            "messages[1].tool_calls[0].function.name",
            "missing_required_parameter",
            id="no function name",
        ),
        pytest.param(
            call(id="1", function={"name": "f", "arguments": 1}),
            "messages[1].tool_calls[0].function.arguments",
            "invalid_type",
            id="arguments a number",
        ),
        pytest.param(
            call(id="1", type="custom", custom={"name": "f"}),
            "messages[1].tool_calls[0].custom.input",
            "missing_required_parameter",
            id="no input",
        ),
        pytest.param(
            [{"role": "tool", "content": "r"}],
            "messages[0].tool_call_id",
            "missing_required_parameter",
            id="no tool_call_id",
        ),
        pytest.param(
            [{"role": "function", "content": "r"}], "messages[0].name", "missing_required_parameter", id="no name"
        ),
        pytest.param(
            [{"role": "tool", "tool_call_id": "x", "content": "r"}], "messages[0].role", "invalid_value", id="no call"
        ),
    ],
)
def test_errors(messages: Any, param: str, code: str) -> None:
    with pytest.raises(Fault) as caught:
        Read(messages)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)


@pytest.mark.parametrize(
    ("messages", "supported"),
    [
        ([{"role": "critic", "content": "a"}], ["system", "assistant", "user", "function", "tool", "developer"]),
        (one({"type": "gif"}), ["text", "image_url", "input_audio", "refusal", "file", "video_url"]),
    ],
    ids=["roles", "parts"],
)
def test_errors_name_what_is_supported(messages: Any, supported: list[str]) -> None:
    with pytest.raises(Fault) as caught:
        Read(messages, strict=True)
    assert caught.value.message.startswith("Invalid value: '")
    assert "Supported values are: " in caught.value.message
    for name in supported:
        assert f"'{name}'" in caught.value.message


# what a newer client sends

HI = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("messages", "param", "kind", "parts"),
    [
        pytest.param([{"role": "critic", "content": "hi"}], "messages[0].role", "critic", [{"text": "hi"}], id="role"),
        pytest.param(
            one({"type": "gif"}, {"type": "text", "text": "hi"}),
            "messages[0].content[0].type",
            "gif",
            [{"text": "hi"}],
            id="part",
        ),
        pytest.param(
            one({"type": "poem", "text": "hi"}),
            "messages[0].content[0].type",
            "poem",
            [{"text": "hi"}],
            id="part with a text",
        ),
        pytest.param(
            one({"type": "poem", "content": [{"text": "hi"}, {"text": "you"}, 5]}),
            "messages[0].content[0].type",
            "poem",
            [{"text": "hi\nyou"}],
            id="part with content",
        ),
        pytest.param(
            [{"role": "system", "content": [{"type": "image_url"}]}, HI],
            "messages[0].content[0].type",
            "image_url",
            [{"text": "hi"}],
            id="an image in a system message",
        ),
    ],
)
def test_what_is_unknown_is_left_out_and_its_text_kept(messages: Any, param: str, kind: str, parts: list[Any]) -> None:
    read = Read(messages)
    assert read.contents == [{"role": "user", "parts": parts}]
    assert list(read.notes) == [("unknown", f"{param} {kind}")]
    with pytest.raises(Fault) as caught:
        Read(messages, strict=True)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, "invalid_value")


def test_an_unknown_call_goes_with_its_result() -> None:
    calls = [tool_call("1"), {"id": "2", "type": "mcp", "mcp": {}}]
    results = [{"role": "tool", "tool_call_id": id, "content": "r"} for id in "12"]
    read = Read([HI, {"role": "assistant", "content": None, "tool_calls": calls}, *results])
    assert read.contents[1:] == [
        {"role": "model", "parts": [called({})]},
        {"role": "user", "parts": [answered("r")]},
    ]
    assert list(read.notes) == [("unknown", "messages[1].tool_calls[1].type mcp")]


def test_an_unknown_part_in_a_result() -> None:
    content = [{"type": "text", "text": "a"}, {"type": "chart", "data": 5}, {"type": "note", "text": "b"}]
    read = Read(
        [
            HI,
            {"role": "assistant", "content": None, "tool_calls": [tool_call()]},
            {"role": "tool", "tool_call_id": "1", "content": content},
        ]
    )
    assert read.contents[2]["parts"] == [answered("a\nb")]
    assert read.codes == {"unknown"}


# --- plain messages

SAYS = st.sampled_from(["", "a", " b ", "file.png (tool result)", "<system>"])
CALL = tool_call()
MESSAGES = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"role": st.sampled_from(["user", "assistant", "system", "tool", "else", None, ["user"]]), "content": SAYS}
        ),
        st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": SAYS, "name": SAYS}),
        st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "refusal": SAYS}),
        st.sampled_from([
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "assistant", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "1", "content": "done"},
            {"role": "user", "content": [{"type": "text", "text": "a"}]},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG}}]},
            {"role": "assistant", "content": "s", "extra_content": {"google": {"thought_signature": "c2ln"}}},
            {"role": "assistant"},
            {"content": "a"},
            "no message",
        ]),
    ),
    min_size=1,
    max_size=6,
)  # fmt: skip


@given(MESSAGES, st.sampled_from([G2, G3]), st.booleans())
def test_plain_messages_are_read_like_others(messages: list[Any], model: str, strict: bool) -> None:
    def read() -> Any:
        try:
            made = Read(messages, model, strict=strict)
        except Fault as fault:
            return fault.status, fault.message, fault.param
        return made.system, made.contents, list(made.notes)

    quickly = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mapping.openai.chat_shape.messages._is_plain", lambda message: False)
        assert read() == quickly
