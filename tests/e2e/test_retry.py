"""Answers that are none are asked for again, and requests that are refused are mended once, while nothing was sent."""

from __future__ import annotations

import contextlib
import http.client
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mitmproxy import io

from addons.gateway.cases.export import by_exchange, from_flows
from addons.gateway.cases.rerun import differences, rerun
from mapping.request.signatures import DUMMY
from tests.e2e.conftest import ScriptedUpstream, http_answer, wait_until
from tests.e2e.message_checks import check_answer
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Answer, Gateway, Reply, Starter

WIRE = Path(__file__).parents[1] / "data" / "wire"
MODEL = "gemini-3.8-flash"
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
KINDS = {
    "gemini": "",
    "vertex": 'upstream = "vertex"\nproject = "p"\nlocation = "europe-west4"',
    "code-assist": 'upstream = "code-assist"\nproject = "p"',
}


def recorded(name: str) -> Any:
    return json.loads((WIRE / name).read_bytes())


def text(*parts: Any, finish: str | None = "STOP", **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0, **more}
    return {"candidates": [{**candidate, "finishReason": finish} if finish else candidate]}


GOOD = text({"text": "All is well."})


def reply(value: Any, stream: bool) -> bytes:
    """The HTTP answer with one value: whole, or as the only event of a stream."""
    data = json.dumps(value).encode()
    return http_answer(b"data: " + data + b"\r\n\r\n", "text/event-stream") if stream else http_answer(data)


def refusal(message: str, status: int = 400, name: str = "INVALID_ARGUMENT") -> bytes:
    body = json.dumps({"error": {"code": status, "message": message, "status": name}}).encode()
    head = f"HTTP/1.1 {status} Refused\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def account(upstream: ScriptedUpstream, label: str = "a", kind: str = "gemini") -> str:
    return f'[[accounts]]\nemail = "{label}"\napi_key = "key-{label}"\nbase_url = "{upstream.url}"\n{KINDS[kind]}\n'


def content(answer: Answer, stream: bool) -> str:
    assert answer.status == 200, answer.body
    if not stream:
        return answer.text
    assert answer.events[-1] == "[DONE]"
    chunks = [choice["delta"] for event in answer.events[:-1] for choice in event["choices"]]
    return "".join(delta.get("content") or "" for delta in chunks)


SAVED = "saved.flow"


def assert_replayed(gateway: Gateway, count: int) -> None:
    """The saved exchanges give the same Gemini requests and the same answers once more."""
    gateway.stop()
    for flows in by_exchange(io.read_flows_from_paths([gateway.folder / SAVED])).values():
        case = from_flows(flows)
        assert differences(case, rerun(case)) == []
        count -= 1
    assert count == 0


class Case:
    """A gateway over a scripted upstream."""

    def __init__(self, starter: Starter) -> None:
        self._starter = starter
        self.upstreams: list[ScriptedUpstream] = []

    def over(
        self, *replies: Reply, accounts: int = 1, kind: str = "gemini", settings: str = "", saved: bool = False
    ) -> Gateway:
        """`saved`: the exchanges go into a file, for `assert_replayed`."""
        upstream = ScriptedUpstream(*replies)
        self.upstreams.append(upstream)
        arguments = ("-w", SAVED) if saved else ()
        return self._starter(settings + "".join(account(upstream, f"a{n}", kind) for n in range(accounts)), *arguments)

    @property
    def bodies(self) -> list[Any]:
        """What the upstream got."""
        return self.upstreams[-1].bodies


@pytest.fixture
def case(starter: Starter) -> Iterator[Case]:
    found = Case(starter)
    yield found
    for upstream in found.upstreams:
        upstream.close()


# ---- answers that are none

NONE = {
    "a malformed function call": recorded("malformed_function_call.json"),
    "an unexpected tool call": recorded("unexpected_tool_call.json"),
    "no candidate": {"candidates": [], "usageMetadata": {"promptTokenCount": 5}},
    "no finish reason": text(finish=None),
}


