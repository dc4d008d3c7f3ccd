"""A call to Gemini in the form in which recordings are kept and compared.

Two calls are the same where model, method, query and body are. Members of objects may come in any order, 1 and 1.0 are
one number, and a content without a role is the user's. Account, kind of upstream and address do not count.
What changes from run to run (dates, ids) is named by patterns, see `mapping.inspect.compare.ignored`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mapping import dialects, jsonio
from mapping.inspect import masking
from mapping.inspect.compare.ignored import IGNORED, IgnoredPlaces
from mapping.values import JSON, GeminiCall

GEMINI = "generateContent"
"""The dialect of Gemini's side."""
_UPLOAD = re.compile(r"(?<=[?&]upload_id=)[^&]+")
"""Whoever has it may go on with an upload, and it is another one each time."""
_SIGNATURES = frozenset({"thoughtSignature", "thought_signature"})


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A call, as far as it counts."""

    model: str
    method: str
    """`generateContent`, ...; empty: the list of models; of what is no method of a model, HTTP's and the path."""
    query: str
    body: Any
    """JSON, its members in order; None: there is none. Of a file its `bytes` and `sha256`."""

    def value(self) -> JSON:
        """As one JSON value; what is empty is left out."""
        made = {"model": self.model, "method": self.method, "query": self.query, "request": self.body}
        return {name: value for name, value in made.items() if value not in ("", None)}

    def digest(self, ignored: IgnoredPlaces) -> str:
        """The same for two calls that are the same."""
        data = jsonio.dumps({**self.value(), "request": ignored.within(self.body)})
        return hashlib.sha256(data).hexdigest()


def of_call(call: GeminiCall) -> RecordedRequest:
    """A call of the gateway's, in terms of the public API."""
    plain = call.plain
    if plain is None:
        return RecordedRequest(call.model, call.method, call.query, settled(call.body))
    return RecordedRequest(
        call.model, f"{plain.method} {_UPLOAD.sub(IGNORED, plain.path)}", "", _content(plain.content)
    )


def settled(value: Any) -> Any:
    """The value with its members in order, and each number in one way."""
    if isinstance(value, dict):
        made = {str(name): settled(value[name]) for name in sorted(value)}
        if isinstance(contents := made.get("contents"), list):
            made["contents"] = [_content_of_user(content) for content in contents]
        return made
    if isinstance(value, list | tuple):
        return [settled(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def without_upload(text: str) -> str:
    """An address of an upload, without what gives the right to go on with it."""
    return _UPLOAD.sub(IGNORED, text)


def _content_of_user(content: Any) -> Any:
    return {**content, "role": "user"} if isinstance(content, dict) and "role" not in content else content


def _content(content: bytes | None) -> Any:
    """A body that goes up as it came."""
    if not content:
        return None
    try:
        return settled(jsonio.loads(content))
    except ValueError:
        return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def masked(body: Any) -> Any:
    """The body with fillers in the place of what was said, for a file that is shown to others."""
    return masking.mask_request(body, dialects.bodies(GEMINI, {}).structure)


def half_masked(asked: RecordedRequest) -> RecordedRequest:
    """The call as a masked recording knows it: what the model has said and tools have answered has fillers, for it has
    in a replay, and signatures are left out. What the client says by itself counts as it is."""
    body = asked.body
    contents = body.get("contents") if isinstance(body, dict) else None
    if not isinstance(contents, list):
        return asked
    return RecordedRequest(
        asked.model, asked.method, asked.query, {**body, "contents": [_half_masked(one) for one in contents]}
    )


def _half_masked(content: Any) -> Any:
    parts = content.get("parts") if isinstance(content, dict) else None
    if not isinstance(parts, list):
        return content
    of_model = content.get("role") == "model"
    made = [
        _without_signature(masked(part))
        if of_model or (isinstance(part, dict) and "functionResponse" in part)
        else part
        for part in parts
    ]
    return {**content, "parts": made}


def _without_signature(part: Any) -> Any:
    return {name: value for name, value in part.items() if name not in _SIGNATURES} if isinstance(part, dict) else part


def words(asked: RecordedRequest, ignored: IgnoredPlaces, *, most: int = 5) -> Sequence[str]:
    """The first words of what was asked last, for the name of a file."""
    body = ignored.within(asked.body)
    contents = body.get("contents") if isinstance(body, dict) else None
    texts = [
        part["text"]
        for content in (contents if isinstance(contents, list) else ())
        if isinstance(content, dict) and content.get("role") != "model"
        for part in (content.get("parts") or ())
        if isinstance(part, dict) and isinstance(part.get("text"), str)
    ]
    return re.findall(r"[a-z0-9]+", texts[-1][:400].lower())[:most] if texts else []
