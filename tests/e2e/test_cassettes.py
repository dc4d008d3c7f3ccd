"""Cassettes: an agent that was recorded once runs offline; what was not recorded is an error that says why."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anthropic
import openai
import pytest
from google import genai

from addons.gateway.cassettes import files
from addons.gateway.cassettes.canonical import of_call
from addons.gateway.cassettes.files import CassetteRecording, RecordedAnswer
from mapping.values import GeminiCall
from tests.e2e.conftest import KEYS, TWO_ACCOUNTS, Gateway, ScriptedUpstream, http_answer, start_gateway
from tests.e2e.sdk_tools import TOOLS, results

if TYPE_CHECKING:
    from tests.e2e.conftest import Starter, Upstream

SECRET = "Quokkas adore wattle"
SETTINGS = "[retry]\ncooldown = false\n" + TWO_ACCOUNTS + "[cassette]\nignore = ['~run-\\d+']\n"


def agent(gateway: Gateway, prompt: str, *, run: int = 1, stream: bool = False) -> list[Any]:
    """A loop as agents have it: tools are called until the model says something else. What happened, step by step."""
    client = openai.OpenAI(base_url=gateway.base_url, api_key="any", max_retries=2)
    messages: list[Any] = [{"role": "system", "content": f"This is run-{run}."}, {"role": "user", "content": prompt}]
    steps: list[Any] = []
    for _ in range(8):
        if stream:
            with client.chat.completions.stream(model="gpt-4o", messages=messages, tools=TOOLS) as events:
                answer: Any = events.get_final_completion()
        else:
            answer = client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)
        message = answer.choices[0].message
        calls = [(call.function.name, call.function.arguments) for call in message.tool_calls or []]
        steps.append(calls or message.content)
        if not calls:
            return steps
        messages += [message, *results(message)]
    raise AssertionError(steps)


PROMPT = f'{SECRET}: call get_weather {{"city": "Perth", "days": 3}} and then call get_time {{"zone": "UTC"}}'


def others(gateway: Gateway) -> list[Any]:
    """Requests of every other kind; what came of them."""
    url = f"http://127.0.0.1:{gateway.port}"
    claude = anthropic.Anthropic(base_url=url, api_key="any")
    gemini = genai.Client(api_key="any", http_options={"base_url": url})
    messages: Any = [{"role": "user", "content": SECRET}]
    file = gemini.files.upload(file=io.BytesIO(b"The sea is green."), config={"mime_type": "text/plain"})
    user = [{"role": "user", "content": SECRET}]
    return [
        claude.messages.create(model="claude-sonnet-5", max_tokens=99, messages=messages).content,
        claude.messages.count_tokens(model="claude-sonnet-5", messages=messages).input_tokens,
        gemini.models.generate_content(model="gemini-3.8-flash", contents=["The sea?", file]).text,
        gemini.models.count_tokens(model="gemini-3.8-flash", contents=SECRET).total_tokens,
        [chunk.text for chunk in gemini.models.generate_content_stream(model="gemini-3.8-flash", contents=SECRET)],
        *(
            _steady(gateway.call("POST", f"/v1/{path}", body, may_break=True).body)
            for path, body in (
                ("responses", {"model": "gpt-4o", "input": SECRET}),
                ("embeddings", {"model": "text-embedding-3-small", "input": [SECRET, "b"]}),
                ("images/generations", {"model": "gpt-image-1", "prompt": SECRET}),
                ("chat/completions", {"model": "gpt-4o", "messages": user, "n": 2}),
                ("chat/completions", {"model": "demo-503-first-cassette", "messages": user}),
                ("chat/completions", {"model": "demo-cut-mid-stream", "messages": user, "stream": True}),
                ("chat/completions", {"model": "demo-400", "messages": user}),
            )
        ),
    ]


def _steady(body: bytes) -> Any:
    """An answer without what no two answers share; of a stream what is said."""
    try:
        value = json.loads(body)
    except ValueError:
        chunks = [json.loads(line[6:]) for line in body.decode().split("\n\n") if line.startswith("data: {")]
        return [chunk.get("choices", chunk.get("error")) for chunk in chunks]
    if "output" in value:
        return [item.get("content") for item in value["output"]]
    return {name: one for name, one in value.items() if name != "created"}


@pytest.fixture(scope="module")
def tape(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """What was recorded, once for all tests of this module, and what came of it."""
    folder = tmp_path_factory.mktemp("recorded")
    settings = SETTINGS.replace("UPSTREAM", upstream.url)
    gateway = start_gateway(folder, settings, "--set", f"antigravity_cassette={folder / 'tape'}")
    try:
        said = {
            "whole": agent(gateway, PROMPT),
            "stream": agent(gateway, PROMPT, stream=True),
            "others": others(gateway),
        }
    finally:
        gateway.stop()
    assert "ERROR" not in gateway.log
    return folder / "tape", said


@pytest.fixture(scope="module")
def counting() -> Iterator[ScriptedUpstream]:
    """An upstream that is not to be asked."""
    upstream = ScriptedUpstream(http_answer(b"{}"))
    yield upstream
    upstream.close()


@pytest.fixture(scope="module", params=["auto", "layers"])
def replaying(
    tape: tuple[Path, dict[str, Any]],
    counting: ScriptedUpstream,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Gateway]:
    """A fresh process with the cassette, on either wire. Its accounts have credentials that are nowhere."""
    settings = f"""
        [cassette]
        ignore = ['~run-\\d+']
        folder = "{tape[0]}"
        [[accounts]]
        email = "alpha@example.com"
        access_token = "env:NOT_THERE"
        base_url = "{counting.url}"
    """
    wire = ("--set", f"antigravity_wire={request.param}")
    gateway = start_gateway(tmp_path_factory.mktemp("replaying"), settings, *wire, upstream=counting.url)
    yield gateway
    gateway.stop()


def test_a_cassette_holds_no_credential(tape: tuple[Path, dict[str, Any]]) -> None:
    files_of_it = sorted(tape[0].iterdir())
    assert len(files_of_it) > 15
    for path in files_of_it:
        text = path.read_text(encoding="utf-8")
        assert not [key for key in (*KEYS, "example.com", "upload_id=demo") if key in text], path.name
        json.loads(text)


def test_an_agent_runs_offline(
    replaying: Gateway, tape: tuple[Path, dict[str, Any]], counting: ScriptedUpstream
) -> None:
    """Twice: the last answer of each request stays. What is named as volatile may be another."""
    said = tape[1]
    assert [("get_weather", '{"city":"Perth","days":3}')] in said["whole"]
    for run in (1, 2):
        assert agent(replaying, PROMPT, run=run) == said["whole"]
        assert agent(replaying, PROMPT, run=run + 7, stream=True) == said["stream"]
    assert counting.connections == 0


def test_all_kinds_of_requests_run_offline(
    replaying: Gateway, tape: tuple[Path, dict[str, Any]], counting: ScriptedUpstream
) -> None:
    for now, before in zip(others(replaying), tape[1]["others"], strict=True):
        assert now == before
    assert counting.connections == 0
    assert "$" not in replaying.log, "it costs nothing"


def test_a_changed_prompt_is_a_miss_that_says_where(replaying: Gateway, counting: ScriptedUpstream) -> None:
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as e:
            agent(replaying, PROMPT.replace("Perth", "Darwin"), stream=stream)
        assert e.value.code == "cassette_miss"
        assert '"city": "[-Perth-]{+Darwin+}"' in e.value.message
        assert e.value.response.headers["x-should-retry"] == "false"
        assert e.value.response.request.headers["x-stainless-retry-count"] == "0", "nobody asks again"
        assert e.value.response.headers["x-antigravity-notes"].startswith("1 cassette-miss=nearest ")
    url = f"http://127.0.0.1:{replaying.port}"
    claude = anthropic.Anthropic(base_url=url, api_key="any")
    messages: Any = [{"role": "user", "content": "Emu"}]
    with pytest.raises(anthropic.BadRequestError, match="has no recording of this request"):
        claude.messages.create(model="claude-sonnet-5", max_tokens=9, messages=messages)
    gemini = genai.Client(api_key="any", http_options={"base_url": url})
    with pytest.raises(genai.errors.ClientError, match="has no recording of this request"):
        gemini.models.generate_content(model="gemini-3.8-flash", contents="Emu")
    assert replaying.call("POST", "/v1/embeddings", {"model": "text-embedding-3-small", "input": "Emu"}).status == 400
    assert "[-Perth-]{+Darwin+}" in replaying.log
    assert replaying.call("GET", "/v1/models").status == 200
    assert counting.connections == 0


def test_new_asks_for_what_is_new_only(starter: Starter, upstream: Upstream, tmp_path: Path) -> None:
    tape = ("--set", f"antigravity_cassette={tmp_path / 'tape'}", "--set", "antigravity_cassette_record=new")
    gateway = starter(TWO_ACCOUNTS, *tape)
    assert gateway.chat("gpt-4o", "one").status == 200
    gateway.stop()
    upstream.forget()
    gateway = starter(TWO_ACCOUNTS, *tape)
    by = [gateway.chat("gpt-4o", text).headers["x-account-email"] for text in ("one", "two", "one")]
    assert [account == "cassette" for account in by] == [True, False, True]
    assert len(upstream.requests) == 1
    assert len(list((tmp_path / "tape").glob("gemini*.json"))) == 2


def test_what_is_recorded_is_played_without_an_account(tape: tuple[Path, dict[str, Any]], starter: Starter) -> None:
    """A stranger's CI has none."""
    for record in ("once", "none", "new"):
        told = ("--set", f"antigravity_cassette={tape[0]}", "--set", f"antigravity_cassette_record={record}")
        gateway = starter("[cassette]\nignore = ['~run-\\d+']\n", *told)
        assert agent(gateway, PROMPT, run=3) == tape[1]["whole"]
        assert "needs an account" not in gateway.log
        gateway.stop()