@STREAMED
@pytest.mark.parametrize("bad", NONE.values(), ids=NONE)
@pytest.mark.parametrize("accounts", [1, 2])
def test_it_is_asked_for_again(case: Case, bad: Any, accounts: int, stream: bool) -> None:
    """Of another account where there is one, else of the same: the model may well do better the second time."""
    gateway = case.over(reply(bad, stream), reply(GOOD, stream), accounts=accounts)
    answer = gateway.chat(MODEL, stream=stream)
    assert content(answer, stream) == "All is well."
    assert answer.headers["x-account-email"] == f"a{accounts - 1}"
    assert "retried" in answer.headers["x-antigravity-notes"]
    assert len(case.bodies) == 2


@STREAMED
def test_it_is_asked_for_again_once(case: Case, stream: bool) -> None:
    bad = NONE["a malformed function call"]
    answer = case.over(reply(bad, stream), reply(bad, stream)).chat(MODEL, stream=stream)
    assert (answer.status, answer.error["code"]) == (500, "malformed_function_call")
    assert len(case.bodies) == 2


def test_it_is_asked_for_once_only_where_that_is_wanted(case: Case) -> None:
    gateway = case.over(reply(NONE["no candidate"], False), settings="[retry]\nmax_attempts = 1\n")
    assert gateway.chat(MODEL).status == 500
    assert len(case.bodies) == 1


@pytest.mark.parametrize("broken", [False, True], ids=["a malformed function call", "no finish reason"])
def test_nothing_is_asked_for_again_once_something_was_sent(case: Case, broken: bool) -> None:
    """A call that was none after some text is the end of that text; one without an end gets an error for an end."""
    events = [text({"text": "Let me see"}, finish=None), *([] if broken else [NONE["a malformed function call"]])]
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\r\n\r\n" for event in events)
    answer = case.over(http_answer(body, "text/event-stream"), accounts=2).chat(MODEL, stream=True)
    assert answer.status == 200
    assert b"Let me see" in answer.body
    if broken:
        assert set(answer.events[-1]["error"]) == {"message", "type", "param", "code"}
    else:
        assert content(answer, True) == "Let me see"
    assert len(case.bodies) == 1


# ---- answers that end well and hold nothing

PROMPT = {"promptTokenCount": 158, "totalTokenCount": 158}
EMPTY = {
    "no text": {**text({"text": ""}), "usageMetadata": PROMPT},
    "no part": {**text(), "usageMetadata": PROMPT},
    "no content": {"candidates": [{"finishReason": "STOP"}], "usageMetadata": PROMPT},
}
PATHS = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Go on."}]},
    "/v1/responses": {"input": "Go on."},
    "/v1/completions": {"prompt": "Go on."},
    "/v1/messages": {"max_tokens": 1000, "messages": [{"role": "user", "content": "Hi."}]},
}


def ask(gateway: Gateway, path: str, *, stream: bool, **members: Any) -> Answer:
    return gateway.call("POST", path, {"model": MODEL, "stream": stream, **PATHS[path], **members})


@STREAMED
@pytest.mark.parametrize("path", PATHS)
def test_an_empty_answer_is_asked_for_once_more(case: Case, path: str, stream: bool) -> None:
    empty = [reply(value, stream) for value in EMPTY.values()]
    good = {**GOOD, "usageMetadata": {**PROMPT, "candidatesTokenCount": 4, "totalTokenCount": 162}}
    gateway = case.over(*(data for one in empty for data in (one, reply(good, stream))), accounts=2)
    for count in range(1, len(empty) + 1):
        answer = ask(gateway, path, stream=stream)
        assert answer.status == 200
        assert b"All is well." in answer.body
        assert "retried=empty answer" in answer.headers["x-antigravity-notes"]
        assert len(case.bodies) == 2 * count
    spent = gateway.call("GET", "/status.json").json["models"][0]
    assert spent["prompt"] == 2 * 158 * len(empty)


