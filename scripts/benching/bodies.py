"""What goes over the wire in a benchmark: the requests, what the stub answers, and what has to arrive of it.

Every piece of text begins with a mark, `[c000012:0000004711000000000]`: the number of the piece, and when it was sent
(`time.monotonic_ns`, which all processes of a machine share). It comes through any translation as it is, so the client
can count the pieces and see how long each was under way.
"""

from __future__ import annotations

import base64
import json
import random
import re
from typing import Any

GEMINI, OPENAI = "gemini", "openai"
"""The dialects that a client of the benchmark speaks: Gemini's to the stub and to a bare mitmdump, else OpenAI's."""

MODEL = "gemini-flash-latest"
"""What Gemini's side is asked for: a name that is never retired."""

MARK = re.compile(rb"\[c(\d{6}):(\d{19})\]")
MARK_BEGINS = b"[c"
"""Stands nowhere else in what the stub says."""
NO_TIME = "0" * 19

WHOLE, PIECE = 1000, 64
"""Characters of a whole answer, and of a piece of a stream."""
LAST_WORD = {(GEMINI, False): b"STOP", (GEMINI, True): b"STOP", (OPENAI, False): b'"stop"', (OPENAI, True): b"[DONE]"}
"""(dialect, streamed) -> what an answer that was not cut off has."""

SMALL, HISTORY, PICTURE = "small", "history", "picture"
"""The kinds of requests."""
HISTORY_SIZE, PICTURE_SIZE = 2_000_000, 7_864_320
"""Bytes of the conversation, in messages of about 2 kB; of the picture, which are 10 MiB in base64."""

_WORDS = [
    *("proxy", "stream", "token", "context", "window", "schema", "request", "answer", "cache", "header", "socket"),
    *("buffer", "parse", "encode", "decode", "finish", "reason", "candidate", "content", "part", "role", "model"),
    *("naïve", "Zürich", "日本", "функция", "данные", "🚀", "“quoted”", "if (a < b &&", 'return "x\\y";', "}"),
]
_FILLER = 'and the "rest" is words, über the wire. '


# --- answers


def piece(number: int, size: int) -> str:
    """The text of a piece, of so many characters, with no time in its mark."""
    mark = f"[c{number:06}:{NO_TIME}]"
    filler = _FILLER * (size // len(_FILLER) + 1)
    return mark + filler[: max(0, size - len(mark))]


def expected(pieces: int, *, stream: bool) -> str:
    """The text that has to arrive, with no times in its marks."""
    return "".join(piece(number, PIECE if stream else WHOLE) for number in range(pieces if stream else 1))


def gemini_answer(text: str, *, last: bool, count: int) -> bytes:
    """An answer of Gemini, or an event of one, as JSON. `count` is how many tokens it has by then."""
    candidate: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    if last:
        candidate["finishReason"] = "STOP"
    usage = {
        "promptTokenCount": 11,
        "candidatesTokenCount": count,
        "totalTokenCount": 11 + count,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 11}],
    }
    answer = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": MODEL, "responseId": "bench-response"}
    return json.dumps(answer, ensure_ascii=False).encode()


def text_of(dialect: str, body: bytes, *, stream: bool) -> str:
    """The text of an answer, with no times in its marks. Raises ValueError, LookupError or TypeError."""
    if stream:
        lines = [line[5:].strip() for line in body.splitlines() if line.startswith(b"data:")]
        events = [json.loads(line) for line in lines if line != b"[DONE]"]
    else:
        events = [json.loads(body)]
    text = "".join(_text_of_event(dialect, event, stream=stream) for event in events)
    return re.sub(r"(?<=\[c\d{6}:)\d{19}(?=\])", NO_TIME, text)


def _text_of_event(dialect: str, event: Any, *, stream: bool) -> str:
    if dialect == GEMINI:
        return "".join(part["text"] for part in event["candidates"][0]["content"]["parts"])
    said = [choice["delta" if stream else "message"].get("content") or "" for choice in event["choices"]]
    return "".join(said)


# --- requests


def request(dialect: str, kind: str, *, stream: bool, model: str) -> bytes:
    """The body of a request; the same each time."""
    choose = random.Random(7)  # noqa: S311
    system = _prose(choose, 400)
    turns, picture = _turns(choose, kind)
    if dialect == GEMINI:
        body = _gemini_request(system, turns, picture)
    else:
        body = _openai_request(system, turns, picture, stream=stream, model=model)
    return json.dumps(body, ensure_ascii=False).encode()


def _turns(choose: random.Random, kind: str) -> tuple[list[str], str | None]:
    """The texts of a conversation, the user's first and last; and a picture, as base64, of the last."""
    if kind == PICTURE:
        data = b"\x89PNG\r\n\x1a\n" + choose.randbytes(PICTURE_SIZE - 8)
        return ["What is this?"], base64.b64encode(data).decode()
    if kind == SMALL:
        return [_prose(choose, 200)], None
    turns: list[str] = []
    size = 0
    while size < HISTORY_SIZE or len(turns) % 2 == 0:
        turns.append(_prose(choose, 2000))
        size += len(turns[-1].encode())
    return turns, None


def _gemini_request(system: str, turns: list[str], picture: str | None) -> dict[str, Any]:
    contents: list[Any] = [
        {"role": "model" if number % 2 else "user", "parts": [{"text": text}]} for number, text in enumerate(turns)
    ]
    if picture:
        contents[-1]["parts"].append({"inlineData": {"mimeType": "image/png", "data": picture}})
    return {
        "contents": contents,
        "systemInstruction": {"parts": [{"text": system}]},
        "generationConfig": {"temperature": 0.7, "maxOutputTokens": 4096},
    }


def _openai_request(system: str, turns: list[str], picture: str | None, *, stream: bool, model: str) -> dict[str, Any]:
    messages: list[Any] = [{"role": "system", "content": system}]
    for number, text in enumerate(turns):
        messages.append({"role": "assistant" if number % 2 else "user", "content": text})
    if picture:
        image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
        messages[-1]["content"] = [{"type": "text", "text": turns[-1]}, image]
    body = {"model": model, "messages": messages, "temperature": 0.7, "max_tokens": 4096, "stream": stream}
    return body | ({"stream_options": {"include_usage": True}} if stream else {})


def _prose(choose: random.Random, size: int) -> str:
    """Words of about so many characters in all."""
    words: list[str] = []
    length = 0
    while length < size:
        words.append(choose.choice(_WORDS))
        length += len(words[-1]) + 1
    return " ".join(words)
