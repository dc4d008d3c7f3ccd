"""addons.gateway.cases.copies: exchanges as programs, transcripts and data, without secrets; masked."""

from __future__ import annotations

import ast
import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from addons.gateway.cases import copies, exchanges
from addons.gateway.cases import files as case_files
from addons.gateway.cases.exchanges import TakenExchange
from addons.gateway.cases.files import CaseError
from addons.gateway.record.flow_record import KEY
from tests.gateway.cases.case_flows import ACCOUNT, ID, flows_of

GOLDEN = Path(__file__).parents[2] / "cases"
ALL = sorted(path.parent.name for path in GOLDEN.glob("*/case.json"))
SAID = ("Hello", "weather of a", "quick brown", "demo upstream", "answering")


def case(name: str) -> case_files.Case:
    return case_files.read(GOLDEN / name)


def taken(name: str) -> TakenExchange:
    return exchanges.from_flows(flows_of(case(name)))


@pytest.mark.parametrize("form", copies.FORMS)
@pytest.mark.parametrize("name", ALL)
def test_every_exchange_in_every_form(name: str, form: str) -> None:
    """Of flows and of a case; masked copies have the same lines' worth, and nothing of what was said."""
    for one in (taken(name), exchanges.from_case(case(name))):
        plain, masked = (copies.copied([one], form, mask=mask) for mask in (False, True))
        assert ACCOUNT not in plain + masked
        assert not [word for word in SAID if word in masked]
        if form == "python":
            assert ast.dump(ast.parse(plain)) != "" != ast.dump(ast.parse(masked))
        if form == "jsonl":
            [row] = map(json.loads, plain.splitlines())
            assert row["request"] == one.request
            assert (row["id"] or ID) == ID


def test_a_line_of_a_data_set() -> None:
    flows = flows_of(case("chat-stream-parallel-calls"))
    flows[0].metadata[KEY].update(tokens={"prompt": 1, "completion": 2}, total=0.5, finish=["tool_calls"])
    row = json.loads(copies.copied([exchanges.from_flows(flows)], "jsonl"))
    assert row["input"] == [{"role": "user", "content": "Use get_weather in parallel."}]
    assert row["output"]["tool_calls"][0]["function"] == {
        "name": "get_weather",
        "arguments": '{"city":"demo city","days":1}',
    }
    assert (row["tokens"]["completion"], row["total"], row["finish"]) == (2, 0.5, ["tool_calls"])
    assert row["dialect"] == "chat"
    assert row["answer"]["choices"][0]["finish_reason"] == "tool_calls"


def test_several_as_one() -> None:
    several = [taken(name) for name in ("chat-grounding", "messages-tokens", "speech-events")]
    assert len(copies.copied(several, "jsonl").splitlines()) == 3
    assert copies.copied(several, "markdown").count("\n## POST /v1/") == 3
    assert copies.copied(several, "html").count("<h2>POST /v1/") == 3
    for form in ("curl", "python", "javascript"):
        with pytest.raises(CaseError, match=f"One exchange is copied as {form}; these are 3"):
            copies.copied(several, form)


@pytest.mark.parametrize("form", copies.FORMS)
def test_what_an_error_says_of_accounts_is_left_out(form: str) -> None:
    flows = flows_of(case("chat-quota-used-up"))
    message = f"Gemini refused account {ACCOUNT}: no."
    flows[0].metadata[KEY].update(error="permission_denied", message=message)
    assert flows[0].response is not None
    flows[0].response.content = json.dumps({"error": {"message": message}}).encode()
    assert ACCOUNT not in copies.copied([exchanges.from_flows(flows)], form)


def test_a_key_in_the_address_is_left_out() -> None:
    flows = flows_of(case("chat-grounding"))
    flows[0].request.path = "/v1/chat/completions?key=[credential]&alt=sse"
    flows[0].request.headers["authorization"] = "Bearer sk-p…1234 (51 characters)"
    flows[0].request.headers["openai-beta"] = "x=1"
    text = copies.copied([exchanges.from_flows(flows)], "curl")
    assert "/v1/chat/completions?alt=sse'" in text
    assert "credential" not in text
    assert "sk-p" not in text
    assert "-H 'openai-beta: x=1'" in text


