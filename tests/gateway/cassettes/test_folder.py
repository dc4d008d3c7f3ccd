"""Recordings are found by what counts of a request, in their order; names stay, and misses tell the nearest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from addons.gateway.cassettes import misses
from addons.gateway.cassettes.canonical import RecordedRequest, of_call
from addons.gateway.cassettes.files import RecordedAnswer
from addons.gateway.cassettes.folder import CassetteFolder, is_recorded
from addons.gateway.workers.counts import TurnCounts
from mapping.values import GeminiCall, PlainCall


def asked(text: str = "Hello there", *, model: str = "gemini-3-flash", **more: Any) -> RecordedRequest:
    body = {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}
    return of_call(GeminiCall(model, "generateContent", body))


def said(text: str) -> RecordedAnswer:
    body = json.dumps({"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}}]}).encode()
    return RecordedAnswer(200, {"content-type": "application/json"}, [(0.0, body)], 0.0)


def record(path: Path, *calls: tuple[RecordedRequest, str], ignored: tuple[str, ...] = (), mask: bool = False) -> None:
    folder = CassetteFolder(path, ignored)
    for request, text in calls:
        folder.add(request, said(text), folder.reserve(request), mask=mask)


def answers(folder: CassetteFolder, request: RecordedRequest, times: int) -> list[str]:
    taken = [folder.take(request) for _ in range(times)]
    return [one.answer.content.decode().split('"text": "')[1].split('"')[0] for one in taken if one]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"generationConfig": {"seed": 1, "topP": 0.5}}, {"generationConfig": {"topP": 0.5, "seed": 1.0}}),
        ({"contents": [{"parts": []}]}, {"contents": [{"role": "user", "parts": []}]}),
    ],
)  # fmt: skip
def test_what_is_the_same(tmp_path: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    record(tmp_path, (asked(**before), "yes"))
    assert CassetteFolder(tmp_path).take(asked(**now)) is not None


@pytest.mark.parametrize(
    "other",
    [
        asked("Hello you"),
        asked(model="gemini-3-pro"),
        asked(generationConfig={"topK": 1}),
        RecordedRequest("gemini-3-flash", "countTokens", "", asked().body),
    ],
)
def test_what_is_not(tmp_path: Path, other: RecordedRequest) -> None:
    record(tmp_path, (asked(), "yes"))
    assert CassetteFolder(tmp_path).take(other) is None


def test_several_answers_come_in_order_and_the_last_one_stays(tmp_path: Path) -> None:
    record(tmp_path, (asked(), "one"), (asked("other"), "x"), (asked(), "two"))
    folder = CassetteFolder(tmp_path)
    assert answers(folder, asked(), 4) == ["one", "two", "two", "two"]
    assert len(folder.unused) == 1
    strict = CassetteFolder(tmp_path)
    assert [strict.take(asked(), "never") is not None for _ in range(3)] == [True, True, False]


def test_workers_share_the_order(tmp_path: Path) -> None:
    record(tmp_path / "tape", (asked(), "one"), (asked(), "two"))
    shared = tmp_path / "shared" / "counts.json"
    workers = [CassetteFolder(tmp_path / "tape", counts=TurnCounts(shared)) for _ in range(2)]
    assert [answers(worker, asked(), 1) for worker in workers] == [["one"], ["two"]]
    assert [TurnCounts(shared).settle("mode", value) for value in ("a", "b")] == ["a", "a"]


def test_a_name_tells_and_stays(tmp_path: Path) -> None:
    record(tmp_path, (asked("What's the weather in Paris, France today?"), "one"))
    [before] = tmp_path.glob("*.json")
    assert before.name.startswith("gemini-3-flash-what-s-the-weather-in-")
    record(tmp_path, (asked("What's the weather in Paris, France today?"), "two"))
    assert [path.name for path in tmp_path.iterdir()] == [before.name], "it is replaced, and nothing is left beside it"


def test_what_is_recorded_anew_takes_away_what_was_there(tmp_path: Path) -> None:
    record(tmp_path, (asked(), "one"), (asked(), "two"), (asked("other"), "x"))
    record(tmp_path, (asked(), "three"))
    assert answers(CassetteFolder(tmp_path), asked(), 2) == ["three", "three"]
    assert len(list(tmp_path.iterdir())) == 2


def test_what_does_not_count_is_no_part_of_a_name(tmp_path: Path) -> None:
    ignored = (r"contents[*].parts[*].text~\d{4}-\d\d-\d\d",)
    record(tmp_path, (asked("It is 2026-11-29"), "one"), ignored=ignored)
    record(tmp_path, (asked("It is 2026-12-24"), "two"), ignored=ignored)
    assert len(list(tmp_path.iterdir())) == 1
    assert CassetteFolder(tmp_path, ignored).take(asked("It is 2027-01-01")) is not None
    assert CassetteFolder(tmp_path).take(asked("It is 2027-01-01")) is None


# --- masked


def turn(question: str, said: str, result: Any) -> RecordedRequest:
    """A request with a call, as the model made it, and its result."""
    return asked(
        contents=[
            {"role": "user", "parts": [{"text": question}]},
            {
                "role": "model",
                "parts": [{"functionCall": {"name": "f", "args": {"city": said}}, "thoughtSignature": said}],
            },
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"text": result}}}]},
        ]
    )


def test_a_masked_recording_holds_no_word_and_is_found(tmp_path: Path) -> None:
    record(tmp_path, (turn("Quokkas?", "Perth", "warm 31.41592"), "Wombat said"), mask=True)
    [file] = tmp_path.iterdir()
    text = file.read_text() + file.name
    assert not [word for word in ("uokka", "Perth", "perth", "warm", "1.4159", "Wombat") if word in text]
    folder = CassetteFolder(tmp_path)
    assert folder.take(turn("Quokkas?", "Xxxxx", "xxxx 00.00000")) is not None, "the model's turn as the replay gave it"
    assert folder.take(turn("Quokkas?", "Perth", "warm 31.41592")) is not None
    assert folder.take(turn("Wallaby?", "Perth", "warm 31.41592")) is None, "what the client says itself counts"


# --- misses


def miss(path: Path, request: RecordedRequest) -> misses.CassetteMiss:
    folder = CassetteFolder(path)
    return misses.found(path, request, folder.recordings, folder.ignored)


def test_a_miss_names_the_nearest_and_the_words(tmp_path: Path) -> None:
    long = "word " * 100
    record(tmp_path, (asked(f"{long} the weather in Paris please"), "x"), (asked("Something else"), "y"))
    found = miss(tmp_path, asked(f"{long} the weather in Berlin please"))
    assert "weather" not in found.nearest
    assert found.nearest.startswith("gemini-3-flash-word-word")
    assert "[-Paris-]{+Berlin+}" in found.text(1000)
    fault = found.fault()
    assert (fault.status, fault.code, fault.should_retry) == (400, "cassette_miss", False)
    assert len(fault.message) < 2000
    assert found.note == "nearest " + found.nearest.removesuffix(".json")[-8:]


def test_a_miss_is_cut_to_a_readable_length(tmp_path: Path) -> None:
    record(tmp_path, (asked(tools=[{"name": f"tool{n}", "x": n} for n in range(400)]), "x"))
    fault = miss(tmp_path, asked(tools=[{"name": f"tool{n}", "x": n + 1} for n in range(400)])).fault()
    assert len(fault.message) < 2200
    assert "more characters" in fault.message


def test_of_a_masked_recording_a_miss_says_what_can_be_said(tmp_path: Path) -> None:
    record(tmp_path, (asked("Quokkas"), "x"), mask=True)
    assert "words of what was masked" in miss(tmp_path, asked("Wallaby")).text(1000)


def test_an_empty_folder(tmp_path: Path) -> None:
    assert "no other either" in miss(tmp_path / "none", asked()).text(1000)
    assert not is_recorded(tmp_path / "none")


# --- what is no call of a model


def test_uploads_show_no_right_to_go_on_with_them(tmp_path: Path) -> None:
    first, second = (
        of_call(
            GeminiCall("", "", plain=PlainCall("POST", f"/upload/v1beta/files?upload_id={id}&x=1", (), b"\xff\0abc"))
        )
        for id in ("secret-1", "secret-2")
    )
    assert first == second
    record(tmp_path, (first, "x"))
    [file] = tmp_path.iterdir()
    assert "secret" not in file.read_text()
    assert file.name.startswith("post-upload-files-")
