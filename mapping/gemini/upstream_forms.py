"""The body of a request to the public Gemini API (v1beta) -> the forms in which other upstreams of Gemini take it.

Rules of this module:

* What an upstream refuses is left out there, with a note where the client asked for it.
* What stays is the same value, not a copy; nothing that comes in is changed.
* Ids of function calls and of their responses stay: they are on both or on neither already.

Sources: the Vertex AI API reference (v1beta1), what google-genai sends to either API and what it refuses to send, and
for the Cloud Code API (v1internal), which has no reference, the open source of the Gemini CLI.
"""

from __future__ import annotations

import uuid
from hashlib import blake2b
from urllib.parse import urlsplit

from mapping import jsonio
from mapping.notes import Notes
from mapping.values import COUNTED, JSON

_PUBLIC_MEMBERS = frozenset({"serviceTier", "store"})
_PUBLIC_PARTS = frozenset({"toolCall", "toolResponse"})
"""What the public API tells of its own tools within a turn."""

_LOOKED_AT = frozenset({"fileData", "partMetadata", *_PUBLIC_PARTS})
"""Members of parts that Vertex AI refuses, or may want otherwise."""

_COUNTED = ("contents", "systemInstruction", "tools", "generationConfig")
"""What Vertex AI's countTokens takes."""

_YOUTUBE = frozenset({"youtube.com", "www.youtube.com", "m.youtube.com", "youtu.be"})

_SESSION_CHARACTERS = 4096
"""So much of a conversation's first texts tells it from others."""


def vertex(body: JSON, notes: Notes) -> JSON:
    """The body of `generateContent` and `streamGenerateContent` for Vertex AI.

    The service tier is not in it, see `vertex_tier`.
    """
    made = {name: value for name, value in body.items() if name not in _PUBLIC_MEMBERS}
    made["contents"] = _vertex_contents(body["contents"], notes)
    config = body.get("toolConfig")
    if config is not None and "includeServerSideToolInvocations" in config:
        del made["toolConfig"]
        if rest := {name: value for name, value in config.items() if name != "includeServerSideToolInvocations"}:
            made["toolConfig"] = rest
    return made


def vertex_tier(body: JSON) -> str | None:
    """The value of `X-Vertex-AI-LLM-Shared-Request-Type`, `flex` or `priority`; None: it is not sent.

    Provisioned throughput that the project has paid for is still used first.
    """
    tier = body.get("serviceTier")
    return tier if tier in ("flex", "priority") else None


def vertex_count(body: JSON, notes: Notes) -> JSON:
    """The body of `countTokens` for Vertex AI: what the public API has in `generateContentRequest`, without it."""
    request = vertex(_counted_request(body), notes)
    return {name: request[name] for name in _COUNTED if name in request}


def code_assist(body: JSON, notes: Notes) -> JSON:
    """The `request` of `generateContent` and `streamGenerateContent` for the Cloud Code API.

    It takes what Vertex AI takes, and the id of a session.
    """
    if body.get("serviceTier") is not None:
        notes.add("upstream-refuses", "service_tier")
    return {**vertex(body, notes), "session_id": session_id(body["contents"])}


def code_assist_envelope(request: bytes, body: JSON, *, model: str, project: str | None) -> bytes:
    """What the Cloud Code API takes: `{"model", "project"?, "user_prompt_id", "request"}`.

    `request` is the JSON of what `code_assist` made of `body`: the same for accounts of different projects.
    """
    asked = sum(map(_is_prompt, body["contents"]))
    head: JSON = {"model": model}
    if project:
        head["project"] = project
    head["user_prompt_id"] = f"{session_id(body['contents'])}########{asked}"
    return jsonio.dumps(head)[:-1] + b',"request":' + request + b"}"


def code_assist_count(body: JSON, notes: Notes) -> JSON:
    """The body of `countTokens` for the Cloud Code API: `{"request": {"model", "contents"}}`.

    It counts contents and nothing else, and refuses thoughts among them. The system instruction counts as a content.
    """
    request = _counted_request(body)
    contents = _vertex_contents(request["contents"], notes)
    bare = [made for content in contents if (made := _without_thoughts(content))["parts"]]
    system = request.get("systemInstruction")
    if system is not None:
        bare.insert(0, {"role": "user", "parts": system["parts"]})
    if request.get("tools"):
        notes.add("upstream-refuses", "tools")
    return {"request": {"model": request["model"], "contents": bare}}


def session_id(contents: list[JSON]) -> str:
    """An id that a conversation keeps from turn to turn: a UUID made of what its first turn says."""
    texts = "\n".join(part["text"] for part in contents[0]["parts"] if "text" in part) if contents else ""
    digest = blake2b(texts[:_SESSION_CHARACTERS].encode("utf-8", "replace"), digest_size=16)
    return str(uuid.UUID(bytes=digest.digest()))


def _counted_request(body: JSON) -> JSON:
    request: JSON = body[COUNTED]
    return request


def _is_prompt(content: JSON) -> bool:
    """Whether it is something that the user says, and not results of calls."""
    return content.get("role") != "model" and not any("functionResponse" in part for part in content["parts"])


def _without_thoughts(content: JSON) -> JSON:
    parts = content["parts"]
    if not any(part.get("thought") for part in parts):
        return content
    return {**content, "parts": [part for part in parts if not part.get("thought")]}


def _vertex_contents(contents: list[JSON], notes: Notes) -> list[JSON]:
    """The same contents, or what can be sent of them; a turn of which nothing is left is left out."""
    return [made for content in contents if (made := _vertex_content(content, notes))["parts"]]


def _vertex_content(content: JSON, notes: Notes) -> JSON:
    parts = content["parts"]
    if "role" in content and all(map(_fits_vertex, parts)):
        return content
    kept = [part for part in parts if _PUBLIC_PARTS.isdisjoint(part)]
    if len(kept) < len(parts):
        notes.add("upstream-refuses", "toolCall")
    return {"role": "user", **content, "parts": [_vertex_part(part) for part in kept]}


def _fits_vertex(part: JSON) -> bool:
    return _LOOKED_AT.isdisjoint(part) and not ("functionResponse" in part and part["functionResponse"].get("parts"))


def _vertex_part(part: JSON) -> JSON:
    if "partMetadata" in part:
        part = {name: value for name, value in part.items() if name != "partMetadata"}
    if "fileData" in part:
        file = part["fileData"]
        return part if file.get("mimeType") else {**part, "fileData": {**file, "mimeType": _mime_type(file)}}
    response = part.get("functionResponse")
    if response is not None and response.get("parts"):
        return {**part, "functionResponse": {**response, "parts": [_vertex_part(p) for p in response["parts"]]}}
    return part


def _mime_type(file: JSON) -> str:
    """For a file whose type nothing tells, as Vertex AI does not look for itself. Most of them are images."""
    try:
        host = urlsplit(file.get("fileUri", "")).hostname
    except ValueError:
        host = None
    return "video/mp4" if host in _YOUTUBE else "image/jpeg"