@STREAMED
@pytest.mark.parametrize("path", PATHS)
def test_then_it_is_taken_as_it_is(case: Case, path: str, stream: bool) -> None:
    empty = reply(EMPTY["no text"], stream)
    gateway = case.over(empty, empty)
    answer = ask(gateway, path, stream=stream)
    assert answer.status == 200
    assert b'"error":{' not in answer.body
    assert len(case.bodies) == 2


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_thoughts_that_were_sent_are_not_sent_again(case: Case, path: str) -> None:
    thought = text({"text": "Hm.", "thought": True}, finish=None)
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\r\n\r\n" for event in (thought, EMPTY["no text"]))
    gateway = case.over(http_answer(body, "text/event-stream"), accounts=2)
    shown = {"reasoning": {"summary": "auto"}} if path == "/v1/responses" else {}
    answer = ask(gateway, path, stream=True, **shown)
    assert answer.body.count(b'"Hm."') >= 1
    assert b'"error":{' not in answer.body
    assert len(case.bodies) == 1


def test_an_empty_answer_is_asked_for_once_only_where_that_is_wanted(case: Case) -> None:
    empty = reply(EMPTY["no text"], False)
    gateway = case.over(empty, settings="[retry]\nmax_attempts = 1\n")
    assert ask(gateway, "/v1/chat/completions", stream=False).status == 200
    assert len(case.bodies) == 1


def test_each_of_the_calls_for_n_is_asked_for_once_more(case: Case) -> None:
    empty = reply(EMPTY["no text"], False)
    gateway = case.over(*[empty] * 4)
    answer = ask(gateway, "/v1/chat/completions", stream=False, n=2)
    assert [choice["message"]["content"] for choice in answer.json["choices"]] == ["", ""]
    assert len(case.bodies) == 4


PASSING = {
    "high demand": (503, "This model is currently experiencing high demand. Please try again later.", "UNAVAILABLE"),
    "internal": (500, "An internal error has occurred.", "INTERNAL"),
}


@STREAMED
@pytest.mark.parametrize(("status", "message", "name"), PASSING.values(), ids=PASSING)
def test_a_fault_that_passes_is_tried_again_with_the_only_key(
    case: Case, status: int, message: str, name: str, stream: bool
) -> None:
    gateway = case.over(refusal(message, status, name), reply(GOOD, stream))
    answer = gateway.chat(MODEL, stream=stream)
    assert content(answer, stream) == "All is well."
    assert f"retried={status} {name}" in answer.headers["x-antigravity-notes"]
    assert len(case.bodies) == 2


# ---- requests that are mended

