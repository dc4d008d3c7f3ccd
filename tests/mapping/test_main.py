"""`python -m mapping`: what goes to standard output, to standard error, and as the exit status."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mapping import __main__ as by_hand

ROOT = Path(__file__).resolve().parents[2]
WIRE = ROOT / "tests" / "data" / "wire"
CHAT = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "hi"}]}
RESPONSES = {"model": "gemini-2.5-flash", "input": "hi"}
COMPLETIONS = {"model": "gemini-2.5-flash", "prompt": "hi"}
HI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
SERVED = (
    "served=gemini-3.8-flash: Another model answered than the one that was asked; Google serves it under that name.\n"
)
"""What is said of the samples' `modelVersion`, which is not the model that is asked here."""


def run(argv: list[str], given: bytes) -> tuple[int, bytes, str]:
    """The exit status, standard output and standard error."""
    out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    stdin = io.TextIOWrapper(io.BytesIO(given))
    with mock.patch.object(sys, "stdin", stdin), mock.patch.object(sys, "stdout", out), redirect_stderr(err):
        status = by_hand.main(argv)
    assert isinstance(out.buffer, io.BytesIO)
    return status, out.buffer.getvalue(), err.getvalue()


def translate(request: Any, *argv: str) -> tuple[int, list[Any], list[str]]:
    """The exit status, the lines of JSON and the lines of standard error."""
    status, out, err = run(["request", *argv], json.dumps(request).encode())
    return status, [json.loads(line) for line in out.splitlines()], err.splitlines()


def answer(folder: Path, request: Any, sample: str, *argv: str) -> tuple[int, bytes, str]:
    path = folder / "request.json"
    path.write_text(json.dumps(request))
    return run(["answer", "--request", str(path), *argv], (WIRE / sample).read_bytes())