@pytest.mark.parametrize("record", ["once", "all"])
def test_to_record_takes_an_account_and_that_is_said(starter: Starter, tmp_path: Path, record: str) -> None:
    told = ("--set", f"antigravity_cassette={tmp_path / 'tape'}", "--set", f"antigravity_cassette_record={record}")
    gateway = starter("", *told)
    assert "to record Gemini is asked, and that needs an account" in gateway.log
    answer = gateway.chat("gpt-4o", "one")
    assert (answer.status, answer.error["code"]) == (503, "no_account")


def test_a_used_up_budget_refuses_nothing_that_is_free(starter: Starter, upstream: Upstream, tmp_path: Path) -> None:
    """What the cassette has is answered; what would be asked for, also as a part of an answer, is refused."""
    settings = TWO_ACCOUNTS + '\n[prices.models]\n"*" = { input = 1e6, output = 1e6 }\n'
    tape = ("--set", f"antigravity_cassette={tmp_path / 'tape'}")
    recording = starter(settings, *tape)
    assert recording.chat("gpt-4o", "one").status == 200
    assert recording.chat("gpt-4o", "two", n=2).status == 200
    recording.stop()
    used_up = "[limits]\nbudget_per_day = 0.5\n" + settings
    for record in ("once", "new"):
        gateway = starter(used_up, *tape, "--set", f"antigravity_cassette_record={record}")
        if record == "new":  # what is new is paid for, until the budget is used up
            assert gateway.chat("gpt-4o", "dear").status == 200
        upstream.forget()
        for _ in range(2):
            assert gateway.chat("gpt-4o", "one").status == gateway.chat("gpt-4o", "two", n=2).status == 200
        if record == "new":
            for more in ({}, {"n": 2}, {"stream": True}):
                refused = gateway.chat("gpt-4o", "three", **more)
                assert (refused.status, refused.error["code"]) == (429, "budget_exhausted")
            counted = {"model": "gemini-3.8-flash", "contents": [{"role": "user", "parts": [{"text": "one"}]}]}
            assert gateway.call("POST", "/v1beta/models/gemini-3.8-flash:countTokens", counted).status == 200
        assert not [request for request in upstream.requests if "enerateContent" in request.path]
        gateway.stop()


