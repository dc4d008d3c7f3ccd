"""Paths: which endpoint a client means.

SDKs want a base URL that ends in `/v1`, and people configure every variation of it. So a path also works without
`/v1`, with it doubled, and with one endpoint stacked on another (`/v1/chat/completions/responses`): the last endpoint
named wins. Anything else is 404 and names the nearest path that exists, or says that the gateway does not serve what
OpenAI, Anthropic or Google have there.

Gemini's own paths begin with `/v1beta`, `/v1alpha` or `/v1`. Where two APIs have the same path, who asks decides
(`callers.Caller.speaks`).
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from urllib.parse import unquote

from addons.gateway.http.callers import ANTHROPIC, GEMINI
from mapping import dialects
from mapping.dialect import Dialect
from mapping.faults import Fault

SOCKET = "responses_socket"
"""The endpoint that is a WebSocket."""
INTERACTIONS = "interactions"
"""Endpoints that are no dialect's, though models answer there."""
GEMINI_VERSIONS = ("v1beta", "v1alpha", "v1")
_GEMINIS = (*GEMINI_VERSIONS[:2], "v1beta1", "upload")
"""What paths of Gemini's begin with, and no others."""
HEALTH = ("health", "hello")
"""Endpoints that say that the gateway is there, and nothing more."""
_ABOUT_EXCHANGES = (
    *("exchanges", "exchanges_json", "exchange", "exchange_edit", "exchange_again", "exchange_case"),
    "conversation",
)
UNVERSIONED = (*HEALTH, "metrics", "status", "status_json", *_ABOUT_EXCHANGES)
"""Endpoints that are not OpenAI's, and have no `/v1` before them."""
PAGES = "/exchanges"
"""What the paths of the pages about exchanges begin with."""
CONVERSATIONS = "/conversations"
OWN_PAGES = (PAGES, f"{CONVERSATIONS}/")
"""What the paths of all pages begin with, but for that of the status page."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path of the contract. `parts` are its segments after the version.

    `{id}` stands for one segment; `{name}`, at the end, for any rest, slashes included, maybe up to a method behind it
    (`{name}:countTokens`).
    """

    name: str
    """A dialect's, where one is spoken with a model. Other endpoints have a name of their own."""
    method: str
    parts: tuple[str, ...]
    speaks: str = ""
    """The dialect of its answers, where that has another name."""
    versions: tuple[str, ...] = ("v1",)
    """What may stand before it, the usual one first."""
    asker: str = ""
    """See `callers.Caller.speaks`: it is for these before others that have the same path."""

    @property
    def path(self) -> str:
        """As it is written for people, `{id}` and all: `/v1/responses/{id}`."""
        return "/" + "/".join(filter(None, (_versions(self)[0], *self.parts)))

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


def _gemini(name: str, method: str, *parts: str, versions: tuple[str, ...] = GEMINI_VERSIONS) -> Endpoint:
    """A path of Gemini's own API."""
    return Endpoint(name, method, parts, name if ":" in parts[-1] else _GEMINI, versions, GEMINI)


def _vertex(name: str) -> Endpoint:
    """A path of Vertex AI's, which may have a project and a location before it; those are the account's."""
    parts = ("publishers", "google", "models", f"{_NAME}:{name}")
    return Endpoint(name, "POST", parts, name, ("v1beta1", "v1"), GEMINI)


_NAME = "{name}"
_GEMINI, _ANTHROPIC = "generateContent", "messages"
"""Dialects in which those are told of errors who speak the API, at paths that have no dialect."""

