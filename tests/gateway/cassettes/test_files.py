"""Files of recordings: the bytes of an answer come back as they were, and people can read them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from addons.gateway.cassettes import files
from addons.gateway.cassettes.canonical import RecordedRequest
from addons.gateway.cassettes.files import CassetteError, CassetteRecording, RecordedAnswer

ASKED = RecordedRequest("gemini-3-flash", "generateContent", "", {"contents": [{"parts": [{"text": "hi"}]}]})
SSE, JSON = "text/event-stream", "application/json"


def kept(tmp_path: Path, answer: RecordedAnswer) -> tuple[CassetteRecording, str]:
    """The recording as it is read again, and the text of its file."""
    files.write(tmp_path, CassetteRecording(ASKED, answer, 2, "2026-11-29T13:00:00Z", "x.json"))
    return files.read(tmp_path / "x.json"), (tmp_path / "x.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "pieces", "place"),
    [
        (JSON, [b'{"a":1,"b":[1.5,true,null]}'], "body"),
        (JSON, [b'{\n  "a": {\n    "b": "\xc3\xa9"\n  }\n}\n'], "body"),
        (JSON, [b'{"a": 1}'], "body"),
        (JSON, [b'{"a":  1}'], "texts"),
        (JSON, [b'{"a": "\\u003c"}'], "texts"),
        (JSON, [b'[{"a":1}', b',{"a":2}]\r\n'], "texts"),
        (JSON, [b'{"a":1,"a":2}'], "texts"),
        (JSON, [b"not JSON"], "texts"),
        (JSON, [b"\xff\xfe"], "base64"),
        (JSON, [], ""),
        (SSE, [b'data: {"a":1}\r\n\r\n', b'data: {"a":2}\r\n\r\n'], "events"),
        (SSE, [b'data: {"a":', b'1}\n\ndata: {"a":2}\n\n'], "events"),
        (SSE, [b'data: {"a": 1}\r\n\r\n: remark\r\n\r\n'], "events"),
        (SSE, [b'data: {"a":1}\r\n\r\ndata: {"half'], "events"),
        (SSE, [b'data: {"a":"\xc3', b'\xa9"}\r\n\r\n'], "events"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("broken", [False, True])
def test_an_answer_comes_back_as_it_came(
    tmp_path: Path, kind: str, pieces: list[bytes], place: str, broken: bool
) -> None:
    answer = RecordedAnswer(
        200, {"content-type": kind}, [(0.25 * at, one) for at, one in enumerate(pieces)], 0.5, broken
    )
    read, text = kept(tmp_path, answer)
    assert read.answer.content == answer.content
    assert (read.answer.status, read.answer.headers, read.answer.broken) == (200, answer.headers, broken)
    told = json.loads(text)["answer"]
    assert [name for name in ("body", "texts", "events", "base64") if name in told] == ([place] if place else [])
    assert (read.asked, read.number, read.name) == (files.of_plain(json.loads(text), "x").asked, 2, "x.json")


def test_events_have_the_times_of_their_ends(tmp_path: Path) -> None:
    pieces = [(0.1, b'data: {"a":1}\r\n\r\ndata: {'), (0.2, b'"a":2}'), (0.3, b"\r\n\r\n")]
    read, _ = kept(tmp_path, RecordedAnswer(200, {"content-type": SSE}, pieces, 0.3))
    assert [at for at, _ in read.answer.pieces] == [0.1, 0.3]


def test_short_values_stand_on_one_line(tmp_path: Path) -> None:
    body = b'{"values":[' + b",".join(b"%d" % n for n in range(200)) + b'],"text":"hi"}'
    _, text = kept(tmp_path, RecordedAnswer(200, {"content-type": JSON}, [(0.0, body)], 0.0))
    assert max(len(line) for line in text.splitlines()) > 500, "numbers are not a line each"
    assert len(text.splitlines()) < 25


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2}', '{"version": 1, "answer": {}}', "null", "{"])
def test_what_is_no_recording(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(CassetteError, match=r"bad\.json"):
        files.in_folder(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 100_000])
def test_what_names_no_models(tmp_path: Path, text: str) -> None:
    (tmp_path / files.MODELS).write_text(text)
    with pytest.raises(CassetteError, match=r"_models\.json"):
        files.models(tmp_path)


def test_what_is_no_folder(tmp_path: Path) -> None:
    (file := tmp_path / "file").write_text("")
    files.can_be_written(tmp_path / "not" / "yet")
    for path in (file, file / "below"):
        with pytest.raises(CassetteError, match="is no folder"):
            files.can_be_written(path)
    with pytest.raises(CassetteError, match="is no folder"):
        files.in_folder(file)


def test_nothing_is_left_of_a_file_that_could_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "x.json" / "in the way").mkdir(parents=True)
    with pytest.raises(CassetteError, match=r"x\.json"):
        files.write_json(tmp_path / "x.json", {})
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_what_cannot_be_taken_away_is_said(tmp_path: Path) -> None:
    files.remove(tmp_path / "was-never-there.json")
    (folder := tmp_path / "take_away_here").mkdir()
    with pytest.raises(CassetteError, match="take_away_here"):
        files.remove(folder)