def handmade(folder: Path, text: str, pieces: list[tuple[float, bytes]], number: int = 1) -> None:
    """A recording of a stream that answers one text."""
    body = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    asked = of_call(GeminiCall("gemini-3.8-flash", "streamGenerateContent", body, "?alt=sse"))
    folder.mkdir(exist_ok=True)
    answer = RecordedAnswer(200, {"content-type": "text/event-stream"}, pieces, pieces[-1][0])
    files.write(folder, CassetteRecording(asked, answer, number, "", f"{text}-{number}.json"))


def events(*texts: str) -> list[bytes]:
    ends: list[dict[str, Any]] = [{} for _ in texts[1:]] + [{"finishReason": "STOP"}]
    made = [
        {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, **end}]}
        for text, end in zip(texts, ends, strict=True)
    ]
    return [b"data: " + json.dumps(one).encode() + b"\r\n\r\n" for one in made]


@pytest.mark.parametrize(("speed", "slow"), [("at once", False), ("recorded", True)])
def test_speed(starter: Starter, tmp_path: Path, speed: str, slow: bool) -> None:
    first, last = events("Once", " upon")
    handmade(tmp_path / "tape", "slow", [(0.0, first), (2.0, last)])
    tape = ("--set", f"antigravity_cassette={tmp_path / 'tape'}", "--set", f"antigravity_cassette_speed={speed}")
    gateway = starter(None, *tape)
    client = openai.OpenAI(base_url=gateway.base_url, api_key="any")
    began, times = time.monotonic(), []
    for chunk in client.chat.completions.create(
        model="gemini-3.8-flash", messages=[{"role": "user", "content": "slow"}], stream=True
    ):
        times += [time.monotonic() - began] if chunk.choices and chunk.choices[0].delta.content else []
    assert len(times) == 2
    assert (times[1] - times[0] > 1.5) is slow


