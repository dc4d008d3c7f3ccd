"""Speech and transcripts of the demo: a tone that carries what it says, and what the demo hears in a recording.

No model speaks or listens here. A text becomes a tone whose samples carry it in their lowest bits, which nobody hears;
so what the demo has said it understands again, as long as nobody has compressed it. Of any other recording it tells
what it is, so that another recording gives another transcript.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
import struct
from dataclasses import dataclass
from typing import Any

from addons.demo.models import DemoModel
from addons.demo.request.proto import JSON

RATE = 24000
_SHORTEST = 0.2
_SECONDS_A_CHARACTER = 0.04
_PIECE = RATE // 10
"""Samples in an event of a stream."""
_MARK = b"demo"
_MOST = 4096
"""Bytes of a text that are carried."""
_WORD = re.compile(r"\S+")
_ASKS = re.compile(r"\btranscri(?:be|pt|ption)|\btranslat|\bwrite down what is said", re.IGNORECASE)
_UNCOMPRESSED = ("audio/wav", "audio/l16", "audio/pcm")


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: float
    end: float


def speech_part(text: str) -> JSON:
    """A tone as raw PCM, in the form of the speech models; the longer the text, the longer the tone."""
    return _part(_pcm(text))


def pieces(part: JSON) -> list[JSON]:
    """The same sound in the parts of a stream's events."""
    pcm = base64.b64decode(part["inlineData"]["data"])
    return [_part(pcm[at : at + 2 * _PIECE]) for at in range(0, len(pcm), 2 * _PIECE)]


def units(part: JSON) -> int:
    """The size of speech in quarters of a token, of which a second has 25."""
    return len(part["inlineData"]["data"]) * 3 // 4 * 100 // (2 * RATE)


def is_speech(part: JSON) -> bool:
    """Whether a part is one of `speech_part`."""
    return str(part.get("inlineData", {}).get("mimeType", "")).startswith("audio/")


def parts(request: JSON, model: DemoModel, text: str) -> list[JSON] | None:
    """What is said, or what was heard; None where neither is asked for. `text` is that of the last user turn."""
    config = request.get("generationConfig", {})
    if "AUDIO" in config.get("responseModalities", ()) or model.kind == "speech":
        return [speech_part(text)]
    blob = _recording(request)
    if blob is None:
        return None
    if model.kind == "transcription" or (model.demo and not text) or "audioTranscriptionConfig" in config:
        return _transcript(blob, config.get("audioTranscriptionConfig", {}))
    return [{"text": heard(blob)}] if _ASKS.search(text) else None


def _recording(request: JSON) -> JSON | None:
    """The blob of the last turn that is a recording, if there is one."""
    parts: list[JSON] = request["contents"][-1].get("parts", []) if request.get("contents") else []
    blobs = (part["inlineData"] for part in parts if "inlineData" in part)
    return next((blob for blob in blobs if str(blob.get("mimeType", "")).startswith("audio/")), None)


def heard(blob: JSON) -> str:
    """What a recording says."""
    data = base64.b64decode(blob["data"])
    said = _carried(data) if blob["mimeType"].partition(";")[0].lower() in _UNCOMPRESSED else None
    if said is not None:
        return said
    number = int.from_bytes(hashlib.blake2b(data, digest_size=2).digest())
    return f"This is the demo upstream. It was sent {len(data)} bytes of {blob['mimeType']}, recording number {number}."


def _transcript(blob: JSON, config: JSON) -> list[JSON]:
    """The parts of a transcription model's answer. `config` is the `audioTranscriptionConfig`."""
    text = heard(blob)
    told: JSON = {"languageCode": next(iter(config.get("languageCodes", ())), "en-US")}
    timed = bool(config.get("wordTimestamp"))
    if not config.get("diarization"):
        return [_turn(text, told, _words(text, 0.0) if timed else [])]
    parts, begin = [], 0.0
    for number, sentence in enumerate(re.findall(r"[^.!?]+[.!?]*\s*", text) or [text]):
        words = _words(sentence, begin)
        begin = words[-1].end + 0.5 if words else begin
        speaker = {**told, "speakerLabel": f"spk:{number % 2}"}
        parts.append(_turn(sentence.strip(), speaker, words if timed else []))
    return parts


def _turn(text: str, told: JSON, words: list[_Word]) -> JSON:
    if words:
        listed = [{"word": w.text, "startOffset": _offset(w.start), "endOffset": _offset(w.end)} for w in words]
        told = {**told, "words": listed}
    return {"text": text, "audioTranscription": {"text": text, **told}}


def _words(text: str, begin: float) -> list[_Word]:
    """Each takes as long as it is written."""
    found = []
    for word in _WORD.findall(text):
        end = begin + 0.1 + 0.05 * len(word)
        found.append(_Word(word, begin, end))
        begin = end + 0.05
    return found


def _offset(seconds: float) -> str:
    return f"{seconds:.3f}s"


def _part(pcm: bytes) -> JSON:
    data = base64.b64encode(pcm).decode()
    return {"inlineData": {"mimeType": f"audio/L16;codec=pcm;rate={RATE}", "data": data}}


def _pcm(text: str) -> bytes:
    said = text.encode("utf-8", "replace")[:_MOST]
    carried = _MARK + struct.pack(">H", len(said)) + said
    bits = [byte >> (7 - bit) & 1 for byte in carried for bit in range(8)]
    count = max(int(RATE * max(_SHORTEST, _SECONDS_A_CHARACTER * len(text))), len(bits))
    pitch = 220 + len(text) % 440
    samples: list[Any] = [int(8000 * math.sin(2 * math.pi * pitch * i / RATE)) for i in range(count)]
    samples[: len(bits)] = [sample & ~1 | bit for sample, bit in zip(samples, bits, strict=False)]
    return struct.pack(f"<{count}h", *samples)


def _carried(data: bytes) -> str | None:
    """The text that the samples carry, if the demo has made them; `data` may be a WAV file."""
    at = data.find(b"data") + 8 if data.startswith(b"RIFF") else 0
    head = _read(data[at:], len(_MARK) + 2)
    if not head.startswith(_MARK) or len(head) < len(_MARK) + 2:
        return None
    size = struct.unpack(">H", head[len(_MARK) :])[0]
    said = _read(data[at:], len(head) + size)[len(head) :]
    return said.decode("utf-8", "replace")


def _read(samples: bytes, size: int) -> bytes:
    """So many bytes out of the lowest bits."""
    low = samples[: 16 * size : 2]
    return bytes(
        sum((byte & 1) << (7 - bit) for bit, byte in enumerate(low[at : at + 8])) for at in range(0, len(low), 8)
    )