ENDPOINTS = (
    Endpoint("status", "GET", ()),
    Endpoint("status_json", "GET", ("status.json",)),
    Endpoint("health", "GET", ("healthz",)),
    Endpoint("hello", "GET", ("api", "hello")),  # Claude Code's first request, by HEAD and without a key
    Endpoint("metrics", "GET", ("metrics",)),
    Endpoint("exchanges", "GET", (PAGES[1:],)),
    Endpoint("exchanges_json", "GET", (PAGES[1:] + ".json",)),
    Endpoint("exchange", "GET", (PAGES[1:], "{id}")),
    Endpoint("exchange_edit", "GET", (PAGES[1:], "{id}", "edit")),
    Endpoint("exchange_again", "POST", (PAGES[1:], "{id}", "again")),
    Endpoint("exchange_case", "GET", (PAGES[1:], "{id}", "case.zip")),
    Endpoint("conversation", "GET", (CONVERSATIONS[1:], "{id}")),
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
    Endpoint("messages", "POST", ("messages",)),
    Endpoint("count_tokens", "POST", ("messages", "count_tokens")),
    Endpoint("speech", "POST", ("audio", "speech")),
    Endpoint("transcriptions", "POST", ("audio", "transcriptions")),
    Endpoint("translations", "POST", ("audio", "translations")),
    Endpoint("input_tokens", "POST", ("responses", "input_tokens")),
    Endpoint("compact", "POST", ("responses", "compact")),
    _gemini("generateContent", "POST", "models", "{name}:generateContent"),
    _gemini("streamGenerateContent", "POST", "models", "{name}:streamGenerateContent"),
    _gemini("countTokens", "POST", "models", "{name}:countTokens"),
    _gemini("embedContent", "POST", "models", "{name}:embedContent"),
    _gemini("batchEmbedContents", "POST", "models", "{name}:batchEmbedContents"),
    _vertex("generateContent"),
    _vertex("streamGenerateContent"),
    _vertex("countTokens"),
    _vertex("embedContent"),
    _vertex("predict"),
    _gemini("files", "GET", "files"),
    _gemini("files", "GET", "files", "{name}"),
    _gemini("files", "DELETE", "files", "{name}"),
    _gemini("upload", "POST", "upload", "{id}", "files", versions=("",)),
    _gemini("cachedContents", "POST", "cachedContents"),
    _gemini("cachedContents", "GET", "cachedContents"),
    _gemini("cachedContents", "GET", "cachedContents", "{id}"),
    _gemini("cachedContents", "PATCH", "cachedContents", "{id}"),
    _gemini("cachedContents", "DELETE", "cachedContents", "{id}"),
    _gemini(INTERACTIONS, "POST", "interactions"),
    _gemini(INTERACTIONS, "GET", "interactions", "{id}"),
    _gemini(INTERACTIONS, "DELETE", "interactions", "{id}"),
    _gemini(INTERACTIONS, "POST", "interactions", "{id}", "cancel"),
    _gemini("operations", "GET", "operations", "{name}"),
    _gemini("gemini_models", "GET", "models"),
    _gemini("gemini_model", "GET", "models", "{name}"),
    Endpoint("anthropic_models", "GET", ("models",), _ANTHROPIC, asker=ANTHROPIC),
    Endpoint("anthropic_model", "GET", ("models", "{name}"), _ANTHROPIC, asker=ANTHROPIC),
)

_CHAT = "Use POST /v1/chat/completions or POST /v1/responses"
_MESSAGES = "Use POST /v1/messages, and run its tools in the client"
UNSERVED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("images", "variations"), "Use POST /v1/images/edits with a prompt that says what is to vary"),
    (("moderations",), "Nothing here stands for it"),
    (("files",), "Send files inside the request, as data"),
    (("messages", "batches"), "Use POST /v1/messages for each"),
    (("batches",), _CHAT),
    (("assistants",), _CHAT),
    (("threads",), _CHAT),
    (("realtime",), _CHAT),
    (("realtime", "sessions"), _CHAT),
    (("uploads",), "Send files inside the request, as data"),
    (("vector_stores",), "Search them in the client, and hand on what it has found"),
    (("skills",), "Send their texts in `system`, and declare their tools"),
    *(((name,), _MESSAGES) for name in ("agents", "environments", "memory_stores", "sessions", "vaults")),
)
"""Endpoints that clients know and this gateway does not serve, with all that stands below them; and what to do
instead."""
_GEMINI_METHODS = {"predict": "Use Gemini's own API for it"}
"""Methods of Gemini's own paths (`models/x:predict`), likewise."""


def _versions(endpoint: Endpoint) -> tuple[str, ...]:
    return ("",) if endpoint.name in UNVERSIONED else endpoint.versions


def _plain() -> dict[tuple[str, str, str], Match]:
    found: dict[tuple[str, str, str], Match] = {}
    others = {f"/v1/{'/'.join(parts)}" for parts, _ in UNSERVED}
    for endpoint in ENDPOINTS:
        for version in _versions(endpoint):
            path = "/" + "/".join(filter(None, (version, *endpoint.parts)))
            for asker in (endpoint.asker, ""):
                if "{" not in path and (asker or path not in others):
                    found.setdefault((path, endpoint.method, asker), Match(endpoint))
    return found


_PLAIN = _plain()
"""(path, method, who asks) -> what is meant, for paths without variables; who asks is empty for all others."""
_ROOT = [Match(endpoint) for endpoint in ENDPOINTS if not endpoint.parts]
_NAMED = tuple(endpoint for endpoint in ENDPOINTS if endpoint.parts)
OTHER_METHOD = "method_not_supported"
"""The code of a 405."""
_VERSIONS = frozenset(version for endpoint in ENDPOINTS for version in endpoint.versions)
_WORDS = {part for endpoint in ENDPOINTS for part in endpoint.parts if "{" not in part}
"""Segments that are never ids."""
_STEPS = frozenset((".", ".."))
_PREFIXES = {*_VERSIONS, "api", "openai", *(part for parts, _ in UNSERVED for part in parts)}
"""What else stands in front of an endpoint in base URLs that people configure."""