def test_several_workers_take_turns(starter: Starter, tmp_path: Path) -> None:
    """Whichever worker is asked, the answers come in their order; and of the model that `gpt-4o` stood for then."""
    for number, text in enumerate(("one", "two", "three", "four"), 1):
        handmade(tmp_path / "tape", "hi", [(0.0, events(text)[0])], number)
    (tmp_path / "tape" / files.MODELS).write_text('{"flash": "gemini-3.8-flash"}')
    gateway = starter(None, "--set", f"antigravity_cassette={tmp_path / 'tape'}", workers=2)
    user = [{"role": "user", "content": "hi"}]
    said = []
    for _ in range(6):
        answer = gateway.call("POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": user, "stream": True})
        said.append("".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in answer.events[:-1]))
    assert said == ["one", "two", "three", "four", "four", "four"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("bad.json", "bad.json is no recording"), ("_models.json", "_models.json is no JSON"), ("", "file is no folder")],
)
def test_what_is_no_recording_stops_the_start(starter: Starter, tmp_path: Path, name: str, said: str) -> None:
    place = tmp_path / "file"
    if name:
        place.mkdir()
    (place / name).write_text("{" if name == "_models.json" else "{}")
    gateway = starter(None, "--set", f"antigravity_cassette={place}", wait=False)
    assert gateway.process.wait(60) == 1
    assert "The cassette can't be used" in gateway.log
    assert said in gateway.log
    assert "recordings answer" not in gateway.log
