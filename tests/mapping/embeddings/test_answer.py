"""Gemini's vectors as OpenAI's: their order, their length, their form, and what they cost."""

from __future__ import annotations

import base64
import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest

from mapping.faults import Fault
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.values import JSON
from tests.mapping.embeddings.test_request import FIRST, translated

WIRE = Path(__file__).resolve().parents[2] / "data" / "wire"
ONE, BATCH, PREDICTED = (
    (WIRE / f"embed_{name}.json").read_bytes() for name in ("content_single", "batch", "vertex_predict")
)


def made(body: JSON, *answers: bytes | JSON, notes: Notes | None = None, model: str = FIRST) -> Any:
    """The client's answer."""
    answering = translated(body, model)
    whole = answering.whole(Notes() if notes is None else notes)
    for answer in answers:
        whole.add(answer if isinstance(answer, bytes) else json.dumps(answer).encode())
        whole.close()
    return json.loads(whole.finish())


def vectors(answer: Any) -> list[Any]:
    assert [one["object"] for one in answer["data"]] == ["embedding"] * len(answer["data"])
    assert [one["index"] for one in answer["data"]] == list(range(len(answer["data"])))
    return [one["embedding"] for one in answer["data"]]


def test_one() -> None:
    assert made({"input": "a"}, ONE) == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.0125, -0.25, 0.5, 0.8287]}],
        "model": "mine",
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    }


RECORDED = [
    # the answer, the vectors, the tokens, the notes
    (BATCH, [[0.6, 0.8], [3.0, 4.0]], 3 + 1, [("estimated", "usage")]),
    (PREDICTED, [[0.1, 0.2], [0.3, 0.4]], 8, [("input-cut", "")]),
]


@pytest.mark.parametrize(("answer", "expected", "tokens", "noted"), RECORDED)
def test_several(answer: bytes, expected: Any, tokens: int, noted: Any) -> None:
    notes = Notes()
    found = made({"input": ["123456789", "abc"]}, answer, notes=notes)
    assert vectors(found) == expected
    assert found["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
    assert list(notes) == noted


def test_base64_is_little_endian_floats_of_32_bits() -> None:
    found = vectors(made({"input": ["a", "b"], "encoding_format": "base64"}, BATCH))
    assert [base64.b64decode(one) for one in found] == [struct.pack("<2f", 0.6, 0.8), struct.pack("<2f", 3, 4)]


@pytest.mark.parametrize("form", ["float", "base64"])
def test_what_is_cut_is_of_unit_length(form: str) -> None:
    found = vectors(made({"input": ["a", "b"], "dimensions": 2, "encoding_format": form}, BATCH))
    if form == "base64":
        found = [struct.unpack("<2f", base64.b64decode(one)) for one in found]
    assert [pytest.approx([0.6, 0.8])] * 2 == [list(one) for one in found]


def test_a_model_without_shorter_vectors() -> None:
    notes = Notes()
    [found] = vectors(made({"input": "a", "dimensions": 3}, ONE, notes=notes))
    assert len(found) == 3
    assert math.hypot(*found) == pytest.approx(1)
    assert list(notes) == [("emulated", "dimensions")]


def test_a_vector_of_zeros_stays() -> None:
    assert vectors(made({"input": "a", "dimensions": 2}, {"embedding": {"values": [0, 0]}})) == [[0, 0]]


def batch(*numbers: int, **more: Any) -> JSON:
    return {"embeddings": [{"values": [n, 1]} for n in numbers], **more}


def test_the_order_over_all_calls() -> None:
    asked = {"input": [f"{n:04}" for n in range(250)]}
    notes = Notes()
    answers = [
        batch(*range(100), usageMetadata={"promptTokenCount": 7}),
        batch(*range(100, 200)),
        batch(*range(200, 250)),
    ]
    found = made(asked, *answers, notes=notes)
    assert vectors(found) == [[n, 1] for n in range(250)]
    assert found["usage"]["total_tokens"] == 7 + 100 + 50
    assert list(notes) == [("estimated", "usage")]


BROKEN: list[tuple[Any, str | None]] = [
    (b"<html>", "upstream_not_json"),
    (b"", "upstream_not_json"),
    ([], "upstream_not_json"),
    ({}, "upstream_empty"),
    ({"embeddings": []}, "upstream_empty"),
    ({"embeddings": [{"values": []}, {"values": [1]}]}, "upstream_empty"),
    ({"embeddings": [{"values": ["a"]}, {"values": [1]}]}, "upstream_empty"),
    ({"embeddings": [None, {"values": [1]}]}, "upstream_empty"),
    ({"predictions": [{"embeddings": {}}]}, "upstream_empty"),
    (batch(1), "upstream_incomplete"),
    (batch(1, 2, 3), "upstream_incomplete"),
    ({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}, None),
]


@pytest.mark.parametrize(("answer", "code"), BROKEN)
def test_what_is_no_answer(answer: Any, code: str | None) -> None:
    with pytest.raises(UpstreamError) as e:
        made({"input": ["a", "b"]}, answer)
    assert e.value.error.code == code
    assert e.value.error.status >= 500


def test_an_answer_that_is_missing_or_in_another_place() -> None:
    asked = {"input": ["a"] * 150}
    for answers in ([batch(*range(100))], [batch(*range(50)), batch(*range(100))], []):
        with pytest.raises(UpstreamError) as e:
            made(asked, *answers)
        assert e.value.error.code == "upstream_incomplete"


def test_on_trial_any_of_the_calls_may_be_answered() -> None:
    """And nothing of the trial is left."""
    answering = translated({"input": ["a"] * 150})
    answers = [json.dumps(batch(*range(n))).encode() for n in (100, 50)]
    for answer in answers:
        answering.whole(Notes()).add(answer, needs_content=True)
    with pytest.raises(UpstreamError):
        answering.whole(Notes()).add(json.dumps(batch(1)).encode(), needs_content=True)
    whole = answering.whole(Notes())
    for answer in answers:
        whole.add(answer)
        whole.close()
    assert len(json.loads(whole.finish())["data"]) == 150
    assert (whole.totals().prompt, whole.totals().total, whole.finish_reasons()) == (150, 150, ())


BLAMED = [
    ("requests[3].output_dimensionality", "dimensions"),
    ("embed_content_config.output_dimensionality", "dimensions"),
    ("outputDimensionality", "dimensions"),
    ("requests[0].task_type", "task_type"),
    ("content", "input"),
    ("requests[7].content", "input"),
    ("contents", "input"),
    ("parameters.autoTruncate", None),
    (None, None),
]


@pytest.mark.parametrize(("theirs", "ours"), BLAMED)
def test_whose_fault(theirs: str | None, ours: str | None) -> None:
    assert translated({"input": "a"}).blamed(Fault(400, "no", param=theirs)).param == ours


def test_a_model_that_is_not_found_is_told_by_both_names() -> None:
    fault = translated({"input": "a"}).blamed(Fault(404, "It is not there.", code="model_not_found", param="model"))
    assert fault.param == "model"
    assert fault.message.startswith(f"'mine' stands for {FIRST} here")
