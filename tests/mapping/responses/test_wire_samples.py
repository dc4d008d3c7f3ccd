"""Every shape of an upstream answer among the samples, against what their manifest says, in terms of responses."""

from __future__ import annotations

import itertools
import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.openai.errors import error_object
from mapping.responses.answer.answer import ResponsesAnswer
from mapping.responses.answer.stream import ResponsesStream
from mapping.responses.plan import ResponsesPlan
from mapping.responses.request.echo import echo

WIRE = Path(__file__).parents[2] / "data" / "wire"
OTHER_ENDPOINTS = ("embed_", "models_list_", "count_tokens")
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)

SAMPLES = [
    sample
    for sample in json.loads((WIRE / "manifest.json").read_text())["samples"]
    if sample["http_status"] == 200 and not sample["file"].startswith(OTHER_ENDPOINTS)
]
ANSWERED = [sample for sample in SAMPLES if "action" not in sample["expect"] and "choices" not in sample["expect"]]
WHOLE = [sample for sample in ANSWERED if sample["kind"] == "json"]
STREAMS = [sample for sample in SAMPLES if sample["kind"] != "json"]
ANSWERED_STREAMS = [sample for sample in ANSWERED if sample["kind"] != "json"]

STATUS = {
    "length": ("incomplete", {"reason": "max_output_tokens"}),
    "content_filter": ("incomplete", {"reason": "content_filter"}),
}


def by_file(samples: list[Any]) -> Any:
    return pytest.mark.parametrize("sample", samples, ids=[sample["file"] for sample in samples])


def action(name: str, kinds: tuple[str, ...]) -> Any:
    return by_file([s for s in SAMPLES if s["expect"].get("action") == name and s["kind"] in kinds])


def arguments(sample: Any, **plan: Any) -> dict[str, Any]:
    count = itertools.count(1)
    return {
        "plan": ResponsesPlan(
            "gpt-x",
            "gemini-3.8-flash",
            logprobs="logprobs" in sample["expect"],
            echo=echo({}, reasoning={}, text={}),
            **{"summary": True, **plan},
        ),
        "created": 1_700_000_000,
        "mint": lambda prefix: f"{prefix}{next(count)}",
        "notes": Notes(),
        "seal": json.dumps,
        "response_id": "resp_1",
    }


def reads(sample: Any) -> list[bytes]:
    """The body, as the network gave it."""
    data = (WIRE / sample["file"]).read_bytes()
    if sample["kind"] == "chunks":
        return [b64decode(read) for read in json.loads(data)["reads_base64"]]
    return [data]


def whole(sample: Any, **plan: Any) -> dict[str, Any]:
    answer = ResponsesAnswer(**arguments(sample, **plan))
    answer.add((WIRE / sample["file"]).read_bytes())
    body = answer.finish()
    Response.model_validate_json(body, strict=True)
    found: dict[str, Any] = json.loads(body)
    return found


def streamed(sample: Any, pieces: list[bytes] | None = None, **plan: Any) -> bytes:
    stream = ResponsesStream(**arguments(sample, **plan))
    return b"".join([stream.feed(piece) for piece in pieces or reads(sample)]) + stream.end()


def events(data: bytes) -> list[dict[str, Any]]:
    *framed, rest = data.split(b"\n\n")
    assert rest == b""
    bodies = [item.split(b"\ndata: ", 1)[1] for item in framed]
    for body in bodies:
        EVENT.validate_json(body, strict=True)
    return [json.loads(body) for body in bodies]


def last_response(data: bytes) -> dict[str, Any]:
    """The response of the last event, after the SDK's accumulator took all of them."""
    state: ResponseStreamState[None] = ResponseStreamState(input_tools=omit, text_format=omit)
    found = events(data)
    for item in found:
        state.handle_event(EVENT.validate_python(item))
    response: dict[str, Any] = found[-1]["response"]
    assert found[-1]["type"] == f"response.{response['status']}"
    assert (response["status"] == "completed") == (state._completed_response is not None)
    return response


def texts(response: dict[str, Any], member: str = "text") -> list[str]:
    return [part[member] for item in response["output"] for part in item.get("content", ()) if member in part]


def check(response: dict[str, Any], expect: dict[str, Any]) -> None:
    """All that the manifest says of an answer, but for what chat alone has."""
    kinds = [item["type"] for item in response["output"]]
    expected = STATUS.get(expect.get("chat_finish") or expect["finish_reason"], ("completed", None))
    assert (response["status"], response["incomplete_details"]) == expected
    assert kinds.count("function_call") == expect.get("tool_calls", 0)
    assert kinds.count("image_generation_call") == expect.get("images", 0)
    if "text" in expect and "code_interpreter_call" not in kinds:
        assert "".join(texts(response)) == (expect["text"] or "")
    if "reasoning" in expect:
        summaries = [part["text"] for item in response["output"] for part in item.get("summary", ())]
        assert "".join(summaries) == (expect["reasoning"] or "")
    if "arguments" in expect:
        calls = [item for item in response["output"] if item["type"] == "function_call"]
        assert [call["arguments"] for call in calls] == expect["arguments"]
    if "logprobs" in expect:
        assert len(response["output"][-1]["content"][0]["logprobs"]) == expect["logprobs"]
    if "annotations" in expect:
        check_annotations(response, expect["annotations"])
    if "usage" in expect:
        check_usage(response["usage"], expect["usage"])


