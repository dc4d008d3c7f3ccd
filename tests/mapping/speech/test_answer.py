"""Speech: Gemini's sound -> each format, whole and as it comes. PyAV, which made it, tells what it is."""

from __future__ import annotations

import base64
import io
import itertools
import json
import math
import struct
import wave
from typing import Any

import av
import pytest

from mapping.faults import Fault
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.speech.answer import SpeechAnswer, SpeechStream
from mapping.speech.encoders import FORMATS
from mapping.speech.settings import SpeechPlan
from mapping.values import Options

RATE = 24_000
SAMPLES = [int(8000 * math.sin(2 * math.pi * 440 * i / RATE)) for i in range(RATE // 2)]
PCM = struct.pack(f"<{len(SAMPLES)}h", *SAMPLES)
L16 = "audio/L16;codec=pcm;rate=24000"
USAGE = {"promptTokenCount": 5, "candidatesTokenCount": 25, "totalTokenCount": 30}


def wav(pcm: bytes, rate: int = RATE) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)
    return out.getvalue()


def part(data: bytes, mime: str = L16) -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime, "data": base64.b64encode(data).decode()}}


def answer(*parts: dict[str, Any], reason: str | None = "STOP") -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [candidate], "usageMetadata": USAGE}


def plan(form: str, *, stream: bool = False, events: bool = False) -> SpeechPlan:
    made = SpeechPlan(client_model="tts-1", model="gemini-3.8-flash-tts", form=form, stream=stream, events=events)
    made.options = Options(blocked_prompt="error")
    return made


def mint(prefix: str, size: int = 12) -> str:
    return prefix


def whole(form: str, *responses: dict[str, Any], notes: Notes | None = None) -> bytes:
    made = SpeechAnswer(plan(form), mint, Notes() if notes is None else notes)
    for response in responses:
        made.add(response)
    return made.finish()


def sse(*responses: dict[str, Any]) -> bytes:
    return b"".join(f"data: {json.dumps(response)}\r\n\r\n".encode() for response in responses)


def pieces(size: int = 4801) -> bytes:
    """The sound in events, samples cut in two."""
    cut = [bytes(piece) for piece in itertools.batched(PCM, size)]
    return sse(*(answer(part(piece), reason=None) for piece in cut), answer(reason="STOP"))


def streamed(form: str, data: bytes, *, events: bool = False, size: int = 1000) -> list[bytes]:
    stream = SpeechStream(plan(form, stream=True, events=events), mint, Notes())
    out = [stream.feed(bytes(cut)) for cut in itertools.batched(data, size)]
    return [*out, stream.end()]


def samples(sound: bytes, form: str) -> tuple[str, int, float]:
    """What it is, how many samples there are at 24 kHz, and how loud it is."""
    with av.open(io.BytesIO(sound), "r", format="s16le" if form == "pcm" else None) as container:
        stream = container.streams.audio[0]
        count, loud = 0, 0
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        rated = RATE if form == "pcm" else stream.rate
        for frame in container.decode(stream):
            frame.sample_rate = rated
            for made in resampler.resample(frame):
                data = bytes(made.planes[0])[: made.samples * 2]
                values = struct.unpack(f"<{made.samples}h", data)
                count += made.samples
                loud += sum(map(abs, values))
        return stream.codec_context.name, count, loud / max(1, count)


CODECS = {"mp3": "mp3float", "opus": "opus", "aac": "aac", "flac": "flac", "wav": "pcm_s16le", "pcm": "pcm_s16le"}
MAGIC = {"mp3": b"\xff\xf3", "opus": b"OggS", "aac": b"\xff\xf1", "flac": b"fLaC", "wav": b"RIFF", "pcm": PCM[:4]}
TYPES = {"mp3": "mpeg", "opus": "ogg; codecs=opus", "aac": "aac", "flac": "flac", "wav": "wav", "pcm": "pcm"}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("stream", [False, True])
def test_every_format_is_what_it_is_called(form: str, stream: bool) -> None:
    sound = b"".join(streamed(form, pieces())) if stream else whole(form, answer(part(PCM)))
    assert sound.startswith(MAGIC[form])
    codec, count, loud = samples(sound, form)
    assert codec == CODECS[form]
    assert count == pytest.approx(len(SAMPLES), abs=2400)
    assert loud == pytest.approx(2 * 8000 / math.pi, rel=0.15)
    assert FORMATS[form].content_type == f"audio/{TYPES[form]}".encode()


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_sound_is_the_same_bytes(form: str) -> None:
    assert len({whole(form, answer(part(PCM))) for _ in range(3)}) == 1
    assert len({b"".join(streamed(form, pieces(), size=size)) for size in (10, 999, 100_000)}) == 1


