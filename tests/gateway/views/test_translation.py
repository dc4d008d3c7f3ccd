"""addons.gateway.views: what became of each member, and who was asked how often."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import contentviews, http
from mitmproxy.addons.view import View
from mitmproxy.contentviews import Metadata
from mitmproxy.test import taddons, tflow, tutils

from addons.gateway import views
from addons.gateway.prompts import TOKENS
from addons.gateway.record import retranslation
from addons.gateway.record.flow_record import ATTEMPT, CLIENT, KEY, REPLAY_OF
from addons.gateway.timing import TIMELINE
from addons.gateway.views.body import CUT
from mapping.inspect.transcript import WIDTH
from mapping.values import JSON, Options
from tests.work import calls

OPENAI, GEMINI, TRANSLATION, ATTEMPTS = views.VIEWS
ID = "req_1"
TOOL = {"name": "get weather", "parameters": {"type": "object", "properties": {"a": {"contentEncoding": "x"}}}}
CHAT: JSON = {
    "model": "gpt-4o",
    "temperature": 0.5,
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Is it cold?"}],
    "tools": [{"type": "function", "function": TOOL}],
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
    "logit_bias": {"1": 2},
}
ANSWER: JSON = {
    "candidates": [
        {
            "content": {
                "parts": [{"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}}}],
                "role": "model",
            },
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7},
    "modelVersion": "gemini-2.5-flash",
}


def error(status: int, name: str, message: str) -> JSON:
    return {"error": {"code": status, "status": name, "message": message}}


def attempt(outcome: str = "200", status: int | None = 200, **more: Any) -> JSON:
    return {
        "account": "first@example.com", "upstream": "gemini", "outcome": outcome, "status": status, "waited": 0.0,
        "seconds": 0.5, **more,
    }  # fmt: skip


def record(attempts: list[JSON], **more: Any) -> JSON:
    return {
        "side": CLIENT, "id": ID, "method": "POST", "path": "/v1/chat/completions", "endpoint": "chat",
        "client_model": "gpt-4o", "model": "gemini-2.5-flash", "account": "first@example.com", "status": 200,
        "error": None, "streamed": False, "first": None, "total": 0.75, "attempts": attempts, "notes": [],
        "tokens": {"prompt": 3, "completion": 4, "cached": 1, "reasoning": 2},
        "seeds": {"times": [1], "ids": ["chatcmpl-1"], "sealed": []},
        "given": {"options": asdict(Options()), "remembered": {}}, **more,
    }  # fmt: skip


def flow_of(path: str, request: Any, status: int, answer: Any, about: JSON) -> http.HTTPFlow:
    flow = tflow.tflow(
        req=tutils.treq(method="POST", path=path, content=raw(request)),
        resp=tutils.tresp(status_code=status, content=raw(answer)),
    )
    flow.metadata[KEY] = about
    return flow


def raw(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def exchange(
    about: JSON,
    answers: list[tuple[int, Any]],
    *,
    request: Any = CHAT,
    got: Any = b"{}",
    sent: Any = None,
) -> list[http.HTTPFlow]:
    """The flows of an exchange: the client's, and an attempt for each of `answers`."""
    client = flow_of(about["path"], request, about["status"] or 200, got, about)
    flows = [client]
    if sent is None and answers:
        sent = retranslation.request(about, request)[0].calls[0].body
    for number, (status, answer) in enumerate(answers, 1):
        tried = {"side": ATTEMPT, "id": ID, "number": number, "count": len(answers), **about["attempts"][number - 1]}
        flow = flow_of("/v1beta/models/gemini-2.5-flash:generateContent", sent, status, answer, tried)
        flow.client_conn = client.client_conn
        flow.request.timestamp_start = client.request.timestamp_start + number
        flows.append(flow)
    return flows


@pytest.fixture
def shown() -> Iterator[View]:
    """mitmweb's list of flows."""
    view = View()
    with taddons.context(view):
        yield view
    view.clear()  # `mitmproxy.ctx` still leads to it


def text(view: Any, flow: http.HTTPFlow, message: http.Message | None = None) -> str:
    made = view.prettify(b"", Metadata(flow=flow, http_message=message or flow.request))
    assert isinstance(made, str)
    return made


GOOD = exchange(record([attempt()]), [(200, ANSWER)])