CALL = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
TURNS = [
    {"role": "user", "content": "Weather?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{**CALL, "extra_content": {"google": {"thought_signature": "c2ln"}}}],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "18 C"},
]
MISSING = {
    "refused": refusal(recorded("error_400_missing_thought_signature.json")["error"]["message"]),
    "finish reason": None,
}


@STREAMED
@pytest.mark.parametrize("missing", MISSING.values(), ids=MISSING)
@pytest.mark.parametrize("kind", KINDS)
def test_signatures_are_rebuilt_once(case: Case, kind: str, missing: bytes | None, stream: bool) -> None:
    told = missing or reply(recorded("missing_thought_signature_finish.json"), stream)
    gateway = case.over(told, reply(GOOD, stream), told, told, kind=kind)
    request = {"model": MODEL, "messages": TURNS, "tools": TOOLS, "stream": stream}
    answer = gateway.call("POST", "/v1/chat/completions", request)
    assert content(answer, stream) == "All is well."
    assert "signature-dummy" in answer.headers["x-antigravity-notes"]
    assert [signature(body) for body in case.bodies] == ["c2ln", DUMMY]
    again = gateway.call("POST", "/v1/chat/completions", request)
    assert again.status in (400, 500)
    assert len(case.bodies) == 4


def unended(*events: Any, then: bytes = b"") -> bytes:
    """A stream of these events that has no end; `then` is what comes after them."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    told = [f"data: {json.dumps(event)}\r\n\r\n".encode() for event in events]
    return head + b"".join(b"%x\r\n%s\r\n" % (len(event), event) for event in told) + then


SIGNED = {"functionCall": {"id": "c7", "name": "get_weather", "args": {}}, "thoughtSignature": "dHJ1ZQ=="}
TORN = {
    "by the connection": unended(text(SIGNED, finish=None), then=b"no chunk\r\n"),
    "by an error": unended(
        text(SIGNED, finish=None), {"error": {"code": 503, "message": "Overloaded"}}, then=b"0\r\n\r\n"
    ),
    "by the client": unended(text(SIGNED, finish=None)),
}


@pytest.mark.parametrize("torn", TORN.values(), ids=TORN)
def test_a_call_of_an_answer_without_an_end_keeps_its_signature(case: Case, torn: bytes) -> None:
    """opencode runs what it has got before the stream broke, and gives it back."""
    gateway = case.over(torn, reply(GOOD, stream=False))
    body = {"model": MODEL, "messages": TURNS[:1], "tools": TOOLS, "stream": True}
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)) as connection:
        connection.request("POST", "/v1/chat/completions", json.dumps(body))
        line = b""
        with connection.getresponse() as stream:
            while b"tool_calls" not in line:
                line = stream.readline()
                assert line
            if torn is not TORN["by the client"]:
                assert b'"error"' in stream.read()
    (told,) = json.loads(line[6:])["choices"][0]["delta"]["tool_calls"]
    wait_until(lambda: "/v1/chat/completions · " in gateway.log)  # the exchange is over

    call = {name: told[name] for name in ("id", "type", "function")}  # the signature is lost, as with most clients
    given = [
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "18 C"},
    ]
    answer = gateway.call("POST", "/v1/chat/completions", {**body, "messages": [*TURNS[:1], *given], "stream": False})
    assert content(answer, stream=False) == "All is well."
    assert signature(case.bodies[-1]) == "dHJ1ZQ=="
    assert "signature-dummy" not in answer.headers["x-antigravity-notes"]


def signature(body: Any) -> str:
    """That of the function call in a request, out of its envelope."""
    contents = body.get("request", body)["contents"]
    return str(next(part["thoughtSignature"] for turn in contents for part in turn["parts"] if "functionCall" in part))


REFUSED = {
    "thinking": (
        {"reasoning_effort": "low"},
        "Thinking is not supported by this model.",
        ("generationConfig", "thinkingConfig"),
        "upstream-refuses=generationConfig.thinkingConfig",
    ),
    "response schema": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}},
        "Unknown name response_json_schema",
        ("generationConfig", "responseJsonSchema"),
        "upstream-refuses=generationConfig.responseJsonSchema",
    ),
}

FUNCTION = {"name": "f", "strict": True, "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}
STRICT_TOOL = {"tools": [{"type": "function", "function": FUNCTION}]}
MENDED = {
    "a turn of the model's at the end": (
        {"messages": [{"role": "user", "content": "Tell."}, {"role": "assistant", "content": "Once upon"}]},
        "Requests ending with a model turn are not supported unless the last part is a function response.",
        "upstream-refuses=contents (a turn that asks to go on)",
    ),
    "checked calls": (
        STRICT_TOOL,
        "The specified schema produces a constraint that has too many states for serving. ...",
        "upstream-refuses=toolConfig (mode AUTO)",
    ),
    "JSON beside tools": (
        {**STRICT_TOOL, "response_format": {"type": "json_object"}},
        "Function calling with a response mime type: 'application/json' is unsupported",
        "upstream-refuses=generationConfig.responseMimeType (by a sentence)",
    ),
}


@STREAMED
@pytest.mark.parametrize(("members", "message", "note"), MENDED.values(), ids=MENDED)
def test_what_is_refused_is_asked_in_another_form(
    case: Case, members: Any, message: str, note: str, stream: bool
) -> None:
    gateway = case.over(refusal(message), reply(text({"text": "```json\n{}\n```"}), stream))
    body = {"model": "gemini-3-flash-preview", "messages": TURNS[:1], "stream": stream, **members}
    answer = gateway.call("POST", "/v1/chat/completions", body)
    assert content(answer, stream) == ("{}" if "Mime" in note else "```json\n{}\n```")
    assert note in answer.headers["x-antigravity-notes"]
    assert len(case.bodies) == 2
    assert case.bodies[0] != case.bodies[1]


@STREAMED
def test_choices_that_one_call_does_not_make_are_made_by_several(case: Case, stream: bool) -> None:
    refused = refusal("Multiple candidates is not enabled for this model")
    gateway = case.over(refused, reply(GOOD, stream), reply(GOOD, False), reply(GOOD, False))
    answer = gateway.call(
        "POST",
        "/v1/chat/completions",
        {"model": "gemini-2.5-flash-lite", "messages": TURNS[:1], "stream": stream, "n": 3},
    )
    assert answer.status == 200
    assert answer.body.count(b"All is well.") == 3
    assert [body.get("generationConfig", {}).get("candidateCount") for body in case.bodies] == [3, None, None, None]


@STREAMED
@pytest.mark.parametrize(("members", "message", "place", "note"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_refused_is_left_out_once(
    case: Case, kind: str, members: Any, message: str, place: tuple[str, str], note: str, stream: bool
) -> None:
    gateway = case.over(refusal(message), reply(GOOD, stream), refusal(message), refusal(message), kind=kind)
    answer = gateway.chat(MODEL, stream=stream, **members)
    assert content(answer, stream) == "All is well."
    assert note in answer.headers["x-antigravity-notes"]
    first, second = (body.get("request", body) for body in case.bodies)
    assert place[1] in first[place[0]]
    assert place[1] not in second.get(place[0], {})
    assert second["contents"] == first["contents"]
    assert gateway.chat(MODEL, stream=stream, **members).error["type"] == "invalid_request_error"
    assert len(case.bodies) == 4


FORMAT = {"type": "json_schema", "schema": {"type": "object"}}
STRICT_USE = {"name": "f", "strict": True, "input_schema": FUNCTION["parameters"]}
MESSAGES = {
    # what Claude Code would strip its request of, one after another: members, what Gemini says, the note
    "thinking": (
        {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "high"}},
        "Thinking is not supported by this model.",
        "upstream-refuses=generationConfig.thinkingConfig",
    ),
    "schema": (
        {"output_config": {"format": FORMAT}},
        "Unknown name response_json_schema",
        "upstream-refuses=generationConfig.responseJsonSchema",
    ),
    "checked calls": (
        {"tools": [STRICT_USE]},
        "The specified schema produces a constraint that has too many states for serving. ...",
        "upstream-refuses=toolConfig (mode AUTO)",
    ),
    "a given answer": (
        {"messages": [*TURNS[:1], {"role": "assistant", "content": "Once upon"}]},
        "Requests ending with a model turn are not supported unless the last part is a function response.",
        "upstream-refuses=contents (a turn that asks to go on)",
    ),
}


@STREAMED
@pytest.mark.parametrize(("members", "message", "note"), MESSAGES.values(), ids=MESSAGES)
def test_what_is_refused_of_Messages_is_mended_too(
    case: Case, members: Any, message: str, note: str, stream: bool
) -> None:
    gateway = case.over(refusal(message), reply(GOOD, stream))
    body = {"model": "gemini-3-flash-preview", "max_tokens": 32000, "messages": TURNS[:1], "stream": stream, **members}
    answer = gateway.call("POST", "/v1/messages?beta=true", body)
    assert answer.status == 200
    check_answer("/v1/messages", 200, answer.headers["content-type"].partition(";")[0], answer.body)
    assert b"All is well." in answer.body
    assert note in answer.headers["x-antigravity-notes"]
    assert len(case.bodies) == 2


# ---- refusals that are final: the client's own path

TAGS = {"type": "object", "properties": {"tags": {"type": "array", "items": {"type": "string"}}}}
SEARCHING = {
    "/v1/chat/completions": {"type": "function", "function": {"name": "find it", "parameters": TAGS}},
    "/v1/responses": {"type": "function", "name": "find it", "parameters": TAGS},
    "/v1/messages": {"name": "find it", "input_schema": TAGS},
}
OTHER = {
    "/v1/chat/completions": {"type": "function", "function": {"name": "f"}},
    "/v1/responses": {"type": "function", "name": "f"},
    "/v1/messages": {"name": "f", "input_schema": {"type": "object"}},
}
NO_ITEMS = (
    "* GenerateContentRequest.tools[0].function_declarations[1].parameters.properties[tags].items: missing field."
)
TOO_LONG = "The input token count (9) exceeds the maximum number of tokens allowed (8)."


def told(answer: Answer) -> Any:
    """What an error says beside its message: Messages has it in a member of its own."""
    error = answer.json["error"]
    return error.get("details") or error


@STREAMED
@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/v1/chat/completions", "tools[1].function.parameters.properties.tags.items"),
        ("/v1/responses", "tools[1].parameters.properties.tags.items"),
        ("/v1/messages", "tools[1].input_schema.properties.tags.items"),
    ],
)
def test_a_refusal_names_the_clients_own_tool(case: Case, path: str, param: str, stream: bool) -> None:
    gateway = case.over(refusal(NO_ITEMS), refusal(NO_ITEMS))
    answer = ask(gateway, path, stream=stream, tools=[OTHER[path], SEARCHING[path]])
    assert (answer.status, told(answer)["param"]) == (400, param)
    assert answer.json["error"]["message"] == f"{NO_ITEMS} In this request that is {param} of the tool 'find it'."


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/v1/chat/completions", "messages"),
        ("/v1/responses", "input"),
        ("/v1/completions", "prompt"),
        ("/v1/messages", "messages"),
    ],
)
def test_a_refusal_names_the_conversation_as_the_client_does(case: Case, path: str, param: str) -> None:
    refused = refusal(TOO_LONG)
    gateway = case.over(refused, reply(GOOD, False), refused)
    assert told(ask(gateway, path, stream=False))["param"] == param


def test_a_refusal_of_a_call_beside_the_first_names_it_too(case: Case) -> None:
    refused = refusal(TOO_LONG)
    gateway = case.over(reply(GOOD, False), refused)
    assert ask(gateway, "/v1/chat/completions", stream=False, n=2).error["param"] == "messages"


def test_a_count_that_is_refused_names_it_too(case: Case) -> None:
    """It is asked once more in another form, as an answer is, and refused again."""
    refused = refusal(NO_ITEMS.replace("tools", "generate_content_request.tools"))
    gateway = case.over(refused, refused)
    tools = [OTHER["/v1/responses"], SEARCHING["/v1/responses"]]
    answer = gateway.call("POST", "/v1/responses/input_tokens", {"model": MODEL, "input": "Hi.", "tools": tools})
    assert answer.error["param"] == "tools[1].parameters.properties.tags.items"


# ---- what the model that really answers takes

PREFILL = {"messages": [{"role": "user", "content": "Tell."}, {"role": "assistant", "content": "Once upon"}]}


@STREAMED
def test_the_model_that_answered_says_what_the_next_request_holds(case: Case, stream: bool) -> None:
    """Google serves another model under a name: its answer tells so, and nothing needs to be refused after that."""
    good = reply({**GOOD, "modelVersion": "gemini-3.6-flash"}, stream)
    gateway = case.over(good, good, saved=True)
    for count, turns in ((1, 2), (2, 3)):
        answer = gateway.call(
            "POST", "/v1/chat/completions", {"model": "gemini-3-flash-preview", "stream": stream, **PREFILL}
        )
        assert content(answer, stream) == "All is well."
        assert answer.headers["x-mapped-model"] == "gemini-3.6-flash"
        assert len(case.bodies) == count
        assert len(case.bodies[-1]["contents"]) == turns
    assert_replayed(gateway, 2)


# ---- what was refused once is not sent again at once

FIRST_TOOL = "* GenerateContentRequest.tools[0].function_declarations[0].parameters.properties[a]: not supported."
TWO_TOOLS = [{"type": "function", "function": {**FUNCTION, "name": name, "strict": False}} for name in ("bad", "good")]


@pytest.mark.parametrize("n", [1, 2])
@STREAMED
def test_a_form_that_was_refused_is_not_sent_first_again(case: Case, stream: bool, n: int) -> None:
    refused = refusal(FIRST_TOOL)
    good = [lambda line: reply(GOOD, b":streamGenerateContent" in line)] * n
    gateway = case.over(refused, reply(GOOD, stream), *good, saved=True)
    for count in (1, n):
        answer = ask(gateway, "/v1/chat/completions", stream=stream, tools=TWO_TOOLS, n=count)
        assert answer.status == 200
        assert "upstream-refuses=bad (older form of schema)" in answer.headers["x-antigravity-notes"]
    assert len(case.bodies) == 2 + n
    forms = [[set(form) for form in body["tools"][0]["functionDeclarations"]] for body in case.bodies]
    schema, typed = {"name", "parametersJsonSchema"}, {"name", "parameters"}
    assert forms == [[schema, schema], *[[typed, schema]] * (1 + n)]
    assert_replayed(gateway, 2)


def test_another_declaration_of_the_same_name_is_sent_in_its_first_form(case: Case) -> None:
    gateway = case.over(refusal(FIRST_TOOL), reply(GOOD, False), reply(GOOD, False))
    changed = {**TWO_TOOLS[0], "function": {**TWO_TOOLS[0]["function"], "description": "Mended."}}
    for tools in (TWO_TOOLS, [changed]):
        assert ask(gateway, "/v1/chat/completions", stream=False, tools=tools).status == 200
    assert "parametersJsonSchema" in case.bodies[-1]["tools"][0]["functionDeclarations"][0]


# ---- accounts that may not

OF_THE_ACCOUNT = {
    "no money": (429, "Your prepayment credits are depleted.", "RESOURCE_EXHAUSTED", 429, "insufficient_quota"),
    "payment required": (402, "Your project has exceeded its monthly spending cap.", "", 429, "insufficient_quota"),
    "closed": (404, "This model models/x is no longer available to new users.", "NOT_FOUND", 404, "model_not_found"),
}


@pytest.mark.parametrize(("status", "message", "name", "told", "code"), OF_THE_ACCOUNT.values(), ids=OF_THE_ACCOUNT)
def test_another_account_serves_and_where_none_can_google_says_why(
    case: Case, status: int, message: str, name: str, told: int, code: str
) -> None:
    refused, good = refusal(message, status, name), reply(GOOD, False)
    gateway = case.over(refused, good, good, refused, accounts=2)
    for _ in range(2):
        answer = gateway.chat(MODEL)
        assert (content(answer, False), answer.headers["x-account-email"]) == ("All is well.", "a1")
    for _ in range(2):
        answer = gateway.chat(MODEL)
        assert (answer.status, answer.error["code"]) == (told, code)
        assert message in answer.error["message"]
        assert answer.headers["x-should-retry"] == "false"
    assert len(case.bodies) == 4, "nobody is asked again at once"