@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "pcm", "wav", "flac"])
def test_sound_goes_out_as_it_comes(form: str) -> None:
    out = streamed(form, pieces(), size=8000)
    assert sum(map(bool, out[: len(out) // 2])) > 1


def test_wav() -> None:
    sound = whole("wav", answer(part(PCM[:1001]), part(PCM[1001:])))
    assert sound == wav(PCM)
    opened = b"".join(streamed("wav", pieces()))
    assert opened[44:] == PCM
    assert opened[4:8] == opened[40:44] == b"\xff" * 4
    assert samples(opened, "wav")[1] == len(SAMPLES)


@pytest.mark.parametrize("size", [1, 30, 45, 2000])
def test_gemini_may_send_wav(size: int) -> None:
    file = wav(PCM, 24_000)
    parts = [part(bytes(piece), "audio/wav") for piece in itertools.batched(file[:4000], size)] + [
        part(file[4000:], "audio/wav")
    ]
    assert whole("pcm", answer(*parts)) == PCM
    assert whole("wav", answer(part(wav(PCM, 48_000), "audio/wav"))) == wav(PCM, 48_000)


UNUSABLE = {
    "another rate": part(PCM, "audio/L16;rate=48000"),
    "another format": part(b"ID3" + bytes(99), "audio/mpeg"),
    "no base64": {"inlineData": {"mimeType": L16, "data": "?"}},
    "stereo": part(wav(PCM)[:22] + b"\2\0" + wav(PCM)[24:], "audio/wav"),
    "no sound": {"text": "Hello"},
}


@pytest.mark.parametrize("row", UNUSABLE)
def test_what_is_no_speech(row: str) -> None:
    with pytest.raises(UpstreamError) as e:
        whole("pcm", answer(UNUSABLE[row]))
    assert e.value.error.status == 500
    with pytest.raises(UpstreamError):
        streamed("pcm", sse(answer(UNUSABLE[row])))


CUT = {"SAFETY": "content_policy_violation", "MAX_TOKENS": "speech_too_long", "RECITATION": "content_policy_violation"}


@pytest.mark.parametrize("reason", CUT)
def test_a_sound_that_is_cut_off_is_none(reason: str) -> None:
    with pytest.raises(UpstreamError) as e:
        whole("wav", answer(part(PCM), reason=reason))
    assert (e.value.error.status, e.value.error.code, e.value.error.param) == (400, CUT[reason], "input")
    stream = SpeechStream(plan("pcm", stream=True), mint, Notes())
    assert stream.feed(sse(answer(part(PCM), reason=None))) == PCM
    stream.feed(sse(answer(reason=reason)))
    assert stream.end() == b""
    assert stream.fault is not None
    assert stream.fault.error.code == CUT[reason]


def test_a_blocked_prompt() -> None:
    with pytest.raises(UpstreamError) as e:
        whole("wav", {"promptFeedback": {"blockReason": "SAFETY"}})
    assert (e.value.error.status, e.value.error.code) == (400, "content_policy_violation")


def events_of(out: list[bytes]) -> list[Any]:
    return [json.loads(line[6:]) for line in b"".join(out).decode().split("\n\n") if line]


@pytest.mark.parametrize("form", ["pcm", "mp3"])
def test_events(form: str) -> None:
    *deltas, done = events_of(streamed(form, pieces(), events=True))
    assert len(deltas) > 2
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    sound = b"".join(base64.b64decode(event["audio"], validate=True) for event in deltas)
    assert sound == b"".join(streamed(form, pieces()))
    assert done == {
        "type": "speech.audio.done",
        "usage": {"input_tokens": 5, "output_tokens": 25, "total_tokens": 30},
    }


def test_events_that_break_off() -> None:
    first, last = events_of(streamed("pcm", sse(answer(part(PCM), reason=None)), events=True))
    assert first["type"] == "speech.audio.delta"
    assert last["type"] == "error"
    assert set(last["error"]) == {"message", "type", "param", "code"}


def test_a_stream_that_breaks_at_once_is_asked_for_again() -> None:
    stream = SpeechStream(plan("pcm", stream=True), mint, Notes())
    with pytest.raises(UpstreamError):
        stream.feed(sse({"error": {"code": 503, "message": "x", "status": "UNAVAILABLE"}}))
    again = stream.again()
    assert not again.started
    assert again.feed(sse(answer(part(PCM), reason=None))) == PCM
    assert again.started
    assert again.cut(Fault(504, "late")) == b""
    assert again.keep_alive() == again.open() == b""


def test_the_rest_is_noted() -> None:
    notes = Notes()
    assert whole("pcm", answer({"text": "Hello"}, part(PCM)), notes=notes) == PCM
    assert list(notes) == [("part-unknown", "text")]