def test_what_became_of_a_request(shown: View) -> None:
    shown.add(GOOD)
    client, tried = GOOD
    made = text(TRANSLATION, client)
    for line in (
        'model                "gpt-4o"             → the model = "gemini-2.5-flash"',
        "temperature          0.5                  → generationConfig.temperature",
        '  content            "Be brief."          → systemInstruction.parts[0].text',
        '  content            "Is it cold?"        → contents[0].parts[0].text',
        'tools[0]  type "function"',
        '      → tools[0].functionDeclarations[0].name = "get_weather"',
        "      → tools[0].functionDeclarations[0].parametersJsonSchema",
        "      ! schema=contentEncoding",
        'logit_bias           {"1":2}              ✗ left out',
        "    ignored=logit_bias: A parameter has no equivalent at Gemini and was left",
    ):
        assert line in made.splitlines(), line
    assert "sent otherwise" not in made
    assert all(len(line) <= WIDTH + 20 for line in made.splitlines())
    # From the attempt it is told as well.
    assert made.split("──", 1)[1] in text(TRANSLATION, tried)


def test_what_became_of_an_answer(shown: View) -> None:
    shown.add(GOOD)
    made = text(TRANSLATION, GOOD[0], GOOD[0].response)
    for line in (
        "      → choices[0].message.tool_calls[0].function.arguments",
        "usageMetadata.promptTokenCount 3",
        "      → usage.prompt_tokens",
        'modelVersion         "gemini-2.5-flash"   ✗ no effect',
    ):
        assert line in made.splitlines() or line.strip() in made, line
    assert text(TRANSLATION, GOOD[1], GOOD[1].response) == made


def test_a_streamed_answer_is_one(shown: View) -> None:
    parts = [{"candidates": [{"content": {"parts": [{"text": t}]}}]} for t in ("It ", "is ", "cold.")]
    parts[-1]["candidates"][0]["finishReason"] = "STOP"
    stream = b"".join(b"data: " + raw(part) + b"\r\n\r\n" for part in parts)
    flows = exchange(record([attempt()]), [(200, stream)], request={**CHAT, "stream": True, "tools": None})
    shown.add(flows)
    made = text(TRANSLATION, flows[0], flows[0].response)
    assert 'content.parts[0].text "It is cold."' in made
    assert "→ choices[0].message.content" in made


FAULTS = [
    # what Gemini says, the members of the client's request that it is about
    (
        "* GenerateContentRequest.tools[0].function_declarations[0].parameters.properties[a].items: missing field.",
        ["tools[0].function.parameters"],
    ),
    ("Invalid value at 'generation_config.temperature' (TYPE_FLOAT)", ["temperature"]),
    ("Unable to submit request because `get_weather` functionDeclaration has no type", ["tools[0].function.name"]),
    ("Request contains an invalid argument.", []),
    ("Visit ai.google.dev/gemini-api or write to support@google.com", []),
]


@pytest.mark.parametrize(("message", "names"), FAULTS, ids=[message[:30] for message, _ in FAULTS])
def test_why_a_request_failed(shown: View, message: str, names: list[str]) -> None:
    """The upstream's error names Gemini's member; the view says which of the client's that was."""
    about = record([attempt("400 INVALID_ARGUMENT", 400)], status=400, error="invalid_request_error", tokens=None)
    got = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}
    flows = exchange(about, [(400, error(400, "INVALID_ARGUMENT", message))], got=got)
    shown.add(flows)
    made = text(TRANSLATION, flows[0])
    assert re.findall(r"it names (\S+) of the client's request", made) == names
    assert "the client got: 400 invalid_request_error" in made
    answered = text(TRANSLATION, flows[0], flows[0].response)
    assert "".join(message.split()) in "".join(answered.split())
    assert all(len(line) <= WIDTH for line in answered.splitlines())
    assert "no answer of Gemini's that was translated" in answered


def test_a_retried_request(shown: View) -> None:
    attempts = [attempt("503 UNAVAILABLE", 503), attempt(account="second@example.com", waited=0.25)]
    about = record(attempts, notes=[["retried", "503 UNAVAILABLE"]])
    flows = exchange(about, [(503, error(503, "UNAVAILABLE", "Too busy.")), (200, ANSWER)])
    shown.add(flows)
    made = text(TRANSLATION, flows[0])
    assert "attempt 1 · first@example.com · 503 UNAVAILABLE: Too busy." in made
    assert "attempt 2 · second@example.com · 200: the client got this answer" in made
    assert "retried=503 UNAVAILABLE: The upstream was asked more than once." in made