def events(out: bytes) -> list[Any]:
    lines = [line.removeprefix(b"data: ") for line in out.splitlines() if line.startswith(b"data: ")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


@pytest.mark.parametrize(
    ("request_", "argv", "bodies", "told"),
    [
        (CHAT, [], [HI], ["POST /v1beta/models/gemini-2.5-flash:generateContent"]),
        (
            {**CHAT, "stream": True},
            [],
            [HI],
            ["POST /v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"],
        ),
        (RESPONSES, [], [HI], ["POST /v1beta/models/gemini-2.5-flash:generateContent"]),
        (COMPLETIONS, [], [HI], ["POST /v1beta/models/gemini-2.5-flash:generateContent"]),
        (
            {**CHAT, "model": "models/gemini-2.5-pro"},
            [],
            [HI],
            ["POST /v1beta/models/gemini-2.5-pro:generateContent"],
        ),
        ({**CHAT, "model": "gpt-4o"}, [], [HI], ["POST /v1beta/models/gpt-4o:generateContent"]),
        (
            {**CHAT, "model": "gpt-4o"},
            ["--model", "gemini-2.5-pro"],
            [HI],
            ["POST /v1beta/models/gemini-2.5-pro:generateContent"],
        ),
        (
            {**CHAT, "logit_bias": {"1": 1}},
            [],
            [HI],
            [
                "POST /v1beta/models/gemini-2.5-flash:generateContent",
                "ignored=logit_bias: A parameter has no equivalent at Gemini and was left out.",
            ],
        ),
        (
            {**CHAT, "n": 3},
            ["--model", "gemini-3-flash-preview"],
            [HI],
            [
                "POST /v1beta/models/gemini-3-flash-preview:generateContent (3 times)",
                "emulated=n: A parameter is emulated by the gateway.",
            ],
        ),
        (
            {**COMPLETIONS, "prompt": ["hi", "ho"], "n": 2},
            ["--model", "gemini-3-flash-preview"],
            [HI, {"contents": [{"role": "user", "parts": [{"text": "ho"}]}]}],
            [
                "POST /v1beta/models/gemini-3-flash-preview:generateContent (2 times)",
                "emulated=n: A parameter is emulated by the gateway.",
                "emulated=prompt: A parameter is emulated by the gateway.",
            ],
        ),
        (
            RESPONSES,
            ["--dialect", "chat"],
            [HI],
            [
                "POST /v1beta/models/gemini-2.5-flash:generateContent",
                "path=a body with input: The path was not the usual one.",
            ],
        ),
        (CHAT, ["--dialect", "responses"], [HI], ["POST /v1beta/models/gemini-2.5-flash:generateContent"]),
        (
            {**RESPONSES, "previous_response_id": "resp_1"},
            [],
            [HI],
            [
                "POST /v1beta/models/gemini-2.5-flash:generateContent",
                "previous_response_id: a gateway keeps the earlier turns, so they are missing here.",
            ],
        ),
    ],
    ids=[
        "chat",
        "stream",
        "responses",
        "completions",
        "prefix",
        "not mapped",
        "model given",
        "note",
        "copies",
        "several prompts",
        "input by chat's path",
        "messages as responses",
        "earlier turns",
    ],
)
def test_request(request_: Any, argv: list[str], bodies: list[Any], told: list[str]) -> None:
    assert translate(request_, *argv) == (0, bodies, told)


@pytest.mark.parametrize(
    ("given", "argv", "param", "says"),
    [
        (b"", [], None, "not valid JSON"),
        (b"{", [], None, "not valid JSON"),
        (b"\xff", [], None, "not valid JSON"),
        (b"[]", [], None, "must be a JSON object"),
        (b'{"messages":[]}', [], "model", "Missing required parameter"),
        (b'{"model":null,"messages":[]}', ["--model", "gemini-2.5-flash"], "model", "Missing required parameter"),
        (b'{"model":1}', [], "model", "expected a string, but got an integer"),
        (b'{"model":"m"}', [], "messages", "Missing required parameter"),
        (b'{"model":"m"}', ["--dialect", "responses"], "input", "Missing required parameter"),
        (b'{"model":"m","prompt":{"id":"x"}}', ["--dialect", "responses"], "input", "Missing required parameter"),
        (b'{"model":"m","messages":[{"role":"user"}]}', [], "messages[0].content", "Missing required parameter"),
    ],
)
def test_bad_request(given: bytes, argv: list[str], param: str | None, says: str) -> None:
    status, out, err = run(["request", *argv], given)
    error = json.loads(out)["error"]
    assert (status, error["param"], err) == (1, param, "HTTP status 400\n")
    assert says in error["message"]


def test_the_error_of_the_dialect_that_was_named() -> None:
    _, out, _ = run(["request", "--dialect", "messages"], b"{")
    assert json.loads(out)["type"] == "error"


def test_too_deep() -> None:
    deep = b'{"type":"object","properties":{"a":' * 5000 + b"{}" + b"}}" * 5000
    status, out, _ = run(["request"], b'{"model":"m","messages":[],"tools":[%b]}' % deep)
    assert status == 1
    assert json.loads(out)["error"]["type"] == "invalid_request_error"


def test_pretty() -> None:
    assert run(["request", "--pretty"], json.dumps({**COMPLETIONS, "prompt": "é"}).encode())[1].decode() == (
        '{\n  "contents": [\n    {\n      "role": "user",\n      "parts": [\n        {\n          "text": "é"\n'
        "        }\n      ]\n    }\n  ]\n}\n"
    )


@pytest.mark.parametrize("pretty", [[], ["--pretty"]], ids=["compact", "pretty"])
@pytest.mark.parametrize(
    ("request_", "kind", "text"),
    [
        (CHAT, "chat.completion", lambda made: made["choices"][0]["message"]["content"]),
        (RESPONSES, "response", lambda made: made["output"][0]["content"][0]["text"]),
        (COMPLETIONS, "text_completion", lambda made: made["choices"][0]["text"]),
    ],
    ids=["chat", "responses", "completions"],
)
def test_whole_answer(tmp_path: Path, request_: Any, kind: str, text: Any, pretty: list[str]) -> None:
    status, out, err = answer(tmp_path, {**request_, "model": "gpt-4o"}, "text_two_parts_concat.json", *pretty)
    made = json.loads(out)
    sample = json.loads((WIRE / "text_two_parts_concat.json").read_bytes())
    assert (status, made["object"], made["model"], err) == (0, kind, "gpt-4o", SERVED)
    assert made.get("created", made.get("created_at")) == 0
    assert text(made) == "".join(part["text"] for part in sample["candidates"][0]["content"]["parts"])
    assert out.count(b"\n") == 1 or pretty


@pytest.mark.parametrize(
    ("request_", "kind"),
    [(CHAT, b'"chat.completion.chunk"'), (RESPONSES, b"event: response."), (COMPLETIONS, b'"text_completion"')],
    ids=["chat", "responses", "completions"],
)
@pytest.mark.parametrize("sample", ["stream_text_usage_final_only.sse", "v1internal_stream_text.sse"])
def test_streamed_answer(tmp_path: Path, request_: Any, kind: bytes, sample: str) -> None:
    status, out, err = answer(tmp_path, request_, sample)
    assert (status, err) == (0, SERVED)
    assert kind in out
    assert out.endswith(b"\n\n")
    assert answer(tmp_path, request_, sample, "--stream") == (status, out, err)
    assert answer(tmp_path, request_, sample, "--pretty") == (status, out, err)


def streamed_text(out: bytes) -> str:
    return "".join(c["delta"].get("content") or "" for event in events(out) for c in event["choices"])


@pytest.mark.parametrize("sample", ["stream_text_usage_each_chunk.sse", "stream_multiline_data_and_comments.sse"])
def test_stream_as_whole(tmp_path: Path, sample: str) -> None:
    _, streamed, _ = answer(tmp_path, CHAT, sample)
    status, out, _ = answer(tmp_path, CHAT, sample, "--whole")
    made = json.loads(out)
    assert (status, made["object"]) == (0, "chat.completion")
    assert made["choices"][0]["message"]["content"] == streamed_text(streamed) != ""


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n"], ids=["", "done"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\r\n", b": comment\n\n", b"event: x\n"])
def test_what_counts_as_a_stream(tmp_path: Path, start: bytes, end: bytes) -> None:
    event = {"candidates": [{"content": {"parts": [{"text": "yes"}]}, "finishReason": "STOP"}]}
    given = start + b"data: " + json.dumps(event).encode() + b"\n\n" + end
    (tmp_path / "request.json").write_text(json.dumps(CHAT))
    argv = ["answer", "--request", str(tmp_path / "request.json")]
    status, out, _ = run(argv, given)
    assert (status, streamed_text(out)) == (0, "yes")
    status, out, _ = run([*argv, "--whole"], given)
    assert json.loads(out)["choices"][0]["message"]["content"] == "yes"