@pytest.mark.parametrize("form", copies.FORMS)
@pytest.mark.parametrize("endpoint", ["generateContent", "chat", "messages"])
def test_numbers_of_calls_and_results_are_masked(endpoint: str, form: str) -> None:
    """On both sides: what a tool was given and gave is nobody's business."""
    card = 4111_2222_3333_4444
    args = {"card": card, "to": ["Alice", {"pin": card}]}
    partial = {"name": "pay", "partialArgs": [{"jsonPath": "$.card", "numberValue": card}]}
    result = {"name": "pay", "response": args}
    parts = [{"functionCall": {"name": "pay", "args": args}}, {"functionCall": partial}, {"functionResponse": result}]
    gemini = {"contents": [{"role": "model", "parts": parts}]}
    use = {"type": "tool_use", "id": "1", "name": "pay", "input": args}
    call = {"id": "1", "type": "function", "function": {"name": "pay", "arguments": json.dumps(args)}}
    requests = {
        "generateContent": {"model": "m", **gemini},
        "chat": {"model": "m", "messages": [{"role": "assistant", "tool_calls": [call]}]},
        "messages": {"model": "m", "max_tokens": 5, "messages": [{"role": "assistant", "content": [use]}]},
    }
    made = exchanges.TakenExchange(
        record={"endpoint": endpoint, "model": "m"},
        method="POST",
        path="/v1/x",
        request=requests[endpoint],
        body=b"{}",
        answer=requests[endpoint],
        text="",
        calls=[exchanges.TakenCall({}, gemini, {"candidates": gemini["contents"]})],
    )
    text = copies.copied([made], form, mask=True)
    assert "pay" in text
    assert not [word for word in (str(card), "Alice") if word in text]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:9000"),
        ("localhost", "http://localhost:9000"),
        ("::1", "http://[::1]:9000"),
        ("evil.example", exchanges.USUAL_URL),
        ("192.168.1.5", exchanges.USUAL_URL),
    ],
)
def test_a_key_goes_to_this_machine_only(host: str, url: str) -> None:
    """Saved files come from other people; another gateway has to be named."""
    flows = flows_of(case("chat-grounding"))
    flows[0].request.host, flows[0].request.port = host, 9000
    one = exchanges.from_flows(flows)
    for form in ("curl", "python", "javascript"):
        assert f"{url}/v1" in copies.copied([one], form)
        assert "https://gateway.example/v1" in copies.copied([one], form, url="https://gateway.example/")
        assert host in copies.copied([one], form) or host not in url


def test_nothing_of_a_saved_file_is_run() -> None:
    flows = flows_of(case("chat-grounding"))
    flows[0].request.method = "DELETE;ID>&2;"
    flows[0].request.data.path = b"/v1/x$(id)'`\"\xff\xc3\xa9 {}\n?a=b"
    text = copies.copied([exchanges.from_flows(flows)], "curl")
    words = shlex.split(text.split("\n")[0].removesuffix("\\"))
    assert words[:-1] == ["curl", "-sSNg", "-X", "DELETE;ID>&2;"]
    assert words[-1] == "http://127.0.0.1:80/v1/x$(id)'`\"%FF%C3%A9%20{}%0A?a=b"
    for form in copies.FORMS:
        copies.copied([exchanges.from_flows(flows)], form).encode()


def test_a_body_that_is_no_request_can_be_read_but_not_asked_again() -> None:
    one = replace(taken("chat-grounding"), request=None, body=b'{"model": ')
    for form in ("curl", "python", "javascript"):
        with pytest.raises(CaseError, match="its body is no request"):
            copies.copied([one], form)
    assert "There is none." in copies.copied([one], "markdown")


def test_an_answer_that_is_no_json_is_said() -> None:
    flows = flows_of(case("chat-grounding"))
    assert flows[0].response is not None
    flows[0].response.headers["content-type"] = "audio/mpeg"
    text = copies.copied([exchanges.from_flows(flows)], "markdown")
    assert "audio/mpeg" in text