def test_what_two_attempts_say_in_the_same_words_stands_once(shown: View) -> None:
    attempts = [attempt("429 quota", 429), attempt("429 quota", 429, account="second@example.com")]
    about = record(attempts, status=429, error="rate_limit_exceeded", tokens=None)
    busy = (429, error(429, "RESOURCE_EXHAUSTED", "No quota is left."))
    flows = exchange(about, [busy, busy], got={"error": {"message": "Come back later."}})
    shown.add(flows)
    made = text(TRANSLATION, flows[0])
    assert made.count("No quota is left.") == 1
    assert "attempt 2 · second@example.com · 429 quota, with the same words" in made


def test_a_fault_that_was_ordered(shown: View) -> None:
    flows = exchange(record([attempt()], fault="arguments"), [(200, ANSWER)])
    shown.add(flows)
    made = text(TRANSLATION, flows[0])
    assert "ordered: arguments, a fault on demand" in made
    assert "attempt 1 · first@example.com · 200: the client got this answer" in made


def test_a_refused_request(shown: View) -> None:
    got = {"error": {"message": "Too hot.", "type": "invalid_request_error", "param": "temperature", "code": None}}
    about = record([], status=400, error="invalid_request_error", tokens=None)
    flows = exchange(about, [], request={**CHAT, "temperature": 9}, got=got)
    shown.add(flows)
    made = text(TRANSLATION, flows[0])
    assert "the client got: 400 invalid_request_error: Too hot." in made
    assert "temperature: 9" in made
    assert "Gemini was not asked" in text(TRANSLATION, flows[0], flows[0].response)


def test_a_cut_off_body(shown: View) -> None:
    flows = exchange(record([attempt()]), [(200, ANSWER)])
    flows[0].request.content = raw(CHAT)[:120]
    shown.add(flows)
    made = text(TRANSLATION, flows[0])
    assert CUT in made
    assert "generationConfig.temperature" in made


def test_edited_flows(shown: View) -> None:
    flows = exchange(record([attempt()]), [(200, ANSWER)])
    flows[0].request.content = raw({**CHAT, "model": "gpt-5", "top_k": 3})
    flows[1].request.content = raw({**json.loads(flows[1].request.content or b""), "cachedContent": "x"})
    shown.add(flows)
    made = text(TRANSLATION, flows[0])
    assert '→ the model = "what gpt-5 stands for"' in made
    assert made.partition("sent otherwise")[2].split()[-2:] == ["generationConfig.topK", "cachedContent"]


def test_the_form_of_another_upstream(shown: View) -> None:
    """What the account's upstream does not take is told; the wrapper around its requests is no difference."""
    about = record([attempt(upstream="code-assist")], status=200)
    body = {**CHAT, "service_tier": "flex"}
    call, notes = retranslation.request(about, body)
    inner = retranslation.as_sent(call.calls[0], "code-assist", notes)
    flows = exchange(about, [(200, {"response": ANSWER})], request=body, sent={"model": "m", "request": inner})
    shown.add(flows)
    made = text(TRANSLATION, flows[0])
    assert "upstream-refuses=service_tier" in made
    assert "sent otherwise" not in made
    assert "→ choices[0].message.tool_calls[0]" in text(TRANSLATION, flows[0], flows[0].response)


def test_several_answers_make_one(shown: View) -> None:
    flows = exchange(record([attempt()]), [(200, ANSWER)], request={"model": "m", "prompt": ["a", "b"]}, sent={})
    further = flow_of("/v1beta/x", {}, 200, ANSWER, {**flows[1].metadata[KEY]})
    flows[0].metadata[KEY] |= {"endpoint": "completions", "path": "/v1/completions"}
    shown.add([*flows, further])
    made = text(TRANSLATION, flows[0], flows[0].response)
    assert "2 answers of Gemini make this one" in made
    assert "further call" in text(ATTEMPTS, further)


@pytest.mark.parametrize("side", ["request", "response"])
def test_what_is_missing_is_said(shown: View, side: str) -> None:
    client, tried = exchange(record([attempt()]), [(200, ANSWER)])
    shown.add([client])
    made = text(TRANSLATION, client, getattr(client, side))
    assert ("each member" in made) == (side == "request")
    assert ("Gemini's answer is not here" in made) == (side == "response")
    shown.remove([client])
    assert "The client's flow of this exchange (req_1) is not here" in text(TRANSLATION, tried, getattr(tried, side))
    assert "first@example.com" in text(ATTEMPTS, tried)


