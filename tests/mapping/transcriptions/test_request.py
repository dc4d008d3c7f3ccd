"""Transcription requests: what becomes of each parameter, and what is refused. A row: members, what comes of them."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from mapping.faults import Fault
from mapping.notes import Notes
from mapping.request.plan import Translated
from mapping.transcriptions import files
from mapping.transcriptions.request import TRANSCRIBE, TRANSLATE, transcription, translation
from mapping.transcriptions.settings import TranscriptionPlan
from mapping.values import Options

TRANSCRIBER = "gemini-3.5-transcribe"
FLASH = "gemini-3.8-flash"
OLD = "gemini-2.5-flash"


def wav(seconds: float = 1.0, rate: int = 8000, length: int | None = None) -> bytes:
    data = bytes(int(seconds * rate) * 2)
    head = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16)
    size = len(data) if length is None else length
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVE" + head + b"data" + struct.pack("<I", size) + data


def file(data: bytes = wav(), filename: str = "a.wav", content_type: str = "") -> dict[str, str]:
    return {"filename": filename, "content_type": content_type, "data": base64.b64encode(data).decode()}


def asked(
    members: dict[str, Any],
    model: str = TRANSCRIBER,
    notes: Notes | None = None,
    *,
    english: bool = False,
    **options: Any,
) -> Translated:
    translate = translation if english else transcription
    return translate(
        {"model": "whisper-1", "file": file(), **members},
        model=model,
        client_model="whisper-1",
        options=Options(**options),
        notes=Notes() if notes is None else notes,
    )


ROWS: dict[str, tuple[dict[str, Any], Any, list[tuple[str, str]]]] = {
    "nothing": ({}, None, []),
    "language": ({"language": "de"}, {"languageCodes": ["de-DE"]}, []),
    "languages": ({"languages": ["en", "pt-PT", "xx"]}, {"languageCodes": ["en-US", "pt-PT", "xx"]}, []),
    "a language in words": ({"language": "Chinese"}, {"languageCodes": ["cmn-Hans-CN"]}, []),
    "keywords": ({"keywords": ["oatmilk", "oz"]}, {"customVocabulary": ["oatmilk", "oz"]}, []),
    "a prompt of terms": (
        {"prompt": "ZyntriQix, Digique Plus, B.R.I.C.K."},
        {"customVocabulary": ["ZyntriQix", "Digique Plus", "B.R.I.C.K"]},
        [("emulated", "prompt")],
    ),
    "a prompt of words": (
        {"prompt": "The following conversation is a lecture about the recent developments around it all"},
        None,
        [("ignored", "prompt")],
    ),
    "srt": ({"response_format": "srt"}, {"wordTimestamp": True}, []),
    "vtt": ({"response_format": "vtt"}, {"wordTimestamp": True}, []),
    "text": ({"response_format": "text"}, None, []),
    "verbose": ({"response_format": "verbose_json"}, {"wordTimestamp": True}, []),
    "words": (
        {"response_format": "verbose_json", "timestamp_granularities": ["word"]},
        {"wordTimestamp": True},
        [],
    ),
    "speakers": ({"response_format": "diarized_json"}, {"wordTimestamp": True, "diarization": True}, []),
    "vocabulary does not go with times": (
        {"response_format": "srt", "keywords": ["a"], "prompt": "b, c"},
        {"wordTimestamp": True},
        [("model-refuses", "keywords"), ("model-refuses", "prompt")],
    ),
    "chunking": ({"chunking_strategy": "auto"}, None, []),
    "chunking in detail": ({"chunking_strategy": {"type": "server_vad"}}, None, [("ignored", "chunking_strategy")]),
    "logprobs": ({"include": ["logprobs"]}, None, [("ignored", "include")]),
    "known speakers": ({"known_speaker_names": ["a"]}, None, [("ignored", "known_speaker_names")]),
    "unknown": ({"nonsense": 1}, None, [("ignored", "nonsense")]),
    "temperature": ({"temperature": 0.5}, None, [("model-refuses", "temperature")]),
    "temperature as it is": ({"temperature": 0}, None, []),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_model_that_transcribes(row: str) -> None:
    members, config, noted = ROWS[row]
    notes = Notes()
    translated = asked(members, notes=notes)
    [content] = translated.body["contents"]
    assert content == {"role": "user", "parts": [{"inlineData": {"mimeType": "audio/wav", "data": file()["data"]}}]}
    expected = {"audioTranscriptionConfig": config} if config else None
    assert translated.body.get("generationConfig") == expected
    assert sorted(notes) == sorted(noted)
    assert translated.method == "generateContent"


@pytest.mark.parametrize("row", [name for name, (_, _, noted) in ROWS.items() if noted and noted[0][0] != "emulated"])
def test_strict(row: str) -> None:
    members, _, noted = ROWS[row]
    with pytest.raises(Fault) as e:
        asked(members, strict=True)
    assert e.value.param in {detail for _, detail in noted}


SENTENCES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing": ({}, [TRANSCRIBE]),
    "languages": ({"language": "de", "languages": ["en"]}, [TRANSCRIBE, "The language is german or english."]),
    "keywords": ({"keywords": ["a", "b"]}, [TRANSCRIBE, "These words may occur: a, b."]),
    "prompt": ({"prompt": "Um, like this."}, [TRANSCRIBE, "must not be repeated:\nUm, like this."]),
}


@pytest.mark.parametrize("row", SENTENCES)
@pytest.mark.parametrize("model", [FLASH, OLD])
def test_any_other_model(row: str, model: str) -> None:
    members, said = SENTENCES[row]
    notes = Notes()
    translated = asked({**members, "temperature": 0.2}, model, notes)
    sound, text = translated.body["contents"][0]["parts"]
    assert sound["inlineData"]["mimeType"] == "audio/wav"
    assert all(words in text["text"] for words in said)
    config = translated.body["generationConfig"]
    assert "audioTranscriptionConfig" not in config
    assert config["thinkingConfig"] == ({"thinkingLevel": "LOW"} if model == FLASH else {"thinkingBudget": 0})
    assert config.get("temperature") == (0.2 if model == OLD else None)
    assert list(notes) == ([] if model == OLD else [("model-refuses", "temperature")])


def test_translation() -> None:
    translated = asked({"prompt": "x"}, FLASH, english=True)
    assert translated.body["contents"][0]["parts"][1]["text"].startswith(TRANSLATE)
    assert isinstance(translated.plan, TranscriptionPlan)
    assert (translated.plan.task, translated.plan.language) == ("translate", "english")
    assert "audioTranscriptionConfig" not in asked({}, "demo-echo", english=True).body["generationConfig"]


def test_a_stream() -> None:
    assert asked({"stream": True}).method == "streamGenerateContent"
    assert asked({"stream": True, "response_format": "diarized_json"}).plan.stream


def test_verbose_without_times_is_noted() -> None:
    notes = Notes()
    translated = asked({"response_format": "verbose_json", "timestamp_granularities": ["segment"]}, FLASH, notes)
    assert list(notes) == [("model-refuses", "timestamp_granularities")]
    assert isinstance(translated.plan, TranscriptionPlan)
    assert not translated.plan.with_segments
    assert translated.plan.seconds == 1.0


REFUSED: dict[str, tuple[dict[str, Any], str, bool, str, str]] = {
    "no file": ({"file": None}, TRANSCRIBER, False, "file", "Missing"),
    "a text": ({"file": "a.wav"}, TRANSCRIBER, False, "file", "multipart/form-data"),
    "two files": ({"file": [file(), file()]}, TRANSCRIBER, False, "file", "several"),
    "empty": ({"file": file(b"")}, TRANSCRIBER, False, "file", "empty"),
    "no base64": ({"file": {"data": "?" * 12}}, TRANSCRIBER, False, "file", "base64"),
    "a picture": ({"file": file(b"\x89PNG" + bytes(20))}, TRANSCRIBER, False, "file", "this is image/png"),
    "a page": ({"file": file(b"<html>not a recording</html>")}, TRANSCRIBER, False, "file", "no sound"),
    "anything": ({"file": file(bytes(99), "upload", "application/octet-stream")}, FLASH, False, "file", "no sound"),
    "format": ({"response_format": "xml"}, TRANSCRIBER, False, "response_format", "'srt'"),
    "type of format": ({"response_format": 1}, TRANSCRIBER, False, "response_format", "a string"),
    "srt without times": ({"response_format": "srt"}, FLASH, False, "response_format", TRANSCRIBER),
    "vtt without times": ({"response_format": "vtt"}, FLASH, False, "response_format", TRANSCRIBER),
    "speakers": ({"response_format": "diarized_json"}, FLASH, False, "response_format", TRANSCRIBER),
    "words without times": (
        {"response_format": "verbose_json", "timestamp_granularities": ["word"]},
        FLASH,
        False,
        "timestamp_granularities",
        TRANSCRIBER,
    ),
    "granularities of json": (
        {"timestamp_granularities": ["word"]},
        TRANSCRIBER,
        False,
        "timestamp_granularities",
        "json",
    ),
    "granularity": (
        {"response_format": "verbose_json", "timestamp_granularities": ["syllable"]},
        TRANSCRIBER,
        False,
        "timestamp_granularities[0]",
        "'word'",
    ),
    "a stream of subtitles": ({"response_format": "srt", "stream": True}, TRANSCRIBER, False, "stream", "'srt'"),
    "type of stream": ({"stream": "yes"}, TRANSCRIBER, False, "stream", "a boolean"),
    "temperature": ({"temperature": 1.5}, TRANSCRIBER, False, "temperature", "<= 1"),
    "type of temperature": ({"temperature": "hot"}, TRANSCRIBER, False, "temperature", "a number"),
    "type of language": ({"language": 1}, TRANSCRIBER, False, "language", "a string"),
    "type of keywords": ({"keywords": [1]}, TRANSCRIBER, False, "keywords[0]", "a string"),
    "type of prompt": ({"prompt": 1}, TRANSCRIBER, False, "prompt", "a string"),
    "chunking": ({"chunking_strategy": "never"}, TRANSCRIBER, False, "chunking_strategy", "'auto'"),
    "a model that embeds": ({}, "gemini-embedding-2", False, "model", ""),
    "a model that speaks": ({}, "gemini-3.8-flash-tts", False, "model", "does not write down"),
    "a model that paints": ({}, "gemini-3.1-flash-image", False, "model", "does not write down"),
    "a transcriber translates": ({}, TRANSCRIBER, True, "model", "does not translate"),
    "times of a translation": ({"response_format": "srt"}, FLASH, True, "response_format", "in a translation"),
    "speakers of a translation": ({"response_format": "diarized_json"}, FLASH, True, "response_format", "'vtt'"),
}


@pytest.mark.parametrize("row", REFUSED)
def test_refused(row: str) -> None:
    members, model, english, param, said = REFUSED[row]
    with pytest.raises(Fault) as e:
        asked(members, model, english=english)
    assert (e.value.status, e.value.param) == (400, param)
    assert said in e.value.message


def test_the_largest_file() -> None:
    data = b"fLaC" + bytes(files.MAX_BYTES - 4)
    asked({"file": file(data)})
    with pytest.raises(Fault) as e:
        asked({"file": file(data + b"\0")})
    assert (e.value.status, e.value.param) == (413, "file")
    assert "(26214400) exceeded (26214401 bytes read)" in e.value.message


FTYP = b"\0\0\0\x20ftyp"
TYPES: dict[str, tuple[bytes, str, str, str, bool]] = {
    "wav": (wav(), "upload", "", "audio/wav", False),
    "wav as Python tells it": (wav(), "a.wav", "audio/x-wav", "audio/wav", False),
    "mp3 with a title": (b"ID3\x04" + bytes(20), "upload", "", "audio/mp3", False),
    "mp3": (b"\xff\xfb\x90\x64" + bytes(20), "a.mpga", "", "audio/mp3", False),
    "mp3 of MPEG 2.5": (b"\xff\xe3\x90\x64" + bytes(20), "blob", "audio/mpeg", "audio/mp3", False),
    "m4a": (FTYP + b"M4A " + bytes(20), "unknown_file", "application/octet-stream", "audio/m4a", False),
    "mp4": (FTYP + b"isom" + bytes(20), "a.mp4", "video/mp4", "audio/m4a", False),
    "ogg": (b"OggS" + bytes(20), "a.oga", "", "audio/ogg", False),
    "flac": (b"fLaC" + bytes(20), "a.flac", "", "audio/flac", False),
    "webm": (b"\x1aE\xdf\xa3" + bytes(20), "blob", "audio/webm;codecs=opus", "audio/webm", False),
    "aac": (b"\xff\xf1" + bytes(20), "a.aac", "", "audio/aac", False),
    "not what is told": (b"OggS" + bytes(20), "a.mp3", "audio/mpeg", "audio/ogg", True),
    "by the name": (bytes(40), "a.mp3", "", "audio/mp3", False),
    "by what the client tells": (bytes(40), "blob", "audio/flac", "audio/flac", False),
}


@pytest.mark.parametrize("row", TYPES)
def test_types(row: str) -> None:
    data, filename, told, mime, noted = TYPES[row]
    notes = Notes()
    translated = asked({"file": file(data, filename, told)}, notes=notes)
    assert translated.body["contents"][0]["parts"][0]["inlineData"]["mimeType"] == mime
    assert list(notes) == ([("media-type", "file")] if noted else [])


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        (wav(2.5), 2.5),
        (wav(2.5, length=0xFFFFFFFF), 2.5),
        (wav()[:12] + b"LIST\3\0\0\0abc\0" + wav()[12:], 1.0),
        (wav()[:20], None),
        (wav()[:12], None),
    ],
    ids=["plain", "of a stream", "with a list", "cut off", "nothing"],
)
def test_how_long_it_is(data: bytes, seconds: float | None) -> None:
    found = files.seconds(files.Recording("audio/wav", base64.b64encode(data).decode()))
    assert found == (None if seconds is None else pytest.approx(seconds, abs=0.01))