def check_annotations(response: dict[str, Any], expect: Any) -> None:
    """Their number, or [start, end, grounding chunk] of each."""
    pages = response["extra_content"]["google"]["grounding_metadata"]["groundingChunks"]
    urls = [page["web"]["uri"] for page in pages]
    (part,) = response["output"][0]["content"]
    cited = part["annotations"]
    found = [[cite["start_index"], cite["end_index"], urls.index(cite["url"])] for cite in cited]
    assert found == expect or len(found) == expect
    sentences = {part["text"][cite["start_index"] : cite["end_index"]] for cite in cited}
    assert sentences == {"Zürich is in Switzerland 🇨🇭.", "It lies on a lake."}
    assert response["output"][1]["type"] == "web_search_call"


def check_usage(usage: dict[str, Any], expect: dict[str, int]) -> None:
    assert usage == {
        "input_tokens": expect["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": expect["cached_tokens"], "cache_write_tokens": 0},
        "output_tokens": expect["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": expect["reasoning_tokens"]},
        "total_tokens": expect["total_tokens"],
    }


def plain(response: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in response.items() if name != "choices"}


@by_file(WHOLE)
def test_whole_answers(sample: Any) -> None:
    check(whole(sample), sample["expect"])


@pytest.mark.parametrize("carry", [True, False])
@by_file(WHOLE)
def test_whole_answers_as_a_stream_of_one_event(sample: Any, carry: bool) -> None:
    event = json.dumps(json.loads((WIRE / sample["file"]).read_bytes())).encode()
    data = streamed(sample, [b"data: " + event + b"\r\n\r\n"], carry=carry, store=False)
    assert last_response(data) == plain(whole(sample, carry=carry, store=False))


@by_file(ANSWERED_STREAMS)
def test_streams(sample: Any) -> None:
    check(last_response(streamed(sample)), sample["expect"])


@by_file(STREAMS)
def test_a_stream_byte_by_byte(sample: Any) -> None:
    body = b"".join(reads(sample))
    assert outcome(sample, [body[at : at + 1] for at in range(len(body))]) == outcome(sample, [body])


def outcome(sample: Any, pieces: list[bytes]) -> bytes | dict[str, Any]:
    try:
        return streamed(sample, pieces)
    except UpstreamError as fault:
        return error_object(fault.error)


def test_several_candidates_are_one_answer() -> None:
    sample = next(s for s in SAMPLES if s["file"] == "multi_candidate_n3.json")
    assert texts(whole(sample)) == [sample["expect"]["choices"][0]["text"]]


# answers that are none


@action("retry_then_error", ("json",))
def test_answers_to_ask_for_again(sample: Any) -> None:
    with pytest.raises(UpstreamError) as caught:
        whole(sample)
    assert caught.value.kind is Kind.ANSWER


@action("retry_then_error", ("sse",))
def test_a_malformed_call_before_anything_visible(sample: Any) -> None:
    with pytest.raises(UpstreamError):
        streamed(sample, summary=False)
    assert [item["type"] for item in events(streamed(sample))[-2:]] == ["error", "response.failed"]


@action("resign_and_retry", ("json",))
def test_missing_signatures(sample: Any) -> None:
    with pytest.raises(UpstreamError) as caught:
        whole(sample)
    assert caught.value.kind is Kind.SIGNATURE


@action("error_500", ("json",))
def test_empty_answers(sample: Any) -> None:
    with pytest.raises(UpstreamError):
        whole(sample)


@action("error", ("sse",))
def test_an_error_as_the_first_event(sample: Any) -> None:
    with pytest.raises(UpstreamError) as caught:
        streamed(sample)
    assert caught.value.error.status == sample["expect"]["status"]


@action("error_midstream", ("sse",))
def test_errors_in_the_middle_of_a_stream(sample: Any) -> None:
    *_, error, failed = events(streamed(sample))
    assert (error["type"], failed["type"]) == ("error", "response.failed")
    text = "".join(texts(failed["response"]))
    assert text == sample["expect"].get("text", text) != ""


# long answers


def test_a_long_answer_streamed_in_hops() -> None:
    hop1, hop2 = (next(s for s in SAMPLES if s["file"] == f"stream_long_decode_hop{at}.sse") for at in (1, 2))
    stream = ResponsesStream(**arguments(hop2))
    data = stream.feed(*reads(hop1)) + stream.end()
    assert stream.continuation == hop1["expect"]["token"]
    response = last_response(data + stream.feed(*reads(hop2)) + stream.end())
    assert texts(response) == [hop2["expect"]["combined_text"]]
    usage = response["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (30, 65656, 65686)