@pytest.mark.parametrize("view", [TRANSLATION, ATTEMPTS, TIMELINE, TOKENS], ids=lambda view: view.name)
def test_flows_of_others(view: Any) -> None:
    sent_again = tflow.tflow(resp=True)
    sent_again.metadata[KEY] = {REPLAY_OF: "req_1"}  # to somebody else than the gateway
    for of in ({"flow": tflow.tflow(resp=True)}, {"flow": sent_again}, {"flow": tflow.ttcpflow()}, {}):
        assert view.prettify(b"x", Metadata(**of)).startswith("This is no exchange of the gateway, so there ")
    assert view.render_priority(b"{}", Metadata(content_type="application/json", flow=GOOD[0])) < 0, "only if chosen"


@pytest.mark.parametrize("view", [TIMELINE, TOKENS], ids=lambda view: view.name)
def test_views_of_the_exchange_are_the_same_from_each_flow_of_it(shown: View, view: Any) -> None:
    client, tried = GOOD
    shown.add(GOOD)
    assert text(view, client) == text(view, tried)
    shown.remove([client])
    assert "The client's flow of this exchange (req_1) is not here" in text(view, tried)


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"endpoint": "models", "model": None}, "Requests of this kind have no translation to show."),
        ({"model": None, "status": 404, "error": "model_not_found"}, "refused before it was translated"),
    ],
)
def test_exchanges_without_a_translation(shown: View, about: JSON, said: str) -> None:
    flows = exchange({**record([]), **about}, [])
    shown.add(flows)
    for message in (flows[0].request, flows[0].response):
        assert said in text(TRANSLATION, flows[0], message)
    assert "No upstream was asked." in text(ATTEMPTS, flows[0])


def test_a_model_that_there_is_not_is_said_to_be_none(shown: View) -> None:
    about = {"model": None, "status": 404, "error": "model_not_found", "account": None, "notes": [["late-system", ""]]}
    flows = exchange({**record([]), **about}, [], got={"error": {"message": "There is none."}})
    shown.add(flows)
    response = flows[0].response
    assert response is not None
    made = OPENAI.prettify(response.content or b"", Metadata(flow=flows[0], http_message=response))
    assert "gpt-4o → ?" in made
    assert "None" not in made


