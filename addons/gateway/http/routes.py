"""Paths: which endpoint a client means.

SDKs want a base URL that ends in `/v1`, and people configure every variation of it. So a path also works without
`/v1`, with it doubled, and with one endpoint stacked on another (`/v1/chat/completions/responses`): the last endpoint
named wins. Anything else is 404 and names the nearest path that exists, or says that the gateway does not serve what
OpenAI, Anthropic or Google have there.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from urllib.parse import unquote

from mapping import dialects
from mapping.dialect import Dialect
from mapping.faults import Fault

SOCKET = "responses_socket"
"""The endpoint that is a WebSocket."""
UNVERSIONED = ("health", "metrics", "status", "status_json")
"""Endpoints that are not OpenAI's, and have no `/v1` before them."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path of the contract. `parts` are its segments after `/v1`.

    `{id}` stands for one segment; `{name}`, at the end, for any rest, slashes included.
    """

    name: str
    """A dialect's, where one is spoken with a model. Other endpoints have a name of their own."""
    method: str
    parts: tuple[str, ...]
    speaks: str = ""
    """The dialect of its answers, where that has another name."""

    @property
    def path(self) -> str:
        """As it is written for people, `{id}` and all: `/v1/responses/{id}`."""
        prefix = "" if self.name in UNVERSIONED else "/v1"
        return prefix + "/" + "/".join(self.parts)

    @property
    def dialect(self) -> Dialect | None:
        """What is spoken there; None: nothing that is a dialect."""
        return dialects.named(self.speaks or self.name)


@dataclass(frozen=True, slots=True)
class Match:
    """An endpoint, the `{id}` or `{name}` of the path where it has one, and whether the path was not the usual one."""

    endpoint: Endpoint
    id: str = ""
    unusual: bool = False


ENDPOINTS = (
    Endpoint("status", "GET", ()),
    Endpoint("status_json", "GET", ("status.json",)),
    Endpoint("health", "GET", ("healthz",)),
    Endpoint("metrics", "GET", ("metrics",)),
    Endpoint("models", "GET", ("models",)),
    Endpoint("model", "GET", ("models", "{name}")),
    Endpoint("chat", "POST", ("chat", "completions")),
    Endpoint("completions", "POST", ("completions",)),
    Endpoint("embeddings", "POST", ("embeddings",)),
    Endpoint("images", "POST", ("images", "generations")),
    Endpoint("image_edits", "POST", ("images", "edits")),
    Endpoint("responses", "POST", ("responses",)),
    Endpoint(SOCKET, "GET", ("responses",), "responses"),
    Endpoint("response", "GET", ("responses", "{id}"), "responses"),
    Endpoint("delete_response", "DELETE", ("responses", "{id}")),
    Endpoint("input_items", "GET", ("responses", "{id}", "input_items"), "responses"),
    Endpoint("cancel", "POST", ("responses", "{id}", "cancel"), "responses"),
    Endpoint("speech", "POST", ("audio", "speech")),
    Endpoint("transcriptions", "POST", ("audio", "transcriptions")),
    Endpoint("translations", "POST", ("audio", "translations")),
    Endpoint("input_tokens", "POST", ("responses", "input_tokens")),
    Endpoint("compact", "POST", ("responses", "compact")),
)

_CHAT = "Use POST /v1/chat/completions or POST /v1/responses"
UNSERVED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("images", "variations"), "Use POST /v1/images/edits with a prompt that says what is to vary"),
    (("messages",), _CHAT),
    (("messages", "count_tokens"), "Use POST /v1/responses/input_tokens"),
    (("moderations",), "Nothing here stands for it"),
    (("files",), "Send files inside the request, as data"),
    (("batches",), _CHAT),
    (("assistants",), _CHAT),
    (("threads",), _CHAT),
    (("realtime",), _CHAT),
)
"""Endpoints that clients know and this gateway does not serve, and what to do instead."""
_GEMINI_METHODS = {
    "generateContent": _CHAT,
    "streamGenerateContent": _CHAT,
    "countTokens": "Use POST /v1/responses/input_tokens",
    "embedContent": "Use POST /v1/embeddings",
    "batchEmbedContents": "Use POST /v1/embeddings",
    "predict": "Use Gemini's own API for it",
}
"""Methods of Gemini's own paths (`models/x:generateContent`), likewise."""

_VARIABLE = ("{id}", "{name}")
_PLAIN = {
    (endpoint.path, endpoint.method): Match(endpoint)
    for endpoint in ENDPOINTS
    if not any(part in _VARIABLE for part in endpoint.parts)
}
_ROOT = [Match(endpoint) for endpoint in ENDPOINTS if not endpoint.parts]
_NAMED = tuple(endpoint for endpoint in ENDPOINTS if endpoint.parts)
_VERSION = "v1"
_WORDS = {part for endpoint in ENDPOINTS for part in endpoint.parts if part not in _VARIABLE}
"""Segments that are never ids."""
_PREFIXES = {_VERSION, "api", "openai", "v1beta", *(part for parts, _ in UNSERVED for part in parts)}
"""What else stands in front of an endpoint in base URLs that people configure."""


