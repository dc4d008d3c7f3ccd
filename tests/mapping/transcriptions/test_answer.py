"""Transcripts: Gemini's answers -> each form that OpenAI has, whole and streamed."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from openai.types.audio import (
    Transcription,
    TranscriptionDiarized,
    TranscriptionStreamEvent,
    TranscriptionVerbose,
)
from pydantic import TypeAdapter

from mapping.faults import Fault
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.transcriptions.answer import TranscriptAnswer
from mapping.transcriptions.settings import TranscriptionPlan
from mapping.transcriptions.stream import TranscriptStream
from mapping.values import Options

USAGE = {
    "promptTokenCount": 32,
    "candidatesTokenCount": 8,
    "totalTokenCount": 40,
    "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 32}],
}
HELLO: list[dict[str, Any]] = [
    {"word": "Hello", "startOffset": "0s", "endOffset": "0.400s"},
    {"word": "you.", "startOffset": "0.500s", "endOffset": "0.900s"},
    {"word": "Well", "startOffset": "1s", "endOffset": "1.300s"},
    {"word": "then", "endOffset": "1.500s"},
    {"word": "go", "startOffset": "62.000s", "endOffset": "62.250s"},
]


def part(own: str | None, speaker: str = "", words: Any = None, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"speakerLabel": speaker} if speaker else {}
    if words is not None:
        told["words"] = words
    made: dict[str, Any] = {"audioTranscription": {**told, **more}}
    return made if own is None else {"text": own, **made}


def answer(*parts: dict[str, Any], reason: str = "STOP") -> dict[str, Any]:
    content = {"parts": list(parts), "role": "model"}
    return {"candidates": [{"content": content, "finishReason": reason}], "usageMetadata": USAGE}


def plan(form: str, **more: Any) -> TranscriptionPlan:
    made = TranscriptionPlan(client_model="whisper-1", model="gemini-3.5-transcribe", form=form, **more)
    made.options = Options(blocked_prompt="error")
    return made


def whole(form: str, *responses: dict[str, Any], notes: Notes | None = None, **more: Any) -> Any:
    made = TranscriptAnswer(plan(form, **more), lambda prefix, size=12: prefix, Notes() if notes is None else notes)
    for response in responses:
        made.add(response)
    body = made.finish()
    return json.loads(body) if form.endswith("json") else body.decode()


SPOKEN = part("Hello you. Well then, go", words=HELLO, languageCode="en-US")


def test_json() -> None:
    found = whole("json", answer({"text": " Hello "}, {"text": "you. "}))
    assert found == {
        "text": "Hello you.",
        "usage": {
            "type": "tokens",
            "input_tokens": 32,
            "output_tokens": 8,
            "total_tokens": 40,
            "input_token_details": {"audio_tokens": 32, "text_tokens": 0},
        },
    }
    Transcription.model_validate_json(json.dumps(found), strict=True)
    assert whole("json", answer(SPOKEN))["languages"] == [{"code": "en-US"}]


def test_text() -> None:
    assert whole("text", answer({"text": "Hello you."})) == "Hello you.\n"


def test_srt() -> None:
    assert whole("srt", answer(SPOKEN)) == (
        "1\n00:00:00,000 --> 00:00:00,900\nHello you.\n\n"
        "2\n00:00:01,000 --> 00:00:01,500\nWell then,\n\n"
        "3\n00:01:02,000 --> 00:01:02,250\ngo\n\n"
    )


def test_vtt() -> None:
    words = [{"word": "a<b&c", "startOffset": "3600.001s", "endOffset": "3600.500s"}]
    assert whole("vtt", answer(part("a<b&c", words=words))) == (
        "WEBVTT\n\n01:00:00.001 --> 01:00:00.500\na&lt;b&amp;c\n\n"
    )


def test_verbose() -> None:
    found = whole("verbose_json", answer(SPOKEN), with_segments=True, with_words=True, seconds=63.21, temperature=0.5)
    TranscriptionVerbose.model_validate_json(json.dumps(found), strict=False)
    assert (found["task"], found["language"], found["duration"]) == ("transcribe", "english", 63.21)
    assert found["text"] == "Hello you. Well then, go"
    assert [word["word"] for word in found["words"]] == ["Hello", "you.", "Well", "then", "go"]
    assert [(s["id"], s["start"], s["end"], s["text"]) for s in found["segments"]] == [
        (0, 0.0, 0.9, "Hello you."),
        (1, 1.0, 1.5, "Well then,"),
        (2, 62.0, 62.25, "go"),
    ]
    members = "id seek start end text tokens temperature avg_logprob compression_ratio no_speech_prob"
    assert all(list(segment) == members.split() for segment in found["segments"])
    assert {segment["temperature"] for segment in found["segments"]} == {0.5}
    assert found["usage"] == {"type": "duration", "seconds": 64}
    bare = whole("verbose_json", answer({"text": "Hello"}), language="de")
    assert (bare["language"], bare["usage"]["type"]) == ("german", "tokens")
    assert not bare.keys() & {"segments", "words", "duration"}


def test_diarized() -> None:
    early = [{"word": "Yes?", "startOffset": "1s", "endOffset": "2s"}]
    late = [{"word": "No.", "startOffset": "3s", "endOffset": "4s"}]
    found = whole("diarized_json", answer(part("No.", "spk:7", late), part("Yes?", "spk:1", early)), seconds=5.0)
    TranscriptionDiarized.model_validate_json(json.dumps(found), strict=True)
    assert found["text"] == "Yes? No."
    assert [(s["speaker"], s["start"], s["end"], s["text"]) for s in found["segments"]] == [
        ("A", 1.0, 2.0, "Yes?"),
        ("B", 3.0, 4.0, "No."),
    ]
    assert len({segment["id"] for segment in found["segments"]}) == 2
    one = whole("diarized_json", answer(part("Hm", startOffset="1s", endOffset="2s")))
    assert [(s["start"], s["end"], s["speaker"]) for s in one["segments"]] == [(1.0, 2.0, "A")]


def test_a_part_without_a_text_of_its_own() -> None:
    assert whole("json", answer(part(None, text="Hello you.")))["text"] == "Hello you."
    assert whole("json", answer(part(None, words=HELLO)))["text"] == "Hello you. Well then go"
    japanese = [{"word": word, "startOffset": "1s"} for word in ("日本", "語", "OK")]
    assert whole("json", answer(part(None, words=japanese)))["text"] == "日本語 OK"


SPELLED: dict[str, tuple[str, str, list[str] | None]] = {
    "punctuation apart": ("Hello, you. Go!", "Hello you Go", ["Hello, you.", "Go!"]),
    "spaceless": ("日本語です。はい。", "日本語 です はい", ["日本語です。", "はい。"]),
    "quotes": ('"Stop." He went.', '"Stop." He went.', ['"Stop."', "He went."]),
    "words that are not there": ("Hello you", "Bye you", ["Bye you"]),
    "long": ("word " * 40, "word " * 40, None),
}


@pytest.mark.parametrize("row", SPELLED)
def test_segments(row: str) -> None:
    text, listed, expected = SPELLED[row]
    words = [
        {"word": word, "startOffset": f"{i / 10:.3f}s", "endOffset": f"{i / 10 + 0.1:.3f}s"}
        for i, word in enumerate(listed.split())
    ]
    found = [
        block.split("\n", 2)[2].strip() for block in whole("srt", answer(part(text, words=words))).split("\n\n")[:-1]
    ]
    if expected is None:
        assert " ".join(found) == text.strip()
        assert max(map(len, found)) <= 84
    else:
        assert found == expected


def test_no_times_are_made_up() -> None:
    untimed = [{"word": "Hello"}, {"word": "you"}]
    for told in (part("Hello you"), part("Hello you", words=untimed), {"text": "Hello you"}):
        for form in ("srt", "vtt", "diarized_json"):
            with pytest.raises(UpstreamError) as e:
                whole(form, answer(told))
            assert e.value.error.code == "no_word_times"
        assert "segments" not in whole("verbose_json", answer(told), with_segments=True, with_words=True)


def test_nothing_was_said() -> None:
    nothing = answer({"text": ""})
    assert whole("json", nothing)["text"] == ""
    assert whole("text", nothing) == "\n"
    assert whole("srt", nothing) == ""
    assert whole("vtt", nothing) == "WEBVTT\n\n"
    assert whole("diarized_json", nothing)["segments"] == []
    uncounted = {**nothing, "usageMetadata": {"promptTokenCount": 32}}
    with pytest.raises(UpstreamError):
        TranscriptAnswer(plan("json"), lambda prefix, size=12: prefix, Notes()).add(uncounted, needs_content=True)


def test_what_is_no_transcript() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": USAGE}
    for response in (blocked, answer({"text": "La la"}, reason="RECITATION")):
        with pytest.raises(UpstreamError) as e:
            whole("json", response)
        assert (e.value.error.status, e.value.error.code) == (400, "content_policy_violation")
    notes = Notes()
    assert whole("json", answer({"text": "and so"}, reason="MAX_TOKENS"), notes=notes)["text"] == "and so"
    assert list(notes) == [("finish", "MAX_TOKENS")]
    notes = Notes()
    picture = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    assert whole("json", answer(picture, {"text": "x"}), notes=notes)["text"] == "x"
    assert list(notes) == [("part-unknown", "inlineData image/png")]


# --- streams


def sse(*responses: dict[str, Any]) -> bytes:
    return b"".join(f"data: {json.dumps(response)}\r\n\r\n".encode() for response in responses)


def piece(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": list(parts)}}]}


def streamed(form: str, data: bytes, notes: Notes | None = None, size: int = 7) -> list[Any]:
    notes = Notes() if notes is None else notes
    stream = TranscriptStream(plan(form, stream=True), lambda prefix, size=12: prefix, notes)
    out = b"".join(stream.feed(bytes(cut)) for cut in itertools.batched(data, size))
    out += stream.end()
    events = [json.loads(line[6:]) for line in out.decode().split("\n\n") if line]
    for event in events:
        if event["type"] != "error":
            TypeAdapter(TranscriptionStreamEvent).validate_json(json.dumps(event), strict=True)
    return events


def test_stream() -> None:
    data = sse(piece({"text": " Hel"}), piece({"text": "lo "}), piece({"text": "you. "}), answer({"text": ""}))
    events = streamed("json", data)
    assert [event.get("delta") for event in events] == ["Hel", "lo ", "you. ", None]
    assert events[-1]["type"] == "transcript.text.done"
    assert events[-1]["text"] == "Hello you."
    assert events[-1]["usage"]["total_tokens"] == 40
    assert streamed("json", data, size=1) == events


def test_stream_of_speakers() -> None:
    early = [{"word": "Yes?", "startOffset": "1s", "endOffset": "2s"}]
    late = [{"word": "No.", "startOffset": "3s", "endOffset": "4s"}]
    data = sse(piece(part("Yes?", "spk:1", early)), piece(part("No.", "spk:2", late)), answer({"text": ""}))
    events = streamed("diarized_json", data)
    assert [event["type"].rpartition(".")[2] for event in events] == ["delta", "segment", "delta", "segment", "done"]
    assert [(e["speaker"], e["text"]) for e in events if "speaker" in e] == [("A", "Yes?"), ("B", "No.")]
    assert events[-1]["text"] == "Yes? No."


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (b"", "upstream_incomplete"),
        (sse({"error": {"code": 500, "message": "x", "status": "INTERNAL"}}), None),
        (sse(answer({"text": ""}, reason="SAFETY")), "content_policy_violation"),
    ],
    ids=["cut off", "an error", "filtered"],
)
def test_a_stream_that_breaks_never_looks_whole(last: bytes, code: str | None) -> None:
    events = streamed("json", sse(piece({"text": "Hello"})) + last)
    assert [event["type"] for event in events] == ["transcript.text.delta", "error"]
    assert events[-1]["error"]["code"] == code
    assert set(events[-1]["error"]) == {"message", "type", "param", "code"}


def test_a_stream_that_breaks_at_once_is_asked_for_again() -> None:
    stream = TranscriptStream(plan("json", stream=True), lambda prefix, size=12: prefix, Notes())
    with pytest.raises(UpstreamError):
        stream.feed(sse({"error": {"code": 503, "message": "x", "status": "UNAVAILABLE"}}))
    again = stream.again()
    assert again.feed(sse(piece({"text": "Hi"}))).startswith(b"data: ")
    assert again.started
    assert json.loads(again.cut(Fault(504, "late"))[6:])["type"] == "error"