def test_whole_as_stream(tmp_path: Path) -> None:
    _, whole, _ = answer(tmp_path, CHAT, "text_stop.json")
    status, out, _ = answer(tmp_path, CHAT, "text_stop.json", "--stream")
    assert status == 0
    assert streamed_text(out) == json.loads(whole)["choices"][0]["message"]["content"] != ""
    assert out.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("sample", ["long_decode_continuation.json", "stream_long_decode_hop1.sse"])
@pytest.mark.parametrize("form", ["--stream", "--whole"])
def test_answer_that_would_go_on(tmp_path: Path, sample: str, form: str) -> None:
    status, out, _ = answer(tmp_path, CHAT, sample, form)
    assert status == 0
    assert b'"finish_reason":"length"' in out


@pytest.mark.parametrize("request_", [CHAT, RESPONSES, COMPLETIONS], ids=["chat", "responses", "completions"])
@pytest.mark.parametrize(
    ("sample", "http_status", "says"),
    [
        ("error_429_per_minute_retryinfo.json", 429, "Rate limit reached: try again in 34 s."),
        ("error_400_array_wrapped.json", 400, ""),
        ("error_502_html.html", 500, "not JSON"),
        ("stream_error_first_event.sse", 503, "high demand"),
    ],
)
def test_failed_answer(tmp_path: Path, request_: Any, sample: str, http_status: int, says: str) -> None:
    status, out, err = answer(tmp_path, request_, sample)
    assert (status, err) == (1, f"HTTP status {http_status}\n")
    assert says in json.loads(out)["error"]["message"]


