"""Thought signatures on their way through OpenAI clients.

A thought signature is an opaque base64 text on a part of a Gemini model turn. It has to come back on the same part:
Gemini 3 answers 400 when the first function call of a step in the current turn has none. OpenAI's messages have no
place for it, so it travels in three ways:

* `extra_content.google.thought_signature` on a tool call or message (Google's own convention; many clients drop it);
* inside the tool call id (`encode_call_id`), which every client gives back unchanged;
* in the gateway's memory, under the tool call id or under `text_key` of the text.

A signature is good only for the model that made it; `family` says which models count as the same.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any
from zlib import crc32

DUMMY = "skip_thought_signature_validator"
"""The placeholder that Google documents for calls whose signature is lost. Gemini 3 and later take it."""

PLACEHOLDERS = frozenset({DUMMY, "context_engineering_is_the_way_to_go"})
"""What Gemini takes in place of a signature."""

_MARK = "gs1_"
"""Behind its prefix, marks an id that carries a signature; the digit is the version of the format."""
_MARKED = re.compile(rf"(?:call|toolu)_{_MARK}")
_TOOL_USE = "toolu_"
"""Begins the ids of Anthropic's calls."""

_HAS_ID = 1
_IS_TEXT = 2

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_RELEASE = frozenset({"preview", "exp", "experimental", "latest", "customtools"})


@dataclass(frozen=True, slots=True)
class Carried:
    """What a carrier id holds."""

    nonce_id: str
    """The short id that makes the carrier unique; stands for the call where Gemini gave no id."""
    upstream_id: str | None
    """The id that Gemini gave the call."""
    family: str
    """`family` of the model that made the signature."""
    signature: str


def encode_call_id(nonce_id: str, upstream_id: str | None, model_family: str, signature: str) -> str:
    """A tool call id that carries a thought signature: `call_gs1_` and the base64url alphabet, nothing else.

    `toolu_gs1_` where `nonce_id` begins so.

    The payload is a CRC-32 (some clients shorten ids), a byte of flags, the texts, each after its length, and the
    signature as bytes where its base64 can be restored exactly, as text otherwise. About 20 characters longer
    than signature and ids together.
    """
    raw = _decoded(signature)
    flags = (_HAS_ID if upstream_id is not None else 0) | (_IS_TEXT if raw is None else 0)
    fields = [nonce_id, model_family] if upstream_id is None else [nonce_id, model_family, upstream_id]
    payload = bytearray((flags,))
    for field in fields:
        data = field.encode()
        payload += _length(len(data)) + data
    payload += signature.encode() if raw is None else raw
    checked = crc32(payload).to_bytes(4) + payload
    prefix = _TOOL_USE if nonce_id.startswith(_TOOL_USE) else "call_"
    return prefix + _MARK + urlsafe_b64encode(checked).decode().rstrip("=")


def decode_call_id(id: str) -> Carried | None:
    """What the id carries; None for every id that is not an undamaged carrier."""
    marked = _MARKED.match(id)
    if marked is None:
        return None
    try:
        return _decode(id[marked.end() :])
    except (ValueError, IndexError):  # damaged base64, lengths or UTF-8
        return None


def _decode(text: str) -> Carried | None:
    if not _BASE64.fullmatch(text):
        return None
    checked = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    payload = checked[4:]
    if crc32(payload) != int.from_bytes(checked[:4]):
        return None
    flags = payload[0]
    nonce_id, at = _take(payload, 1)
    family, at = _take(payload, at)
    upstream_id = None
    if flags & _HAS_ID:
        upstream_id, at = _take(payload, at)
    rest = payload[at:]
    signature = rest.decode() if flags & _IS_TEXT else b64encode(rest).decode()
    return Carried(nonce_id, upstream_id, family, signature)


def _length(count: int) -> bytes:
    """An unsigned number, seven bits a byte, the lowest first (LEB128)."""
    out = bytearray()
    while count > 0x7F:
        out.append(count & 0x7F | 0x80)
        count >>= 7
    out.append(count)
    return bytes(out)


def _take(payload: bytes, at: int) -> tuple[str, int]:
    """The text at `at` and where the next one begins."""
    count = shift = 0
    while True:
        byte = payload[at]
        at += 1
        count |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    end = at + count
    if end > len(payload):
        raise ValueError("cut off")
    return payload[at:end].decode(), end


def _decoded(signature: str) -> bytes | None:
    """The bytes of a signature, if standard base64 of them is exactly this text."""
    try:
        raw = b64decode(signature, validate=True)
    except ValueError:
        return None
    return raw if b64encode(raw).decode() == signature else None


@lru_cache(maxsize=256)
def family(model: str) -> str:
    """The part of a model id that says whose signatures it takes: the id without path, release and date.

    `models/gemini-3.1-pro-preview-customtools` and `gemini-3.1-pro` are one family, `gemini-3.1-flash-lite` is another.
    """
    words = model.rpartition("/")[2].lower().split("-")
    return "-".join(
        word
        for at, word in enumerate(words)
        if word not in _RELEASE and not (at > 1 and len(word) > 1 and word.isdigit())
    )


def signature_of(value: dict[str, Any]) -> str | None:
    """The `extra_content.google.thought_signature` of a message or tool call, if it holds a usable one.

    What is not base64 would make Gemini refuse the request, and a placeholder is no signature: both count as none.
    """
    extra = value.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    if not isinstance(google, dict):
        return None
    signature = google.get("thought_signature") or google.get("thoughtSignature")
    if not isinstance(signature, str) or signature in PLACEHOLDERS or not _BASE64.fullmatch(signature):
        return None
    return signature


def text_key(text: str) -> str:
    """The key under which a model turn without function calls is remembered: a digest of the text the client got.

    Blanks at the ends do not count; clients trim.
    """
    digest = blake2b(text.strip().encode("utf-8", "surrogatepass"), digest_size=16)
    return "text_" + digest.hexdigest()
