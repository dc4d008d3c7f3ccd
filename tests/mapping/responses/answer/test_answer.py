"""Whole answers as Response objects."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response

from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.request.conversation.carrier import MAX_CARRIED
from mapping.request.signatures import text_key
from mapping.responses.answer.answer import ResponsesAnswer
from mapping.responses.plan import ResponsesPlan, ToolKind
from mapping.responses.request.echo import echo
from mapping.values import Options

CREATED = 1_700_000_000
MODEL = "gemini-3.8-flash"


ECHO = echo({}, reasoning={}, text={})


def sealed(payload: Any) -> str:
    return "sealed:" + json.dumps(payload)


def unsealed(text: str) -> Any:
    return json.loads(text.removeprefix("sealed:"))


def answering(notes: Notes | None = None, chat_shape: bool = True, **plan: Any) -> ResponsesAnswer:
    count = itertools.count(1)
    return ResponsesAnswer(
        ResponsesPlan("gpt-x", MODEL, **{"echo": ECHO, **plan}),
        created=CREATED,
        mint=lambda prefix: f"{prefix}{next(count)}",
        notes=Notes() if notes is None else notes,
        seal=sealed,
        response_id="resp_1",
        chat_shape=chat_shape,
        clock=lambda: CREATED + 3,
    )


def upstream(*parts: Any, **candidate: Any) -> dict[str, Any]:
    content = {"content": {"role": "model", "parts": list(parts)}} if parts else {}
    return {"candidates": [{**content, "finishReason": "STOP", **candidate}], "responseId": "r1"}


def answered(*parts: Any, notes: Notes | None = None, **plan: Any) -> ResponsesAnswer:
    answer = answering(notes, **plan)
    answer.add(upstream(*parts))
    return answer


def checked(answer: ResponsesAnswer) -> dict[str, Any]:
    response: dict[str, Any] = json.loads(answer.finish())
    Response.model_validate_json(answer.finish(), strict=True)
    return response


def output(*parts: Any, **plan: Any) -> Any:
    return checked(answered(*parts, **plan))["output"]


def message(text: str, id: str = "msg_1", status: str = "completed", **part: Any) -> dict[str, Any]:
    content = {"type": "output_text", "text": text, "annotations": [], "logprobs": [], **part}
    return {"id": id, "type": "message", "status": status, "role": "assistant", "content": [content]}


def call(name: str = "f", signature: str | None = None, **args: Any) -> dict[str, Any]:
    part: dict[str, Any] = {"functionCall": {"id": "x", "name": name, "args": args}}
    return part if signature is None else {**part, "thoughtSignature": signature}


TEXT = {"text": "a"}
THOUGHT = {"text": "t", "thought": True}
SIGNATURE = {"text": "", "thoughtSignature": "c2ln"}
CODE = {"executableCode": {"language": "PYTHON", "code": "print(1)"}}
RESULT = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}}
IMAGE = {"inlineData": {"mimeType": "image/png", "data": "aW1n"}}
FILE = {"fileData": {"mimeType": "x/y", "fileUri": "https://f"}}
SUMMARY = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}]}
FUNCTION_CALL = {"type": "function_call", "status": "completed", "call_id": "x", "name": "f", "arguments": "{}"}


# items


@pytest.mark.parametrize(
    ("parts", "plan", "expected"),
    [
        pytest.param([TEXT], {}, [message("a")], id="text"),
        pytest.param([TEXT, {"text": "b"}], {}, [message("ab")], id="one-message-of-two-parts"),
        pytest.param([], {}, [message("")], id="nothing-is-an-empty-message"),
        pytest.param([THOUGHT, TEXT], {}, [message("a")], id="thoughts-not-asked-for"),
        pytest.param([TEXT, THOUGHT, {"text": "b"}], {}, [message("ab")], id="hidden-thoughts-break-nothing"),
        pytest.param(
            [THOUGHT, TEXT], {"summary": True}, [{"id": "rs_1", **SUMMARY}, message("a", "msg_2")], id="summary"
        ),
        pytest.param(
            [THOUGHT], {"summary": True}, [{"id": "rs_1", **SUMMARY}, message("", "msg_2")], id="only-a-summary"
        ),
        pytest.param(
            [TEXT, call(), {"text": "b"}],
            {},
            [message("a"), {"id": "fc_2", **FUNCTION_CALL}, message("b", "msg_3")],
            id="text-around-a-call",
        ),
        pytest.param(
            [call(a=1, ü="\u2028")],
            {},
            [{"id": "fc_1", **FUNCTION_CALL, "arguments": '{"a":1,"ü":"\u2028"}'}],
            id="arguments",
        ),
        pytest.param(
            [TEXT, IMAGE],
            {},
            [
                message("a"),
                {
                    "id": "ig_2",
                    "type": "image_generation_call",
                    "status": "completed",
                    "result": "aW1n",
                    "output_format": "png",
                },
            ],
            id="image",
        ),
        pytest.param(
            [CODE, RESULT, TEXT],
            {},
            [
                {
                    "id": "ci_1",
                    "type": "code_interpreter_call",
                    "status": "completed",
                    "code": "print(1)",
                    "container_id": "cntr_2",
                    "outputs": None,
                },
                message("a", "msg_3"),
            ],
            id="code",
        ),
        pytest.param([FILE, TEXT], {}, [message("https://f\na")], id="file"),
        pytest.param([TEXT, FILE], {}, [message("a\nhttps://f\n")], id="file-behind-text"),
    ],
)
def test_items(parts: list[Any], plan: dict[str, Any], expected: list[Any]) -> None:
    assert output(*parts, **plan) == expected


@pytest.mark.parametrize(
    ("parts", "status", "outputs"),
    [
        pytest.param([CODE, RESULT], "completed", [{"type": "logs", "logs": "1\n"}], id="run"),
        pytest.param(
            [CODE, {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "E"}}],
            "failed",
            [{"type": "logs", "logs": "E"}],
            id="failed",
        ),
        pytest.param([CODE], "completed", None, id="no-result"),
        pytest.param([RESULT], "completed", [{"type": "logs", "logs": "1\n"}], id="no-code"),
    ],
)
def test_code_outputs_for_those_who_asked(parts: list[Any], status: str, outputs: Any) -> None:
    (item,) = output(*parts, include=frozenset({"code_interpreter_call.outputs"}))
    assert (item["status"], item["outputs"]) == (status, outputs)


def test_audio_is_noted() -> None:
    notes = Notes()
    audio = {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "AAAA"}}
    assert checked(answered(audio, notes=notes))["output"] == [message("")]
    assert list(notes) == [("part-unknown", "inlineData audio")]


def test_there_is_one_candidate() -> None:
    notes = Notes()
    answer = answering(notes)
    second = {"index": 1, "content": {"parts": [{"text": "b"}]}, "finishReason": "STOP"}
    answer.add({"candidates": [*upstream(TEXT)["candidates"], second]})
    assert checked(answer)["output"] == [message("a")]
    assert list(notes) == [("part-unknown", "candidates[1]")]


# calls of the client's tools


@pytest.mark.parametrize(
    ("kind", "args", "expected"),
    [
        pytest.param(None, {"a": 1}, {"type": "function_call", "name": "ns__f", "arguments": '{"a":1}'}, id="function"),
        pytest.param(
            ToolKind("function", "f", "ns"),
            {},
            {"type": "function_call", "name": "f", "namespace": "ns", "arguments": "{}"},
            id="namespace",
        ),
        pytest.param(
            ToolKind("custom", "exec", "functions"),
            {"input": "ls\n"},
            {"type": "custom_tool_call", "name": "exec", "namespace": "functions", "input": "ls\n"},
            id="custom",
        ),
        pytest.param(
            ToolKind("local_shell", "local_shell"),
            {"command": ["ls", 1], "env": {"A": 1}, "timeout_ms": 5.0, "working_directory": "/x", "user": None},
            {
                "type": "local_shell_call",
                "action": {
                    "type": "exec",
                    "command": ["ls", "1"],
                    "env": {"A": "1"},
                    "timeout_ms": 5,
                    "working_directory": "/x",
                },
            },
            id="local-shell",
        ),
        pytest.param(
            ToolKind("local_shell", "local_shell"),
            {"command": "ls | wc", "env": [], "timeout_ms": True},
            {
                "type": "local_shell_call",
                "action": {"type": "exec", "command": ["bash", "-lc", "ls | wc"], "env": {}},
            },
            id="local-shell-line",
        ),
        pytest.param(
            ToolKind("shell", "shell"),
            {"commands": ["ls", "pwd"], "timeout_ms": 5},
            {
                "type": "shell_call",
                "action": {"commands": ["ls", "pwd"], "timeout_ms": 5, "max_output_length": None},
                "environment": {"type": "local"},
            },
            id="shell",
        ),
        pytest.param(
            ToolKind("shell", "shell"),
            {"commands": "ls", "max_output_length": "x"},
            {
                "type": "shell_call",
                "action": {"commands": ["ls"], "timeout_ms": None, "max_output_length": None},
                "environment": {"type": "local"},
            },
            id="shell-of-wrong-types",
        ),
        pytest.param(
            ToolKind("apply_patch", "apply_patch"),
            {"operation": {"type": "create_file", "path": "a", "diff": "+b"}},
            {"type": "apply_patch_call", "operation": {"type": "create_file", "path": "a", "diff": "+b"}},
            id="patch",
        ),
        pytest.param(
            ToolKind("apply_patch", "apply_patch"),
            {"type": "delete_file", "path": "a", "diff": "x"},
            {"type": "apply_patch_call", "operation": {"type": "delete_file", "path": "a"}},
            id="patch-without-operation",
        ),
        pytest.param(
            ToolKind("apply_patch", "apply_patch"),
            {"operation": {"type": ["?"], "path": 1}},
            {"type": "apply_patch_call", "operation": {"type": "update_file", "path": "1", "diff": ""}},
            id="patch-of-wrong-types",
        ),
        pytest.param(
            ToolKind("tool_search", "tool_search"),
            {"query": "x"},
            {"type": "tool_search_call", "execution": "client", "arguments": {"query": "x"}},
            id="tool-search",
        ),
    ],
)
def test_calls(kind: ToolKind | None, args: Any, expected: dict[str, Any]) -> None:
    custom = {"ns__f"} if kind is not None and kind.type == "custom" else set()
    plan = {"names": {"ns__f": "ns__f"}, "kinds": {"ns__f": kind} if kind else {}, "custom": custom}
    (item,) = output(call("ns__f", **args), **plan)
    assert item.pop("id").endswith("_1")
    assert item == {"call_id": "x", "status": "completed", **expected}


def test_item_ids_are_not_call_ids() -> None:
    items = output(call(), call(), {"functionCall": {"name": "f"}})
    assert len({item["id"] for item in items} | {item["call_id"] for item in items}) == 6


# grounding


GROUNDING = {
    "webSearchQueries": ["q1", "q2"],
    "groundingChunks": [{"web": {"uri": "https://p", "title": "P"}}, {"web": {"uri": "https://q"}}],
    "groundingSupports": [{"segment": {"startIndex": 1, "endIndex": 3, "text": "é"}, "groundingChunkIndices": [0]}],
}


def grounded(*parts: Any, **plan: Any) -> dict[str, Any]:
    answer = answering(**plan)
    answer.add(upstream(*parts, groundingMetadata=GROUNDING))
    return checked(answer)


def test_searches_and_citations() -> None:
    response = grounded({"text": "aéb"})
    cited = {"type": "url_citation", "url": "https://p", "title": "P", "start_index": 1, "end_index": 2}
    action = {"type": "search", "query": "q1", "queries": ["q1", "q2"]}
    assert response["output"] == [
        message("aéb", annotations=[cited]),
        {"id": "ws_2", "type": "web_search_call", "status": "completed", "action": action},
    ]
    assert response["extra_content"] == {"google": {"grounding_metadata": GROUNDING}}


def test_sources_for_those_who_asked() -> None:
    search = grounded({"text": "aéb"}, include=frozenset({"web_search_call.action.sources"}))["output"][-1]
    assert search["action"]["sources"] == [{"type": "url", "url": "https://p"}, {"type": "url", "url": "https://q"}]


def test_a_citation_goes_to_the_message_it_is_in() -> None:
    answer = answering()
    support = {"segment": {"partIndex": 2, "endIndex": 1, "text": "b"}, "groundingChunkIndices": [1]}
    both = {**GROUNDING, "groundingSupports": [*GROUNDING["groundingSupports"], support]}
    answer.add(upstream({"text": "aé"}, call(), {"text": "b"}, groundingMetadata=both))
    first, _, second, _ = checked(answer)["output"]
    cited = [item["content"][0]["annotations"] for item in (first, second)]
    assert [[(a["start_index"], a["end_index"]) for a in each] for each in cited] == [[(1, 2)], [(0, 1)]]


def test_searches_without_a_text() -> None:
    assert [item["type"] for item in grounded()["output"]] == ["message", "web_search_call"]


# logprobs


def test_logprobs() -> None:
    chosen = {"chosenCandidates": [{"token": "a", "logProbability": -0.5}]}
    answer = answering(logprobs=True)
    answer.add(upstream(TEXT, logprobsResult=chosen))
    entries = [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}]
    assert checked(answer)["output"] == [message("a", logprobs=entries)]


# how it ended


@pytest.mark.parametrize(
    ("reason", "status", "details", "item_status"),
    [
        ("STOP", "completed", None, "completed"),
        ("MAX_TOKENS", "incomplete", {"reason": "max_output_tokens"}, "incomplete"),
        ("SAFETY", "incomplete", {"reason": "content_filter"}, "incomplete"),
        ("RECITATION", "incomplete", {"reason": "content_filter"}, "incomplete"),
        ("OTHER", "completed", None, "completed"),
        ("A_REASON_OF_THE_FUTURE", "completed", None, "completed"),
    ],
)
def test_finish_reasons(reason: str, status: str, details: Any, item_status: str) -> None:
    answer = answering()
    answer.add(upstream(TEXT, finishReason=reason))
    response = checked(answer)
    assert (response["status"], response["incomplete_details"]) == (status, details)
    assert response["output"] == [message("a", status=item_status)]
    assert response["completed_at"] == (CREATED + 3 if status == "completed" else None)


def test_a_complete_call_is_complete_in_an_incomplete_response() -> None:
    answer = answering()
    answer.add(upstream(TEXT, call(), finishReason="MAX_TOKENS"))
    response = checked(answer)
    assert (response["status"], [item["status"] for item in response["output"]]) == ("incomplete", ["completed"] * 2)


def test_a_blocked_prompt_is_a_refusal() -> None:
    answer = answering()
    answer.add({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}})
    response = checked(answer)
    (item,) = response["output"]
    text = "The prompt was blocked by Gemini (blockReason=SAFETY)."
    assert item["content"] == [{"type": "refusal", "refusal": text}]
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})
    assert response["usage"]["input_tokens"] == 4


def test_a_blocked_prompt_as_error() -> None:
    with pytest.raises(UpstreamError) as caught:
        answering(options=Options(blocked_prompt="error")).add({"promptFeedback": {"blockReason": "SAFETY"}})
    assert caught.value.error.status == 400


# carriers


def carried(items: list[Any]) -> list[Any]:
    """The payload of each reasoning item, the type of every other."""
    return [unsealed(i["encrypted_content"]) if i["type"] == "reasoning" else i["type"] for i in items]


@pytest.mark.parametrize(
    ("parts", "plan", "expected"),
    [
        pytest.param([TEXT], {}, ["message"], id="nothing-to-carry"),
        pytest.param(
            [THOUGHT, call(signature="c2ln")],
            {"summary": True},
            [{"v": 1, "model": MODEL, "calls": {"x": "c2ln"}}, "function_call"],
            id="in-the-summary-before-the-call",
        ),
        pytest.param(
            [THOUGHT, TEXT, call(signature="c2ln"), call()],
            {},
            ["message", {"v": 1, "model": MODEL, "calls": {"x": "c2ln"}}, "function_call", "function_call"],
            id="before-the-call-that-is-signed",
        ),
        pytest.param(
            [THOUGHT, TEXT],
            {"summary": True},
            [{"v": 1, "model": MODEL}, "message"],
            id="a-summary-always-has-a-carrier",
        ),
        pytest.param(
            [TEXT, SIGNATURE],
            {"store": False},
            ["message", {"v": 1, "model": MODEL, "text": "c2ln"}],
            id="of-the-text",
        ),
        pytest.param([TEXT, SIGNATURE], {"store": True}, ["message"], id="of-the-text-where-it-is-stored"),
        pytest.param(
            [CODE, TEXT, SIGNATURE],
            {"store": False},
            [
                "code_interpreter_call",
                "message",
                {"v": 1, "model": MODEL, "parts": [CODE, TEXT, SIGNATURE], "call_ids": []},
            ],
            id="the-turn-with-code",
        ),
        pytest.param(
            [{"toolCall": {"id": "1"}}, call(signature="c2ln")],
            {},
            [
                {"v": 1, "model": MODEL, "calls": {"x": "c2ln"}},
                "function_call",
                {
                    "v": 1,
                    "model": MODEL,
                    "parts": [{"toolCall": {"id": "1"}}, call(signature="c2ln")],
                    "call_ids": ["x"],
                },
            ],
            id="the-turn-with-server-side-tools",
        ),
        pytest.param(
            [{"inlineData": {"mimeType": "image/png", "data": "A" * MAX_CARRIED}}, TEXT, SIGNATURE],
            {"store": False},
            ["image_generation_call", "message", {"v": 1, "model": MODEL, "text": "c2ln"}],
            id="a-turn-too-large",
        ),
    ],
)
def test_carriers(parts: list[Any], plan: dict[str, Any], expected: list[Any]) -> None:
    assert carried(output(*parts, carry=True, **plan)) == expected


def test_without_being_asked_for_nothing_is_carried() -> None:
    items = output(THOUGHT, TEXT, CODE, call(signature="c2ln"), SIGNATURE, summary=True, store=False)
    assert [item for item in items if "encrypted_content" in item] == []
    assert [item["type"] for item in items] == ["reasoning", "message", "code_interpreter_call", "function_call"]


@pytest.mark.parametrize("carry", [True, False])
@pytest.mark.parametrize(
    ("parts", "call_ids"),
    [
        pytest.param([TEXT, SIGNATURE], [], id="signed-text"),
        pytest.param([THOUGHT, TEXT, call(signature="c2ln")], ["x"], id="call"),
        pytest.param([call()], ["x"], id="unsigned-call"),
        pytest.param([{**IMAGE, "thoughtSignature": "c2ln"}], [], id="image"),
    ],
)
def test_what_is_stored_holds_the_turn(parts: list[Any], call_ids: list[str], carry: bool) -> None:
    answer = answered(*parts, carry=carry)
    *items, last = answer.stored_output()
    assert items == answer.response()["output"]
    turn = [part for part in parts if not part.get("thought")]
    assert unsealed(last["encrypted_content"]) == {"v": 1, "model": MODEL, "parts": turn, "call_ids": call_ids}
    assert (last["type"], last["summary"]) == ("reasoning", [])


def test_plain_text_is_stored_as_it_is() -> None:
    answer = answered(TEXT)
    assert answer.stored_output() == answer.response()["output"] == [message("a")]


# compaction


def test_a_compaction_is_one_item() -> None:
    notes = Notes()
    answer = answered(THOUGHT, {"text": " The "}, call(), IMAGE, {"text": "story.\n"}, notes=notes, compaction=True)
    response = checked(answer)
    (item,) = response["output"]
    assert item["type"] == "compaction"
    assert unsealed(item["encrypted_content"]) == {"v": 1, "summary": "The story."}
    assert answer.stored_output() == [item]
    assert response["status"] == "completed"
    assert list(notes) == [("call-left", "f"), ("part-unknown", "inlineData image")]


@pytest.mark.parametrize(
    "empty",
    [
        pytest.param(upstream(), id="nothing"),
        pytest.param(upstream(THOUGHT, call()), id="no-text"),
        pytest.param({"promptFeedback": {"blockReason": "SAFETY"}}, id="blocked"),
    ],
)
def test_no_summary_is_no_compaction(empty: Any) -> None:
    answer = answering(compaction=True)
    with pytest.raises(UpstreamError) as caught:
        answer.add(empty)
    assert caught.value.kind is Kind.ANSWER
    answer.add(upstream(TEXT))
    assert len(checked(answer)["output"]) == 1


# the whole


@pytest.mark.parametrize(
    ("parts", "content", "reason"),
    [
        ([TEXT], "a", "stop"),
        ([THOUGHT, TEXT, call(), {"text": "b"}], "ab", "tool_calls"),
        ([call()], "", "tool_calls"),
        ([], "", "stop"),
    ],
)
def test_the_shape_of_chat_beside_the_output(parts: list[Any], content: str, reason: str) -> None:
    answer = answered(*parts)
    message = {"role": "assistant", "content": content}
    assert checked(answer)["choices"] == [{"index": 0, "message": message, "finish_reason": reason}]
    assert "choices" not in answer.response()
    assert "choices" not in checked(answered(*parts, chat_shape=False))


def test_frame() -> None:
    response = checked(answered(TEXT, echo={**ECHO, "instructions": "Be brief."}))
    assert (response["id"], response["object"], response["model"]) == ("resp_1", "response", "gpt-x")
    assert (response["created_at"], response["completed_at"]) == (CREATED, CREATED + 3)
    assert (response["instructions"], response["error"]) == ("Be brief.", None)


def test_what_is_remembered() -> None:
    assert list(answered(TEXT, call()).remember()) == ["x"]
    assert list(answered(TEXT, SIGNATURE).remember()) == [text_key("a")]
    assert answered(TEXT).remember() == answering().remember() == {}


def test_hops_make_one_answer() -> None:
    answer = answering()
    usage = {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2}}
    answer.add({**upstream(TEXT, finishReason="CONTINUATION", continuationToken="t1"), **usage})
    assert answer.continuation == "t1"
    answer.add({**upstream({"text": "b"}), **usage})
    assert answer.continuation is None
    response = checked(answer)
    assert response["output"] == [message("ab")]
    assert (response["usage"]["input_tokens"], response["usage"]["output_tokens"]) == (5, 4)


def test_an_answer_that_would_go_on_is_incomplete() -> None:
    answer = answering()
    answer.add(upstream(TEXT, finishReason="CONTINUATION", continuationToken="t1"))
    assert checked(answer)["incomplete_details"] == {"reason": "max_output_tokens"}


def test_a_refused_answer_leaves_no_trace() -> None:
    answer = answering()
    for spoilt in (upstream(TEXT, finishReason="MALFORMED_FUNCTION_CALL"), {"error": {"code": 503}}, b"<html>"):
        with pytest.raises(UpstreamError):
            answer.add(spoilt)
    with pytest.raises(UpstreamError):
        answer.finish()
    answer.add(json.dumps(upstream({"text": "b"})).encode())
    assert [item["content"][0]["text"] for item in checked(answer)["output"]] == ["b"]


def test_a_hop_that_was_refused_leaves_no_trace() -> None:
    answer = answering()
    answer.add(upstream(TEXT, finishReason="CONTINUATION", continuationToken="t1"))
    for spoilt in (upstream({"text": "x"}, finishReason="MALFORMED_FUNCTION_CALL"), {}, b"<html>"):
        with pytest.raises(UpstreamError):
            answer.add(spoilt)
        assert answer.continuation == "t1"
    answer.add(upstream({"text": "b"}))
    assert [item["content"][0]["text"] for item in checked(answer)["output"]] == ["ab"]


# whatever comes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["fn", "local_shell", "shell", "apply_patch", "tool_search", "custom"]
PARTS = st.one_of(
    st.builds(lambda text, more: {"text": text, **more}, st.text(max_size=3), st.sampled_from([{}, {"thought": True}])),
    st.builds(
        lambda name, args: {"functionCall": {"name": name, "args": args}, "thoughtSignature": "c2ln"},
        st.sampled_from(NAMES),
        st.dictionaries(
            st.sampled_from(["command", "commands", "env", "operation", "type", "path", "input", "timeout_ms"]), JSON
        )
        | JSON,
    ),
    st.dictionaries(
        st.sampled_from(["text", "functionCall", "inlineData", "executableCode", "codeExecutionResult", "fileData"]),
        JSON,
        max_size=2,
    ),
    JSON,
)
ANSWERS = st.builds(
    lambda parts, more, top: {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP", **more}], **top},
    st.lists(PARTS, max_size=4),
    st.dictionaries(
        st.sampled_from(["groundingMetadata", "citationMetadata", "logprobsResult", "finishReason", "index"]), JSON
    ),
    st.dictionaries(st.sampled_from(["usageMetadata", "promptFeedback", "responseId"]), JSON),
)
KINDS = {name: ToolKind(name, name) for name in NAMES[1:]}


@given(ANSWERS | JSON, st.booleans())
def test_any_answer_is_a_response_or_an_error(value: Any, carry: bool) -> None:
    answer = answering(
        summary=True,
        carry=carry,
        logprobs=True,
        names={name: name for name in NAMES},
        kinds=KINDS,
        custom={"custom"},
        include=frozenset({"code_interpreter_call.outputs", "web_search_call.action.sources"}),
    )
    try:
        answer.add(json.dumps(value).encode())
    except UpstreamError:
        return
    assert checked(answer)["output"]
    assert json.dumps(answer.stored_output())