def resolve(method: str, path: str) -> Match:
    """The endpoint of a request. `path` is without the query.

    Raises Fault: 404 `unknown_url`, or 405 `method_not_supported` with the methods that the path has.
    """
    if match := _PLAIN.get((path, method)):
        return match
    segments = [unquote(segment) for segment in path.split("/") if segment]
    if instead := _unserved(segments):
        raise Fault(404, f"This gateway does not serve {method} {path}. {instead}.", code="unknown_url")
    candidates = _named_by(segments)
    for match in candidates:
        if match.endpoint.method == method or (method == "HEAD" and match.endpoint.method == "GET"):
            return match
    if candidates:
        allowed = ", ".join(sorted({match.endpoint.method for match in candidates}))
        raise Fault(
            405,
            f"Not allowed to {method} on {path}. This path takes {allowed}.",
            code="method_not_supported",
        )
    raise Fault(404, f"Unknown request URL: {method} {path}. The nearest path is {_nearest(path)}.", code="unknown_url")


def is_own(method: str, path: str) -> bool:
    """Whether a path is about the gateway itself. `path` is without the query."""
    match = _PLAIN.get((path, "GET" if method == "HEAD" else method))
    return match is not None and match.endpoint.name in UNVERSIONED


def dialect_of(method: str, path: str) -> Dialect | None:
    """What is spoken on a path, also where it does not take the method. None where no dialect is, or nothing."""
    try:
        endpoint = resolve(method, path).endpoint
    except Fault:
        found = _named_by([unquote(segment) for segment in path.split("/") if segment])
        if not found:
            return None
        endpoint = found[0].endpoint
    return endpoint.dialect


def methods_of(path: str) -> list[str]:
    """The methods that a path takes, for preflight answers; empty for an unknown path."""
    segments = [unquote(segment) for segment in path.split("/") if segment]
    return sorted({match.endpoint.method for match in _named_by(segments)})


def _unserved(segments: list[str]) -> str | None:
    """What to do instead, if the last endpoint named is one that is not served."""
    if segments and (method := segments[-1].rpartition(":")[2]) != segments[-1] and method in _GEMINI_METHODS:
        return _GEMINI_METHODS[method]
    for parts, instead in UNSERVED:
        head = segments[: -len(parts)]
        if tuple(segments[-len(parts) :]) == parts and head[-1:] != ["models"] and _is_prefix(head):
            return instead
    return None


def _named_by(segments: list[str]) -> list[Match]:
    """All endpoints that the path can mean, the last one named."""
    if not segments:
        return _ROOT
    versioned = segments[0] == _VERSION
    rest = segments[1:] if versioned else segments
    direct = [match for endpoint in _NAMED if (match := _match(endpoint, rest))]
    direct = [Match(m.endpoint, m.id, unusual=versioned == (m.endpoint.name in UNVERSIONED)) for m in direct]
    if direct and not any(_is_endpoint(match.id.split("/")) for match in direct):
        return direct
    # Not as it stands: look for the last endpoint named after other prefixes.
    for start in range(1, len(rest)):
        head, tail = rest[:start], rest[start:]
        if _is_prefix(head) and (found := [match for endpoint in _NAMED if (match := _match(endpoint, tail))]):
            return [*(Match(m.endpoint, m.id, unusual=True) for m in found), *direct]
    return direct


def _match(endpoint: Endpoint, segments: list[str]) -> Match | None:
    parts = endpoint.parts
    if parts[-1] == "{name}":
        head = len(parts) - 1
        if len(segments) > head and tuple(segments[:head]) == parts[:-1]:
            return Match(endpoint, "/".join(segments[head:]))
        return None
    if len(parts) != len(segments):
        return None
    id = ""
    for part, segment in zip(parts, segments, strict=True):
        if part == "{id}" and segment not in _WORDS:
            id = segment
        elif part != segment:
            return None
    return Match(endpoint, id)


def _is_endpoint(segments: list[str]) -> bool:
    """Whether the segments name a POST endpoint, as in `/models/chat/completions`; by GET that is a model's name."""
    return any(e.method == "POST" and tuple(segments) == e.parts for e in ENDPOINTS)


def _is_prefix(segments: list[str]) -> bool:
    """Whether the segments are only `v1` and other endpoints, as stacked base URLs are."""
    return all(segment in _WORDS or segment in _PREFIXES for segment in segments)


def _nearest(path: str) -> str:
    known = [endpoint.path for endpoint in _NAMED]
    close = difflib.get_close_matches(path[:200], known, n=1, cutoff=0.0)
    return close[0] if close else known[0]