def test_conversations_stay_the_default(shown: View, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = contentviews._registry.ContentviewRegistry()
    for view in (*contentviews._views, *views.VIEWS):
        registry.register(view)
    shown.add(GOOD)
    for flow, best in zip(GOOD, (OPENAI, GEMINI), strict=True):
        for message in (flow.request, flow.response):
            assert message is not None
            auto = contentviews.prettify_message(message, flow, registry=registry)
            assert auto.view_name == best.name
            for name in ("translation", "attempts"):
                assert name in registry.available_views()
                chosen = contentviews.prettify_message(message, flow, name, registry=registry)
                assert chosen.syntax_highlight == "none", chosen.text


def test_attempts(shown: View) -> None:
    attempts = [attempt("429 quota", 429, seconds=0.125), attempt(account="second@example.com", waited=1.5)]
    about = record(attempts, notes=[["retried", "429 quota"]], streamed=True, first=1.75, total=2.5)
    flows = exchange(about, [(429, error(429, "RESOURCE_EXHAUSTED", "Slow down.")), (200, ANSWER)])
    shown.add(flows)
    made = text(ATTEMPTS, flows[0])
    rows = [line.split() for line in made.splitlines()]
    assert ["1", "429", "quota", "first@example.com", "0.00", "s", "0.12", "s", "gemini"] in rows
    assert ["2", "200", "second@example.com", "1.50", "s", "0.50", "s", "gemini"] in rows
    facts = {line[:18].strip(): line[19:] for line in made.splitlines()}
    assert facts["first chunk after"] == "1.75 s"
    assert facts["total"] == "2.50 s"
    assert facts["waited in all"] == "1.50 s"
    assert facts["prompt tokens"] == "3 (1 of them cached)"
    assert facts["completion tokens"] == "4 (2 of them reasoning)"
    assert facts["client got"] == "200"
    assert facts["as"] == "a stream"
    assert "retried=429 quota: The upstream was asked more than once." in made
    marked = text(ATTEMPTS, flows[2])
    assert "This is attempt 2 of 2 of req_1." in marked
    assert "→ 2" in marked


def test_attempts_at_further_calls_are_in_the_table(shown: View) -> None:
    further = [{**attempt(account="second@example.com"), "part": 1}, {**attempt("429 quota", 429), "part": 2}]
    flows = exchange(record([attempt()], further=further), [(200, ANSWER)])
    shown.add(flows)
    made = text(ATTEMPTS, flows[0])
    rows = [line.split()[:3] for line in made.splitlines()]
    assert ["1", "200", "first@example.com"] in rows
    assert ["part", "1", "200"] in rows
    assert ["part", "2", "429"] in rows
    assert [line[19:] for line in made.splitlines() if line.startswith("calls ")] == ["3"]


@pytest.mark.parametrize("side", [CLIENT, ATTEMPT])
def test_a_record_of_which_little_is_left(shown: View, side: str) -> None:
    """Files are loaded that another version has written."""
    flow = flow_of("/v1/chat/completions", CHAT, 200, ANSWER, {"side": side, "id": ID})
    shown.add([flow])
    for view in (TRANSLATION, ATTEMPTS):
        for message in (flow.request, flow.response):
            assert text(view, flow, message)


@given(
    st.sampled_from(["chat", "responses", "completions", "compact", "input_tokens"]),
    st.binary(max_size=30) | st.sampled_from([raw(CHAT)[:n] for n in range(0, 400, 37)]),
    st.binary(max_size=30) | st.sampled_from([raw(ANSWER)[:n] for n in range(0, 250, 29)]),
)
def test_any_bodies(endpoint: str, request: bytes, answer: bytes) -> None:
    flows = exchange(record([attempt()], endpoint=endpoint), [(200, answer)], request=request, got=answer, sent=request)
    view = View()
    with taddons.context(view):
        view.add(flows)
        for flow in flows:
            for message in (flow.request, flow.response):
                assert text(TRANSLATION, flow, message)
                assert text(ATTEMPTS, flow, message)


def test_large_bodies_cost_no_more_than_small_ones(shown: View) -> None:
    work: list[int] = []
    for size in (1000, 1_000_000):
        flow = show_exchange(shown, size)
        for message in (flow.request, flow.response):
            assert len(text(TRANSLATION, flow, message)) < 5000
            work.append(calls(functools.partial(text, TRANSLATION, flow, message)))
    assert work[2] < 2 * work[0] + 500
    assert work[3] < 2 * work[1] + 500
    assert "→ contents[0].parts[1].inlineData.data" in text(TRANSLATION, flow)


def show_exchange(shown: View, size: int) -> http.HTTPFlow:
    """The client's side of an exchange with a picture and an answer of so many characters."""
    url = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA" + "A" * size
    content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": content}]}
    answer = {"candidates": [{"content": {"parts": [{"text": "long " * (size // 5)}]}, "finishReason": "STOP"}]}
    flows = exchange(record([attempt()]), [(200, answer)], request=request)
    shown.clear()
    shown.add(flows)
    return flows[0]


def test_a_stream_that_broke_off(shown: View) -> None:
    """What had come was translated, and the client has it."""
    begun = b'data: {"candidates": [{"content": {"parts": [{"text": "It is"}]}}]}\n\n'
    about = record([attempt("broke off", 200)], streamed=True, error="upstream_broke_off", endpoint="chat", status=200)
    flows = exchange(about, [(200, begun)])
    shown.add(flows)
    made = text(TRANSLATION, flows[0], flows[0].response)
    assert "What had come of it was translated and sent" in " ".join(made.split())
    assert "There is no answer" not in made


def test_columns_stay_columns(shown: View) -> None:
    """Also where the name of a member is longer than its column."""
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], "max_completion_tokens": 5, "n": 2}
    flows = exchange(record([attempt()], model="gemini-3-flash"), [(200, ANSWER)], request=request)
    shown.add(flows)
    rows = [line for line in text(TRANSLATION, flows[0]).splitlines() if " → " in line and not line.startswith(" ")]
    rows = [line for line in rows if "gpt-4o →" not in line]
    assert len(rows) > 1
    assert {line.index("→") for line in rows} == {42}
    assert any("maxOutputTokens" in line for line in text(TRANSLATION, flows[0]).splitlines())


def test_what_a_call_became(shown: View) -> None:
    """Its name does not first of all make the content null, and a `type` alone is not called left out."""
    shown.add(GOOD)
    made = text(TRANSLATION, GOOD[0], GOOD[0].response)
    assert "message.tool_calls[0]" in made
    assert "= null" not in made
    assert "without effect: tools" not in text(TRANSLATION, GOOD[0])
