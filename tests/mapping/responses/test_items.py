"""Responses items: every type, the shapes in which clients send them, what they become together, and the errors."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.faults import Fault
from mapping.gemini.models import model_info
from mapping.notes import Notes
from mapping.request.conversation import carrier
from mapping.request.conversation.contents import Contents
from mapping.request.conversation.summaries import COMPACTION_PROMPT
from mapping.request.signatures import DUMMY
from mapping.request.tools.tools import ToolSet
from mapping.responses.request.input_items import WORDING, ItemReader
from mapping.responses.request.inputs import Inputs, read_input
from mapping.responses.request.tools import ResponsesTools
from mapping.values import Options, RawTurn

G2 = "gemini-2.5-flash"
G3 = "gemini-3.1-pro-preview"
PNG = "data:image/png;base64,iVBORw0KGgo="
INLINE_PNG = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
NAMESPACE = {
    "type": "namespace",
    "name": "agents",
    "description": "Helpers.",
    "tools": [{"type": "function", "name": "close"}, {"type": "custom", "name": "exec"}],
}


class Read:
    """Items as a conversation. `sealed` are the payloads of `encrypted_content`s, `stored` the items of references."""

    def __init__(
        self,
        items: Any,
        model: str = G2,
        *,
        tools: Any = None,
        history: Any = (),
        sealed: dict[str, Any] | None = None,
        stored: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.notes = Notes()
        settings = Options(**options)
        inputs = read_input(items, history, (stored or {}).get)
        carried: dict[str, RawTurn] = {}
        conversation = Contents(
            model_info(model), options=settings, recall=carried.get, notes=self.notes, wording=WORDING
        )
        self.tools = ResponsesTools(
            ToolSet(model_info(model), self.notes, settings), options=settings, notes=self.notes
        )
        self.tools.add(tools)
        for later, path in inputs.tools:
            self.tools.add_later(later, path)
        reader = ItemReader(
            conversation,
            self.tools,
            options=settings,
            notes=self.notes,
            unseal=(sealed or {}).get,
            carried=carried,
        )
        reader.read(inputs.items)
        self.resolutions = reader.content.resolutions
        self.system, self.contents = conversation.build()

    @property
    def codes(self) -> set[str]:
        return {code for code, _ in self.notes}


def user(text: str = "hi") -> dict[str, Any]:
    return {"role": "user", "content": text}


def said(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def answered(*parts: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def call(id: str = "c1", name: str = "f", arguments: Any = "{}", **more: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": id, "name": name, "arguments": arguments, **more}


def output(id: str = "c1", value: Any = "done", **more: Any) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": id, "output": value, **more}


def called(name: str = "f", args: Any = None) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": args or {}}}


def result(text: str = "done", name: str = "f") -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": {"output": text}}}


# messages


def test_a_string_is_a_message_of_the_user() -> None:
    assert Read("hi").contents == [said({"text": "hi"})]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param({"role": "user", "content": "hi"}, id="without a type"),
        pytest.param({"type": "message", "role": "user", "content": "hi"}, id="with a type"),
        pytest.param({"type": None, "role": "user", "content": "hi"}, id="with a null type"),
        pytest.param({"role": "user", "content": [{"type": "input_text", "text": "hi"}]}, id="as a part"),
        pytest.param({"role": "user", "content": [{"type": "text", "text": "hi"}]}, id="as a part of chat"),
        pytest.param(
            {"id": "msg_1", "status": "completed", "phase": None, "role": "user", "content": "hi"}, id="more members"
        ),
    ],
)
def test_a_message_of_the_user(message: Any) -> None:
    read = Read([message])
    assert read.contents == [said({"text": "hi"})]
    assert read.codes == set()


@pytest.mark.parametrize(
    ("part", "sent"),
    [
        pytest.param({"type": "input_image", "image_url": PNG}, INLINE_PNG, id="image"),
        pytest.param({"type": "input_image", "image_url": PNG, "detail": "auto"}, INLINE_PNG, id="image, auto"),
        pytest.param(
            {"type": "input_image", "image_url": None, "file_id": "files/a"},
            {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a"}},
            id="image of Gemini's files",
        ),
        pytest.param({"type": "input_image", "image_url": {"url": PNG, "detail": None}}, INLINE_PNG, id="as in chat"),
        pytest.param(
            {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERg==", "filename": "a.pdf"},
            {"inlineData": {"mimeType": "application/pdf", "data": "JVBERg=="}},
            id="file",
        ),
        pytest.param(
            {"type": "input_file", "file_url": "https://example.com/a.pdf", "file_id": None},
            {"fileData": {"fileUri": "https://example.com/a.pdf", "mimeType": "application/pdf"}},
            id="file by its address",
        ),
        pytest.param(
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
            {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}},
            id="audio",
        ),
    ],
)
def test_content_parts(part: Any, sent: Any) -> None:
    assert Read([{"role": "user", "content": [part]}]).contents == [said(sent)]


def test_the_detail_of_an_image() -> None:
    message = {"role": "user", "content": [{"type": "input_image", "image_url": PNG, "detail": "original"}]}
    old = Read([message], G2)
    assert (old.contents, old.resolutions) == ([said(INLINE_PNG)], ["MEDIA_RESOLUTION_ULTRA_HIGH"])
    new = Read([message], G3)
    level = {"mediaResolution": {"level": "MEDIA_RESOLUTION_ULTRA_HIGH"}}
    assert (new.contents, new.resolutions) == ([said(INLINE_PNG | level)], [])


def test_system_and_developer_messages() -> None:
    read = Read(
        [
            {"role": "system", "content": "a"},
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "b"}], "id": "msg_1"},
            user(),
            {"role": "developer", "content": "c"},
        ]
    )
    assert read.system == {"parts": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}
    assert list(read.notes) == [("system-late", "input[3].content")]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param({"role": "assistant", "content": "yes"}, id="string"),
        pytest.param(
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "phase": "final_answer",
                "content": [{"type": "output_text", "text": "yes", "annotations": [], "logprobs": []}],
            },
            id="as it was answered",
        ),
        pytest.param({"role": "assistant", "content": [{"type": "input_text", "text": "yes"}]}, id="input text"),
        pytest.param({"role": "assistant", "content": [{"type": "refusal", "refusal": "yes"}]}, id="refusal"),
    ],
)
def test_a_message_of_the_assistant(message: Any) -> None:
    assert Read([user(), message, user("go on")]).contents[1] == answered({"text": "yes"})


@pytest.mark.parametrize("content", [None, "", []])
def test_an_assistant_that_said_nothing(content: Any) -> None:
    read = Read([user(), {"role": "assistant", "content": content}, user("still there?")])
    assert read.contents == [said({"text": "hi"}, {"text": "still there?"})]


def test_an_assistant_message_without_content() -> None:
    assert Read([user(), {"type": "message", "role": "assistant"}]).contents == [said({"text": "hi"})]


# calls and outputs

LS = {"type": "exec", "command": ["ls"], "env": {}, "timeout_ms": None, "working_directory": "/src", "user": None}
PATCH = {"type": "update_file", "path": "a.py", "diff": "@@\n-a\n+b"}


@pytest.mark.parametrize(
    ("items", "name", "args", "told"),
    [
        pytest.param([call(arguments='{"a":1}'), output()], "f", {"a": 1}, "done", id="function"),
        pytest.param([call(arguments=""), output()], "f", {}, "done", id="no arguments"),
        pytest.param(
            [call(id="c1", status="completed", namespace=None), output(status=None, name=None)],
            "f",
            {},
            "done",
            id="nulls and more members",
        ),
        pytest.param(
            [
                {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c1", "name": "exec", "input": "x = 1"},
                {"type": "custom_tool_call_output", "id": "ctco_1", "call_id": "c1", "output": "done"},
            ],
            "exec",
            {"input": "x = 1"},
            "done",
            id="custom tool",
        ),
        pytest.param(
            [
                {"type": "local_shell_call", "id": "lsh_1", "call_id": "c1", "action": LS, "status": "completed"},
                {"type": "local_shell_call_output", "id": "c1", "output": "done"},
            ],
            "local_shell",
            {"command": ["ls"], "env": {}, "working_directory": "/src"},
            "done",
            id="local shell, the output by its call id",
        ),
        pytest.param(
            [
                {"type": "local_shell_call", "id": "lsh_1", "call_id": "c1", "action": LS, "status": "completed"},
                {"type": "local_shell_call_output", "id": "lsh_1", "output": "done"},
            ],
            "local_shell",
            {"command": ["ls"], "env": {}, "working_directory": "/src"},
            "done",
            id="local shell, the output by its item",
        ),
        pytest.param(
            [
                {"type": "shell_call", "call_id": "c1", "action": {"commands": ["ls", "w"], "timeout_ms": None}},
                {
                    "type": "shell_call_output",
                    "call_id": "c1",
                    "output": [
                        {"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}},
                        {"stdout": "", "stderr": "b", "outcome": {"type": "timeout"}},
                    ],
                },
            ],
            "shell",
            {"commands": ["ls", "w"]},
            '[{"stdout":"a","stderr":"","exit_code":0},{"stdout":"","stderr":"b","timed_out":true}]',
            id="shell",
        ),
        pytest.param(
            [
                {"type": "apply_patch_call", "call_id": "c1", "operation": PATCH, "status": "completed"},
                {"type": "apply_patch_call_output", "call_id": "c1", "status": "failed", "output": "no such line"},
            ],
            "apply_patch",
            {"operation": PATCH},
            "failed\nno such line",
            id="patch",
        ),
        pytest.param(
            [
                {"type": "apply_patch_call", "call_id": "c1", "operation": PATCH, "status": "completed"},
                {"type": "apply_patch_call_output", "call_id": "c1", "status": "completed", "output": None},
            ],
            "apply_patch",
            {"operation": PATCH},
            "completed",
            id="patch without a word",
        ),
        pytest.param(
            [
                {"type": "tool_search_call", "call_id": "c1", "execution": "client", "arguments": {"query": "x"}},
                {"type": "tool_search_output", "call_id": "c1", "execution": "client", "tools": [NAMESPACE]},
            ],
            "tool_search",
            {"query": "x"},
            "These tools can be called now: agents__close, agents__exec",
            id="tool search",
        ),
        pytest.param(
            [
                {"type": "tool_search_call", "call_id": "c1", "execution": "client", "arguments": '{"query":"x"}'},
                {"type": "tool_search_output", "call_id": "c1", "execution": "client", "tools": []},
            ],
            "tool_search",
            {"query": "x"},
            "No tools were found.",
            id="tool search without a find",
        ),
    ],
)
def test_calls_and_their_outputs(items: Any, name: str, args: Any, told: str) -> None:
    read = Read([user(), *items])
    assert read.contents[1:] == [answered(called(name, args)), said(result(told, name))]
    assert read.codes == set()


TEXT_AND_IMAGE = [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": PNG, "detail": "high"}]


def test_an_output_with_an_image() -> None:
    (new,) = Read([user(), call(), output(value=TEXT_AND_IMAGE)], G3).contents[2]["parts"]
    assert new["functionResponse"]["response"] == {"output": "a"}
    assert new["functionResponse"]["parts"] == [INLINE_PNG]
    old = Read([user(), call(), output(value=TEXT_AND_IMAGE)], G2).contents[2]["parts"]
    assert old == [result("a"), {"text": "[files of the result of f]"}, INLINE_PNG]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("", ""),
        ([], ""),
        ([{"type": "input_text", "text": "a"}, {"type": "output_text", "text": "b"}], "a\nb"),
    ],
)
def test_outputs_in_other_shapes(value: Any, text: str) -> None:
    assert Read([user(), call(), output(value=value)]).contents[2] == said(result(text))


def test_one_turn_goes_on_until_another_side_says_something() -> None:
    read = Read(
        [
            user(),
            {"type": "reasoning", "id": "rs_1", "summary": [], "content": None, "encrypted_content": None},
            {"role": "assistant", "content": "I look."},
            call("c1"),
            {"type": "reasoning", "id": "rs_2", "summary": [{"type": "summary_text", "text": "Hm."}]},
            call("c2", "g"),
            output("c2", "two"),
            {"role": "developer", "content": "Hurry."},
            output("c1", "one"),
            {"role": "assistant", "content": "Done."},
            user("thanks"),
        ]
    )
    assert read.contents == [
        said({"text": "hi"}),
        answered({"text": "I look."}, called("f"), called("g")),
        said(result("one", "f"), result("two", "g")),
        answered({"text": "Done."}),
        said({"text": "thanks"}),
    ]
    assert read.codes == {"result-order", "system-late"}


def test_outputs_to_calls_of_earlier_responses() -> None:
    read = Read([output()], history=[user(), call()])
    assert read.contents == [said({"text": "hi"}), answered(called()), said(result())]


# names


def test_calls_of_a_namespace() -> None:
    read = Read(
        [user(), call("c1", "close", namespace="agents"), output("c1"), call("c2", "close"), output("c2")],
        tools=[NAMESPACE],
    )
    assert [part["parts"][0] for part in read.contents[1::2]] == [called("agents__close")] * 2


def test_tools_of_items_are_known_from_the_first_call() -> None:
    items = [
        user(),
        {"type": "custom_tool_call", "call_id": "c1", "name": "exec", "input": ""},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": ""},
        {"type": "additional_tools", "role": "developer", "tools": [NAMESPACE]},
    ]
    assert Read(items).contents[1] == answered(called("agents__exec", {"input": ""}))


def test_a_call_of_a_tool_that_is_not_declared_any_more_keeps_its_kind() -> None:
    read = Read([user(), call("c1", "close", namespace="agents"), output("c1")])
    kind = read.tools.kinds["agents__close"]
    assert (kind.type, kind.name, kind.namespace) == ("function", "close", "agents")


# references


def test_references() -> None:
    stored = {"msg_1": {"id": "msg_1", "type": "message", "role": "assistant", "content": "yes"}, "fc_1": call()}
    items = [user(), {"type": "item_reference", "id": "msg_1"}, {"id": "fc_1"}, output()]
    assert Read(items, stored=stored).contents == [
        said({"text": "hi"}),
        answered({"text": "yes"}, called()),
        said(result()),
    ]


def test_a_reference_to_nothing() -> None:
    with pytest.raises(Fault) as caught:
        Read([{"type": "item_reference", "id": "msg_9"}])
    assert (caught.value.status, caught.value.param) == (400, "input")
    assert caught.value.message == "Item with id 'msg_9' not found."


# reasoning


def reasoning(content: Any = "sealed", **more: Any) -> dict[str, Any]:
    return {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": content, **more}


def test_signatures_of_calls_come_back() -> None:
    sealed = {"sealed": carrier.pack(G3, calls={"c1": "QUJD"})}
    read = Read(
        [user(), reasoning(content="sealed"), call("c1"), call("c2"), output("c1"), output("c2")], G3, sealed=sealed
    )
    parts = read.contents[1]["parts"]
    assert [part.get("thoughtSignature") for part in parts] == ["QUJD", None]
    assert read.codes == set()


@pytest.mark.parametrize("first", [True, False], ids=["before the message", "behind it"])
def test_the_signature_of_a_text_comes_back(first: bool) -> None:
    carrying, message = reasoning(), {"role": "assistant", "content": "yes"}
    items = [carrying, message] if first else [message, carrying]
    read = Read([user(), *items, user()], G3, sealed={"sealed": carrier.pack(G3, text="QUJD")})
    assert read.contents[1] == answered({"text": "yes", "thoughtSignature": "QUJD"})


def test_a_carried_turn_is_replayed() -> None:
    parts = [
        {"text": "thinking", "thought": True},
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        {"text": "yes", "thoughtSignature": "QUJD"},
    ]
    sealed = {"sealed": carrier.pack(G3, turn=RawTurn(G3, parts, []))}
    read = Read([user(), {"role": "assistant", "content": "yes"}, reasoning(), user()], G3, sealed=sealed)
    assert read.contents[1] == answered(*parts[1:])


def test_a_carried_turn_with_calls_is_replayed() -> None:
    made = {"functionCall": {"id": "g1", "name": "f", "args": {}}, "thoughtSignature": "QUJD"}
    search = {"toolCall": {"id": "s"}, "thoughtSignature": "REVG"}
    sealed = {"sealed": carrier.pack(G3, turn=RawTurn(G3, [search, made], ["c1"]))}
    read = Read([user(), call("c1"), reasoning(), output("c1")], G3, sealed=sealed)
    assert read.contents[1] == answered(search, made)
    assert read.contents[2]["parts"][0]["functionResponse"]["id"] == "g1"


def test_signatures_of_another_model_stay_out() -> None:
    sealed = {"sealed": carrier.pack("gemini-3.8-flash", calls={"c1": "QUJD"}, text="QUJD")}
    read = Read([user(), reasoning(), call(), output()], G3, sealed=sealed)
    assert read.contents[1]["parts"][0]["thoughtSignature"] == DUMMY
    assert ("signature-foreign", "input[1]") in list(read.notes)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(None, id="not of the gateway"),
        pytest.param({}, id="empty"),
        pytest.param({"v": 99, "model": G3}, id="another version"),
        pytest.param({"v": 1, "summary": "x"}, id="a compaction"),
    ],
)
def test_foreign_reasoning_stays_out(payload: Any) -> None:
    read = Read([user(), reasoning()], sealed={"sealed": payload} if payload is not None else {})
    assert read.contents == [said({"text": "hi"})]
    assert list(read.notes) == [("reasoning-foreign", "input[1]")]


@pytest.mark.parametrize(
    "payload",
    [
        {"v": 1, "model": G3, "calls": [1], "text": 1, "parts": 1, "call_ids": 1},
        {"v": 1, "model": G3, "calls": {"c1": 1}, "parts": [1], "call_ids": ["a"]},
        {"v": 1, "model": G3, "parts": [{}], "call_ids": [1]},
    ],
)
def test_a_carrier_with_odd_members(payload: Any) -> None:
    assert carrier.unpack(payload) == carrier.Carrier(G3)


# compaction


def test_a_compaction_of_the_gateway() -> None:
    sealed = {"sealed": carrier.pack_compaction("We wrote a.py.")}
    read = Read([{"type": "compaction", "id": "cmp_1", "encrypted_content": "sealed"}, user("go on")], sealed=sealed)
    assert read.contents == [
        said({"text": "[Summary of the conversation so far]\nWe wrote a.py."}, {"text": "go on"}),
    ]


def test_a_foreign_compaction() -> None:
    items = [{"type": "compaction", "encrypted_content": "?"}, user()]
    read = Read(items)
    assert read.contents == [said({"text": "hi"})]
    assert list(read.notes) == [("compaction-foreign", "input[0]")]
    with pytest.raises(Fault) as caught:
        Read(items, strict=True)
    assert caught.value.param == "input[0].encrypted_content"


def test_a_compaction_trigger() -> None:
    assert read_input([user(), {"type": "compaction_trigger"}], (), {}.get).compaction
    assert Read([user(), {"type": "compaction_trigger"}]).contents == [
        said({"text": "hi"}, {"text": COMPACTION_PROMPT})
    ]


# what OpenAI's own tools did


@pytest.mark.parametrize(
    "kind",
    [
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "computer_call",
        "computer_call_output",
        "mcp_list_tools",
        "mcp_call",
        "mcp_approval_request",
        "mcp_approval_response",
        "program",
        "program_output",
        "tool_search_call",
        "tool_search_output",
        "image_generation_call",
    ],
)
def test_records_of_hosted_tools_are_left_out(kind: str) -> None:
    read = Read(
        [user(), {"type": kind, "id": "x", "execution": "server"}, {"role": "assistant", "content": "a"}, user()]
    )
    assert read.contents == [said({"text": "hi"}), answered({"text": "a"}), said({"text": "hi"})]
    assert list(read.notes) == [("item-dropped", kind)]


def test_an_image_that_was_made() -> None:
    item = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBORw0KGgo="}
    assert Read([user(), item, user()]).contents[1] == answered(INLINE_PNG)


def test_updates_of_the_configuration() -> None:
    items = [
        {"type": "configuration_update", "reasoning": {"effort": "low"}, "text": {"format": {"type": "text"}}},
        {"type": "configuration_update", "reasoning": {"effort": "high"}, "text": None},
        user(),
    ]
    inputs: Inputs = read_input(items, (), {}.get)
    assert (inputs.reasoning, inputs.text) == ({"effort": "high"}, {"format": {"type": "text"}})
    assert Read(items).contents == [said({"text": "hi"})]


# errors


@pytest.mark.parametrize(
    ("items", "param", "code"),
    [
        pytest.param(5, "input", "invalid_type", id="input"),
        pytest.param(["x"], "input[0]", "invalid_type", id="item"),
        pytest.param([{"type": 5}], "input[0].type", "invalid_type", id="type of a type"),
        pytest.param([{}], "input[0].type", "missing_required_parameter", id="no type"),
        pytest.param([{"type": "message"}], "input[0].role", "missing_required_parameter", id="no role"),
        pytest.param([{"role": "user"}], "input[0].content", "missing_required_parameter", id="no content"),
        pytest.param([{"role": "user", "content": 5}], "input[0].content", "invalid_type", id="type of content"),
        pytest.param(
            [{"role": "user", "content": [{"type": "input_text"}]}],
            "input[0].content[0].text",
            "missing_required_parameter",
            id="no text",
        ),
        pytest.param(
            [{"role": "user", "content": [{"type": "input_image", "image_url": "ftp://x/y"}]}],
            "input[0].content[0].image_url",
            "invalid_value",
            id="address of an image",
        ),
        pytest.param(
            [{"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}],
            "input[0].content[0].file_id",
            "unsupported_value",
            id="image kept at OpenAI",
        ),
        pytest.param(
            [{"role": "user", "content": [{"type": "input_image"}]}],
            "input[0].content[0].image_url",
            "missing_required_parameter",
            id="no image",
        ),
        pytest.param(
            [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}],
            "input[0].content[0].file_id",
            "unsupported_value",
            id="file kept at OpenAI",
        ),
        pytest.param([output()], "input[0].call_id", "invalid_value", id="output without a call"),
        pytest.param([output(None)], "input[0].call_id", "missing_required_parameter", id="output of nothing"),
        pytest.param([call(None)], "input[0].call_id", "missing_required_parameter", id="call without an id"),
        pytest.param([call(name=None)], "input[0].name", "missing_required_parameter", id="call without a name"),
        pytest.param([call(arguments=5)], "input[0].arguments", "invalid_type", id="type of arguments"),
        pytest.param([call(), output(value={})], "input[1].output", "invalid_type", id="type of an output"),
        pytest.param([reasoning(5)], "input[0].encrypted_content", "invalid_type", id="encrypted content"),
        pytest.param(
            [{"type": "compaction_trigger"}, user()], "input[0]", "invalid_value", id="trigger that is not the last"
        ),
    ],
)
def test_errors(items: Any, param: str, code: str) -> None:
    with pytest.raises(Fault) as caught:
        Read(items)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)


def test_an_output_without_a_call_in_openais_words() -> None:
    with pytest.raises(Fault, match=r"No tool call found for function call output with call_id c9\."):
        Read([user(), output("c9")])


def test_an_output_without_a_call_that_has_a_name_is_told_as_text() -> None:
    read = Read([user(), output("c9", name="f")])
    assert read.contents == [said({"text": "hi"}, {"text": "[tool result] f: done"})]
    assert read.codes == {"result-orphan"}


def test_a_call_without_an_output() -> None:
    read = Read([user(), call(), user("well?")])
    assert read.contents[2]["parts"][0]["functionResponse"]["response"] == {
        "error": "no result was provided for this call"
    }
    with pytest.raises(Fault, match=r"No tool output found for function call c1\."):
        Read([user(), call(), user("well?")], strict=True)


def test_an_unknown_type_is_told_what_there_is() -> None:
    with pytest.raises(Fault, match=r"Supported values are: 'message', .*'function_call', .*'item_reference'"):
        Read([{"type": "poem"}], strict=True)


# what a newer client sends

SEALED = "gAAAAexample"
TASK = "List the files of the folder."


def agent(*content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "agent_message", "author": "lead", "recipient": "lead/explorer", "content": [*content], **more}


def text(text: str) -> dict[str, Any]:
    return {"type": "input_text", "text": text}


def sealed(text: str) -> dict[str, Any]:
    return {"type": "encrypted_content", "encrypted_content": text}


HEAD = {"text": "[Message from lead to lead/explorer]"}


@pytest.mark.parametrize(
    ("item", "parts", "notes"),
    [
        pytest.param(
            agent(text("NEW_TASK"), sealed(TASK)), [HEAD, {"text": "NEW_TASK"}, {"text": TASK}], [], id="plain text"
        ),
        pytest.param(
            agent(text("NEW_TASK"), sealed(SEALED)),
            [HEAD, {"text": "NEW_TASK"}],
            [("content-foreign", "input[1].content[1]")],
            id="sealed",
        ),
        pytest.param(
            agent(sealed("QUJD" * 20)), [HEAD], [("content-foreign", "input[1].content[0]")], id="sealed by another"
        ),
        pytest.param(agent(sealed("Go")), [HEAD, {"text": "Go"}], [], id="one word is no cipher"),
        pytest.param(
            agent(text("From lead to lead/explorer: go")),
            [{"text": "From lead to lead/explorer: go"}],
            [],
            id="the text names both",
        ),
        pytest.param(
            agent(text("go"), author=None),
            [{"text": "[Message from lead/explorer]"}, {"text": "go"}],
            [],
            id="no author",
        ),
        pytest.param(agent(text("go"), author=None, recipient=None), [{"text": "go"}], [], id="no names"),
        pytest.param({**agent(), "content": None}, [HEAD], [], id="no content"),
    ],
)
def test_messages_between_agents(item: Any, parts: list[Any], notes: list[Any]) -> None:
    read = Read([user("Work in a team."), item])
    assert read.contents == [said({"text": "Work in a team."}, *parts)]
    assert list(read.notes) == notes


@pytest.mark.parametrize(
    ("item", "note"),
    [
        pytest.param(
            {"type": "context_compaction", "encrypted_content": SEALED}, ("compaction-foreign", "input[0]"), id="sealed"
        ),
        pytest.param({"type": "context_compaction"}, ("compaction-foreign", "input[0]"), id="empty compaction"),
        pytest.param(
            {"type": "agent_reasoning", "text": "Looking."}, ("item-dropped", "agent_reasoning"), id="thoughts"
        ),
        pytest.param({"type": "ghost_snapshot", "ghost_commit": {}}, ("item-dropped", "ghost_snapshot"), id="snapshot"),
        pytest.param({"type": "poem", "id": "x"}, ("unknown", "input[0].type poem"), id="unknown"),
        pytest.param(
            {"type": "poem_call", "call_id": "c", "verse": 5}, ("unknown", "input[0].type poem_call"), id="call"
        ),
        pytest.param(
            {"type": "poem_call_output", "call_id": "c", "output": "x"},
            ("unknown", "input[0].type poem_call_output"),
            id="output of what was left out",
        ),
    ],
)
def test_items_that_say_nothing_to_gemini(item: Any, note: tuple[str, str]) -> None:
    read = Read([item, user("Go on.")])
    assert read.contents == [said({"text": "Go on."})]
    assert list(read.notes) == [note]


def test_a_compaction_that_is_plain_text() -> None:
    read = Read([{"type": "context_compaction", "encrypted_content": "We chose red."}, user("Go on.")])
    assert read.contents[0]["parts"][0] == {"text": "[Summary of the conversation so far]\nWe chose red."}
    assert read.codes == set()


@pytest.mark.parametrize(
    ("items", "param", "contents"),
    [
        pytest.param([{"type": "poem", "text": "a"}], "input[0].type", [said({"text": "a"})], id="text"),
        pytest.param(
            [user(), {"type": "poem", "role": "assistant", "content": [{"type": "x", "text": "a"}]}, user()],
            "input[1].type",
            [said({"text": "hi"}), answered({"text": "a"}), said({"text": "hi"})],
            id="text of the model",
        ),
        pytest.param([{"role": "critic", "content": "hi"}], "input[0].role", [said({"text": "hi"})], id="role"),
        pytest.param(
            [{"role": "user", "content": [{"type": "image_url"}, text("hi"), {"type": "x", "text": "b"}]}],
            "input[0].content[0].type",
            [said({"text": "hi"}, {"text": "b"})],
            id="part",
        ),
        pytest.param(
            [{"role": "system", "content": [{"type": "input_image", "image_url": PNG}]}, user()],
            "input[0].content[0].type",
            [said({"text": "hi"})],
            id="image in a system message",
        ),
        pytest.param(
            [{"type": "additional_tools", "tools": [{"type": "x"}]}, user()],
            "input[0].tools[0].type",
            [said({"text": "hi"})],
            id="tool",
        ),
    ],
)
def test_what_is_unknown_is_left_out_and_its_text_kept(items: Any, param: str, contents: list[Any]) -> None:
    read = Read(items)
    assert read.contents == contents
    assert read.codes == {"unknown"}
    with pytest.raises(Fault) as caught:
        Read(items, strict=True)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, "invalid_value")


@pytest.mark.parametrize(
    ("call", "args"),
    [
        ({"name": "f", "arguments": '{"x": 1}'}, {"x": 1}),
        ({"name": "f", "arguments": {"x": 1}}, {"x": 1}),
        ({"name": "f", "input": "ls"}, {"input": "ls"}),
    ],
)
@pytest.mark.parametrize("output", ["done", [text("done")], {"done": True}])
def test_an_unknown_call_that_looks_like_any_other_is_one(call: Any, args: Any, output: Any) -> None:
    call = {"type": "poem_call", "call_id": "c1", **call}
    read = Read([user(), call, {"type": "poem_call_output", "call_id": "c1", "output": output}])
    assert read.contents[1]["parts"][0]["functionCall"] == {"name": "f", "args": args}
    assert "done" in read.contents[2]["parts"][0]["functionResponse"]["response"]["output"]
    assert read.codes == {"unknown"}


def test_sealed_and_unknown_parts_of_an_output() -> None:
    value = [text("done"), sealed(SEALED), {"type": "chart"}, sealed("plain words")]
    read = Read([user(), call(), output(value=value)])
    assert read.contents[2]["parts"][0]["functionResponse"]["response"] == {"output": "done\nplain words"}
    assert set(read.notes) == {("content-foreign", "input[2].output[1]"), ("unknown", "input[2].output[2].type chart")}


def test_audio_of_codex() -> None:
    part = {"type": "input_audio", "audio_url": "data:audio/wav;base64,UklGRiQAAABXQVZFZm10IA=="}
    read = Read([{"role": "user", "content": [part]}])
    assert read.contents == [said({"inlineData": {"mimeType": "audio/wav", "data": "UklGRiQAAABXQVZFZm10IA=="}})]
    with pytest.raises(Fault) as caught:
        Read([{"role": "user", "content": [{**part, "audio_url": "data:audio/wav;base64,%%%"}]}])
    assert caught.value.param == "input[0].content[0].audio_url"
