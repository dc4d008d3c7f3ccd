"""Content blocks of messages: every kind, in every role, and what goes back of earlier answers."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.faults import Fault
from mapping.request.conversation import carrier
from mapping.request.signatures import DUMMY, text_key
from mapping.values import JSON, RawTurn
from tests.mapping.messages.request.ask import (
    G3,
    G25,
    HI,
    PICTURE,
    PNG,
    SAID,
    TOOL,
    Asked,
    assistant,
    result,
    source,
    text,
    use,
    user,
)

PDF = "JVBERi0xLjQ="
DOCUMENT: JSON = {"inlineData": {"mimeType": "application/pdf", "data": PDF}}
IMAGE = source("base64", "image", media_type="image/png", data=PNG)
FOUND: JSON = {"type": "search_result", "title": "T", "source": "https://a.example", "content": [text("a"), text("b")]}
SHOWN = "[search result T, https://a.example]\na\nb\n[end of search result]"


def said(*texts: str) -> list[JSON]:
    return [{"text": one} for one in texts]


USERS = [
    # block, parts, notes
    (text("a"), said("a"), []),
    (text(""), [], "dropped"),
    (text("a", cache_control={"type": "ephemeral"}, citations=None), said("a"), []),
    (IMAGE, [PICTURE], []),
    ({**IMAGE, "cache_control": {"type": "ephemeral"}, "transformations": {}}, [PICTURE], []),
    (source("base64", "image", data=PNG), [PICTURE], []),
    (source("base64", "image", media_type="image/jpeg", data=PNG), [PICTURE], [("media-type", "source.data")]),
    (source("base64", "image", media_type="image/png", data=f"data:image/png;base64,{PNG}"), [PICTURE], []),
    (
        source("url", "image", url="https://a.example/b.png"),
        [{"fileData": {"fileUri": "https://a.example/b.png", "mimeType": "image/png"}}],
        [],
    ),
    (source("file", "image", file_id="gs://b/c"), [{"fileData": {"fileUri": "gs://b/c"}}], []),
    (source("base64", media_type="application/pdf", data=PDF), [DOCUMENT], []),
    (
        {**source("base64", media_type="application/pdf", data=PDF), "title": "T", "context": "C"},
        [*said("[document T]\nC"), DOCUMENT],
        [],
    ),
    (
        source("url", url="https://a.example/b.pdf"),
        [{"fileData": {"fileUri": "https://a.example/b.pdf", "mimeType": "application/pdf"}}],
        [],
    ),
    (
        source("file", file_id="files/abc"),
        [{"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}}],
        [],
    ),
    (source("text", media_type="text/plain", data="a"), said("a"), []),
    (
        {**source("text", media_type="text/plain", data="a"), "title": "T"},
        said("[document T]\na\n[end of document]"),
        [],
    ),
    (
        {**source("text", media_type="text/plain", data="a"), "context": "C"},
        said("[document]\nC\na\n[end of document]"),
        [],
    ),
    (source("content", content="a"), said("a"), []),
    (source("content", content=[text("a"), IMAGE, text("")]), [*said("a"), PICTURE], []),
    (
        source("content", content=[{"type": "newest", "text": "a"}]),
        said("a"),
        [("unknown", "source.content[0].type newest")],
    ),
    ({**source("content", content="a"), "citations": {"enabled": False}}, said("a"), []),
    ({**source("content", content="a"), "citations": {"enabled": True}}, said("a"), [("ignored", "citations")]),
    (FOUND, said(SHOWN), []),
    ({"type": "tool_reference", "tool_name": "f"}, said("These tools can be called now: f"), []),
    ({"type": "newest", "text": "a"}, said("a"), [("unknown", "type newest")]),
    ({"type": "compaction", "content": None}, [], "dropped"),
    ({"type": "fallback", "from": {}, "to": {}}, [], "dropped"),
    ({"type": "thinking", "thinking": "hm", "signature": ""}, [], "item"),
    ({"type": "web_search_tool_result", "tool_use_id": "s", "content": []}, [], "item"),
]


@pytest.mark.parametrize(("block", "parts", "notes"), USERS)
def test_blocks_of_the_user(block: JSON, parts: list[JSON], notes: Any) -> None:
    asked = Asked({"messages": [HI, assistant(text("Yes?")), user(block)]})
    path = "messages[2].content[0]"
    expected = {
        "dropped": [("turn-dropped", "messages[2]")],
        "item": [("item-dropped", path), ("turn-dropped", "messages[2]")],
    }
    if not parts:
        assert asked.notes == expected[notes]
        assert len(asked.contents) == 2
        return
    assert asked.contents[2:] == [{"role": "user", "parts": parts}]
    assert asked.notes == [(code, f"{path}.{where}") for code, where in notes]


def test_citations_are_known_on_the_way_back() -> None:
    cited = {**source("content", content="a"), "citations": {"enabled": True}}
    assert Asked({"messages": [user(cited)]}).plan.citations
    assert not Asked({}).plan.citations


# results

CALLED: list[JSON] = [HI, assistant(use(x=1))]
CALL: JSON = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"x": 1}}}]}


def response(**members: Any) -> JSON:
    return {"functionResponse": {"name": "f", "response": members}}


RESULTS = [
    # the message after the call, model, what the user says then, notes
    (user(result("r")), [response(output="r")], []),
    (user(result(None)), [response(output="")], []),
    (user({"type": "tool_result", "tool_use_id": "toolu_1"}), [response(output="")], []),
    (user(result("r", is_error=False, cache_control={"type": "ephemeral"})), [response(output="r")], []),
    (
        user(result("<tool_use_error>No.</tool_use_error>", is_error=True)),
        [response(error="<tool_use_error>No.</tool_use_error>")],
        [],
    ),
    (user(result([text("a"), text("b")])), [response(output="a\nb")], []),
    (
        user(result([FOUND])),
        [response(output="[search result T, https://a.example]\na\nb\n[end of search result]")],
        [],
    ),
    (
        user(result([{**source("text", data="a"), "title": "T"}])),
        [response(output="[document T]\na\n[end of document]")],
        [],
    ),
    (
        user(result([{"type": "tool_reference", "tool_name": n} for n in ("WebFetch", "WebSearch")])),
        [response(output="These tools can be called now: WebFetch, WebSearch")],
        [],
    ),
    (user(result([text("a"), IMAGE])), [response(output="a"), {"text": "[files of the result of f]"}, PICTURE], []),
    (user(result("r"), text("A notice.")), [response(output="r"), {"text": "A notice."}], []),
    (user(text("A notice."), result("r")), [response(output="r"), {"text": "A notice."}], []),
    (
        user(result([{"type": "browser_state", "tabs": []}, text("a")])),
        [response(output="a")],
        [("unknown", "messages[2].content[0].content[0].type browser_state")],
    ),
    (user(result([])), [response(output="")], []),
]


@pytest.mark.parametrize(("message", "parts", "notes"), RESULTS)
def test_results(message: JSON, parts: list[JSON], notes: list[Any]) -> None:
    asked = Asked({"messages": [*CALLED, message], "tools": [TOOL]})
    assert asked.contents == [SAID, CALL, {"role": "user", "parts": parts}]
    assert asked.notes == notes


def test_pictures_stand_inside_of_results_from_gemini_3_on() -> None:
    asked = Asked({"messages": [*CALLED, user(result([text("a"), IMAGE]))]}, G3)
    [part] = asked.contents[2]["parts"]
    assert part["functionResponse"]["parts"] == [PICTURE]


def test_calls_and_results_of_several_at_once() -> None:
    asked = Asked(
        {
            "messages": [
                HI,
                assistant(text("I look."), use("a", "f", x=1), use("b", "g")),
                user(result("rb", "b"), result("ra", "a", is_error=True), text("Go on.")),
                {"role": "system", "content": "Be quick."},
            ]
        }
    )
    assert asked.contents[1:] == [
        {
            "role": "model",
            "parts": [
                {"text": "I look."},
                {"functionCall": {"name": "f", "args": {"x": 1}}},
                {"functionCall": {"name": "g", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "f", "response": {"error": "ra"}}},
                {"functionResponse": {"name": "g", "response": {"output": "rb"}}},
                {"text": "Go on."},
                {"text": "<system>Be quick.</system>"},
            ],
        },
    ]
    assert ("result-order", "messages[2].content[0]") in asked.notes
    assert asked.plan.used_ids == {"a", "b"}


def test_a_whole_message_as_the_sdk_gives_it() -> None:
    message = {"id": "msg_1", "model": "m", "stop_reason": "end_turn", "stop_sequence": None, "type": "message"}
    asked = Asked({"messages": [HI, {**message, "usage": {}, **assistant(text("Yes?", citations=None))}, HI]})
    assert asked.contents == [SAID, {"role": "model", "parts": said("Yes?")}, SAID]
    assert not asked.notes


ASSISTANTS = [
    # blocks of the assistant, parts, notes
    ([text("a"), text("b")], said("a", "b"), []),
    ([text("a"), {"type": "newest", "content": "b"}], said("a", "b"), [("unknown", "content[1].type newest")]),
    ([text("a"), IMAGE], [*said("a"), PICTURE], []),
    (
        [
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
            {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
            text("a", citations=[{"type": "web_search_result_location", "url": "u"}]),
        ],
        said("a"),
        [("item-dropped", "content[0]"), ("item-dropped", "content[1]")],
    ),
    ([{"type": "thinking", "thinking": "hm", "signature": ""}, text("a")], said("a"), []),
    ([{"type": "thinking", "thinking": "hm"}, text("a")], said("a"), []),
    (
        [{"type": "thinking", "thinking": "hm", "signature": "EqoB"}, text("a")],
        said("a"),
        [("reasoning-foreign", "content[0]")],
    ),
    ([{"type": "redacted_thinking", "data": "EqoB"}, text("a")], said("a"), [("reasoning-foreign", "content[0]")]),
    ([text("a"), {"type": "fallback", "from": {}, "to": {}}], said("a"), []),
]


@pytest.mark.parametrize(("blocks", "parts", "notes"), ASSISTANTS)
def test_blocks_of_the_assistant(blocks: list[JSON], parts: list[JSON], notes: list[Any]) -> None:
    asked = Asked({"messages": [HI, assistant(*blocks), HI]})
    assert asked.contents == [SAID, {"role": "model", "parts": parts}, SAID]
    assert asked.notes == [(code, f"messages[1].{where}") for code, where in notes]


def test_arguments_as_a_text() -> None:
    called = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": '{"x":1}'}
    assert Asked({"messages": [HI, assistant(called), user(result())]}).contents[1] == CALL


def test_an_answer_that_is_to_be_continued() -> None:
    assert Asked({"messages": [HI, {"role": "assistant", "content": "Ye"}]}).contents[1:] == [
        {"role": "model", "parts": said("Ye")}
    ]


# signatures


def thinking(name: str, block: str = "thinking") -> JSON:
    member = {"thinking": "signature", "redacted_thinking": "data"}[block]
    return {"type": block, "thinking": "hm", member: name}


SEALED: dict[str, JSON] = {
    "calls": carrier.pack(G3, calls={"toolu_1": "QUJD"}),
    "text": carrier.pack(G3, text="REVG"),
    "both": carrier.pack(G3, calls={"toolu_1": "QUJD"}, text="REVG"),
    "nothing": carrier.pack(G3),
    "flash": carrier.pack("gemini-3.8-flash", calls={"toolu_1": "QUJD"}),
    "turn": carrier.pack(G3, turn=RawTurn(G3, [{"executableCode": {"code": "1"}}, {"text": "One."}], [])),
}
SIGNED: JSON = {"functionCall": {"id": "toolu_1", "name": "f", "args": {"x": 1}}, "thoughtSignature": "QUJD"}


@pytest.mark.parametrize("block", ["thinking", "redacted_thinking"])
@pytest.mark.parametrize("first", [True, False])
def test_the_signature_of_a_call(first: bool, block: str) -> None:
    blocks = [thinking("calls", block), use(x=1)]
    asked = Asked(
        {"messages": [HI, assistant(*(blocks if first else blocks[::-1])), user(result())]}, G3, unseal=SEALED.get
    )
    assert asked.contents[1]["parts"] == [SIGNED]
    assert not asked.notes


SIGNATURES = [
    ([thinking("text"), text("a")], [{"text": "a", "thoughtSignature": "REVG"}], []),
    ([thinking("nothing"), text("a")], said("a"), []),
    ([thinking("text"), thinking("nothing"), text("a")], [{"text": "a", "thoughtSignature": "REVG"}], []),
    ([thinking("turn"), text("One.")], [{"executableCode": {"code": "1"}}, {"text": "One."}], ["turn-replayed"]),
    ([thinking("turn"), text("Two.")], said("Two."), []),
    ([thinking("flash"), text("a")], said("a"), ["signature-foreign"]),
]


@pytest.mark.parametrize(("blocks", "parts", "codes"), SIGNATURES)
def test_the_signature_of_a_text(blocks: list[JSON], parts: list[JSON], codes: list[str]) -> None:
    asked = Asked({"messages": [HI, assistant(*blocks), HI]}, G3, unseal=SEALED.get)
    assert asked.contents[1]["parts"] == parts
    assert [code for code, _ in asked.notes] == codes


def test_the_signature_of_another_model_gives_way_to_the_placeholder() -> None:
    asked = Asked({"messages": [HI, assistant(thinking("flash"), use(x=1)), user(result())]}, G3, unseal=SEALED.get)
    assert asked.contents[1]["parts"][0]["thoughtSignature"] == DUMMY
    assert {code for code, _ in asked.notes} == {"signature-foreign", "signature-dummy"}


def test_what_the_gateway_remembers_counts_where_nothing_is_carried() -> None:
    turn = RawTurn(G25, [{"executableCode": {"code": "1"}}, {"text": "One."}], [])
    asked = Asked({"messages": [HI, assistant(text("One.")), HI]}, recall={text_key("One."): turn}.get)
    assert asked.contents[1]["parts"] == turn.parts


# refused

ROLES = ("user", "assistant", "system")
REFUSED = [
    ([user({"type": "container_upload", "file_id": "f"})], "messages[0].content[0]"),
    ([user(use())], "messages[0].content[0]"),
    ([HI, assistant(result())], "messages[1].content[0]"),
    ([user({})], "messages[0].content[0].type"),
    *(([HI, {"role": role, "content": [{"type": ["a"]}]}], "messages[1].content[0].type") for role in ROLES),
    ([user({"type": "text"})], "messages[0].content[0].text"),
    ([user(["a"])], "messages[0].content[0]"),
    ([user({"type": "image"})], "messages[0].content[0].source"),
    ([user(source("scan", "image"))], "messages[0].content[0].source.type"),
    ([user(source("text", "image", data="a"))], "messages[0].content[0].source.type"),
    ([user(source("base64", "image", media_type="image/png"))], "messages[0].content[0].source.data"),
    ([user(source("base64", "image", media_type="image/png", data="?"))], "messages[0].content[0].source.data"),
    ([user(source("base64", "image", media_type="png", data=PNG))], "messages[0].content[0].source.media_type"),
    ([user(source("base64", data="AAAA"))], "messages[0].content[0].source.media_type"),
    ([user(source("url", "image", url="ftp://a"))], "messages[0].content[0].source.url"),
    ([user(source("url"))], "messages[0].content[0].source.url"),
    ([user(source("file", file_id="file_011"))], "messages[0].content[0].source.file_id"),
    ([user(source("content"))], "messages[0].content[0].source.content"),
    ([user({**source("text", data="a"), "title": 5})], "messages[0].content[0].title"),
    ([user({**source("text", data="a"), "citations": True})], "messages[0].content[0].citations"),
    ([user({**FOUND, "source": None})], "messages[0].content[0].source"),
    ([*CALLED, user(result(5))], "messages[2].content[0].content"),
    ([*CALLED, user(result("r", is_error="no"))], "messages[2].content[0].is_error"),
    ([*CALLED, user({"type": "tool_result"})], "messages[2].content[0].tool_use_id"),
    ([HI, user(result("r", "toolu_nobody"))], "messages[1].content[0].tool_use_id"),
    ([HI, assistant({"type": "tool_use", "name": "f"})], "messages[1].content[0].id"),
    ([HI, assistant({"type": "tool_use", "id": "a"})], "messages[1].content[0].name"),
    ([HI, assistant({"type": "tool_use", "id": "a", "name": "f", "input": 5})], "messages[1].content[0].input"),
    ([HI, assistant({"type": "thinking", "signature": 5})], "messages[1].content[0].signature"),
]


@pytest.mark.parametrize(("messages", "param"), REFUSED)
def test_refused(messages: list[JSON], param: str) -> None:
    with pytest.raises(Fault) as caught:
        Asked({"messages": messages})
    assert (caught.value.status, caught.value.param) == (400, param)


def test_a_file_of_anthropics_is_said_to_be_one() -> None:
    with pytest.raises(Fault, match="files uploaded to Anthropic are not known here"):
        Asked({"messages": [user(source("file", "image", file_id="file_011"))]})


def test_strict_settings_want_a_result_for_each_call() -> None:
    Asked({"messages": CALLED})
    with pytest.raises(Fault, match="`tool_use` ids were found without `tool_result` blocks") as caught:
        Asked({"messages": CALLED}, strict=True)
    assert caught.value.param == "messages[1]"