def resolve(method: str, path: str, asker: str = "") -> Match:
    """The endpoint of a request. `path` is without the query; `asker`: see `callers.Caller.speaks`.

    Raises Fault: 404 `unknown_url`, or 405 `method_not_supported` with the methods that the path has.
    """
    if match := _PLAIN.get((path, method, asker)) or _PLAIN.get((path, method, "")):
        return match
    segments = [unquote(segment) for segment in path.split("/") if segment]
    candidates = _named_by(segments)
    fitting = [
        match
        for match in candidates
        if match.endpoint.method == method or (method == "HEAD" and match.endpoint.method == "GET")
    ]
    instead = _unserved(segments)
    if instead is None and all(match.endpoint.asker == GEMINI for match in candidates):
        instead = _below_unserved(segments)
    if instead and not _is_geminis(fitting, segments, asker):
        raise Fault(404, f"This gateway does not serve {method} {path}. {instead}.", code="unknown_url")
    if fitting:
        return _meant(fitting, asker)
    if candidates:
        allowed = ", ".join(sorted({match.endpoint.method for match in candidates}))
        raise Fault(
            405,
            f"Not allowed to {method} on {path}. This path takes {allowed}.",
            code=OTHER_METHOD,
        )
    raise Fault(404, f"Unknown request URL: {method} {path}. The nearest path is {_nearest(path)}.", code="unknown_url")


def _is_geminis(matches: list[Match], segments: list[str], asker: str) -> bool:
    """Whether a path is Gemini's, though OpenAI has one of that name, too: by who asks, or its version."""
    told = asker == GEMINI or segments[0] in _GEMINIS or "publishers" in segments
    return told and any(match.endpoint.asker == GEMINI and not match.unusual for match in matches)


def _meant(matches: list[Match], asker: str) -> Match:
    """Of several that a path can mean: the first that is for who asks, else the first."""
    return next((match for match in matches if asker and match.endpoint.asker == asker), matches[0])


def is_own(method: str, path: str) -> bool:
    """Whether a path is about the gateway itself. `path` is without the query."""
    return path.startswith(OWN_PAGES) or _name_of(method, path) in UNVERSIONED


def is_health(method: str, path: str) -> bool:
    """Whether a path says that the gateway is there, and nothing more. `path` is without the query."""
    return _name_of(method, path) in HEALTH


def _name_of(method: str, path: str) -> str | None:
    match = _PLAIN.get((path, "GET" if method == "HEAD" else method, ""))
    return match.endpoint.name if match is not None else None


def dialect_of(method: str, path: str, asker: str = "") -> Dialect | None:
    """What is spoken on a path, also where it does not take the method. None where no dialect is, or nothing."""
    try:
        return resolve(method, path, asker).endpoint.dialect
    except Fault:
        segments = [unquote(segment) for segment in path.split("/") if segment]
        if segments and segments[0] in _GEMINIS and "openai" not in segments:
            asker = GEMINI
        found = [match for match in _named_by(segments) if match.endpoint.asker in ("", asker)]
        if found:
            return _meant(found, asker).endpoint.dialect
        return dialects.named(_SPOKEN.get(asker, ""))


_SPOKEN = {GEMINI: _GEMINI, ANTHROPIC: _ANTHROPIC}


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


def _below_unserved(segments: list[str]) -> str | None:
    """What to do instead, if a path is that of a thing that only an endpoint which is not served could have made."""
    rest = segments[1:] if segments[:1] == ["v1"] else segments
    return next((instead for parts, instead in UNSERVED if tuple(rest[: len(parts)]) == parts), None)


def _named_by(segments: list[str]) -> list[Match]:
    """All endpoints that the path can mean, the last one named. None where it has steps (`..`): a name that goes up to
    Gemini must not lead to another path there, by an account's credential."""
    if not segments:
        return _ROOT
    if not _STEPS.isdisjoint("/".join(segments).split("/")):
        return []
    version = segments[0] if segments[0] in _VERSIONS else ""
    rest = segments[1:] if version else segments
    if rest[0:1] == ["projects"] and rest[2:3] == ["locations"]:
        rest = rest[4:]  # of Vertex AI
    direct = [match for endpoint in _NAMED if (match := _match(endpoint, rest))]
    direct = [Match(m.endpoint, m.id, unusual=version not in _versions(m.endpoint)) for m in direct]
    direct.sort(key=lambda match: match.unusual)
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
    if parts[-1].startswith(_NAME):
        head, behind = len(parts) - 1, parts[-1].removeprefix(_NAME)
        name = "/".join(segments[head:])
        if tuple(segments[:head]) != parts[:-1] or not name.endswith(behind) or name == behind:
            return None
        return Match(endpoint, name.removesuffix(behind))
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
    """The path that has the most segments of this one, and is spelt most alike."""
    path = path[:200]
    segments = set(path.split("/"))
    known = [endpoint.path for endpoint in _NAMED]
    shared = [len(segments.intersection(one.split("/"))) for one in known]
    likely = [one for one, count in zip(known, shared, strict=True) if count == max(shared)]
    return difflib.get_close_matches(path, likely, n=1, cutoff=0.0)[0]