def test_stream_that_breaks_off(tmp_path: Path) -> None:
    status, out, _ = answer(tmp_path, CHAT, "stream_error_midstream_data.sse")
    assert (status, list(events(out)[-1])) == (0, ["error"])


def test_ids_are_the_same_in_every_run(tmp_path: Path) -> None:
    sample = "tool_two_identical_calls.json"
    first = answer(tmp_path, RESPONSES, sample)
    assert first == answer(tmp_path, RESPONSES, sample)
    assert json.loads(first[1])["id"] == "resp_1"
    calls = json.loads(answer(tmp_path, CHAT, sample)[1])["choices"][0]["message"]["tool_calls"]
    assert [call["id"] for call in calls] == ["call_1", "call_2"]


def test_encrypted_content_is_readable_and_comes_back(tmp_path: Path) -> None:
    asked = {
        **RESPONSES,
        "model": "gemini-3-flash-preview",
        "include": ["reasoning.encrypted_content"],
        "tools": [{"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}}],
    }
    output = json.loads(answer(tmp_path, asked, "tool_single_signed.json")[1])["output"]
    carried = json.loads(output[0]["encrypted_content"])
    [signature] = carried["calls"].values()
    result = {"type": "function_call_output", "call_id": output[1]["call_id"], "output": "18"}
    status, [body], told = translate({**asked, "input": [{"role": "user", "content": "hi"}, *output, result]})
    assert status == 0
    assert len(told) == 1
    assert [part["thoughtSignature"] for part in body["contents"][1]["parts"]] == [signature]


def test_foreign_encrypted_content() -> None:
    item = {"type": "reasoning", "summary": [], "encrypted_content": "gAAAAA"}
    status, _, told = translate({**RESPONSES, "input": [item, {"role": "user", "content": "hi"}]})
    assert status == 0
    assert told[1].startswith("reasoning-foreign=")


def test_notes_of_request_and_answer(tmp_path: Path) -> None:
    asked = {**CHAT, "logit_bias": {"1": 1}}
    _, _, err = answer(tmp_path, asked, "finish_reason_from_the_future.json")
    assert [line.partition("=")[0] for line in err.splitlines()] == ["ignored", "served", "finish"]


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["nonsense"],
        ["answer"],
        ["answer", "--request", "there-is-no-such-file"],
        ["answer", "--request", ".", "--stream", "--whole"],
        ["request", "--dialect", "nonsense"],
    ],
    ids=" ".join,
)
def test_refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as e, mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO())):
        by_hand.main(argv)
    assert e.value.code == 2
    assert "usage: python -m mapping" in capsys.readouterr().err


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    request_=st.fixed_dictionaries(
        {"model": st.just("gemini-2.5-flash")},
        optional=dict.fromkeys(("messages", "input", "prompt", "tools", "stream", "n", "text"), JSON_VALUES),
    )
)
def test_any_request_gets_json(request_: Any) -> None:
    status, bodies, told = translate(request_)
    assert (status == 1) == ("error" in bodies[0])
    assert told[0].startswith("HTTP status 400" if status else "POST ")


@given(given=st.binary(max_size=60) | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_answer_gets_json(tmp_path: Path, given: bytes) -> None:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(CHAT))
    status, out, err = run(["answer", "--request", str(path), "--whole"], given)
    assert (status == 1) == ("error" in json.loads(out)) == ("HTTP status" in err)


def test_as_a_program() -> None:
    given = json.dumps(CHAT).encode()
    done = subprocess.run(
        [sys.executable, "-m", "mapping", "request"], cwd=ROOT, input=given, capture_output=True, check=True
    )
    assert json.loads(done.stdout) == HI
    assert done.stderr.split() == [b"POST", b"/v1beta/models/gemini-2.5-flash:generateContent"]
