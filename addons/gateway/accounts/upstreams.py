"""The kinds of upstream that an account can have: where each listens, and how it is asked.

* `gemini`: the public API (v1beta), with an API key or OAuth.
* `vertex`: Vertex AI (v1beta1): regional, multi-regional (`us`, `eu`) or `global`, in a project of the person's; or in
  express mode, which has an API key and no project.
* `code-assist`: the Cloud Code API (v1internal), with credentials of a person and no API key.

A call is made in terms of the public API; the others get the form that `mapping.gemini.upstream_forms` makes of it.
Answers come back the same from all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from addons.gateway.accounts.account import Account
from mapping.gemini import embeddings, upstream_forms
from mapping.values import Change, GeminiCall

_TIER_HEADER = b"X-Vertex-AI-LLM-Shared-Request-Type"


@dataclass(slots=True)
class Outgoing:
    """A call as it goes to one upstream, apart from what all upstreams get."""

    path: str
    """With its query."""
    body: bytes | None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Of a call with a body."""
    method: bytes = b""
    """Of HTTP; empty: GET without a body, POST with one."""
    is_json: bool = True
    """The body is; else the headers say what it is."""


def outgoing(account: Account, call: GeminiCall) -> Outgoing:
    """A call as it goes to the account's upstream. Raises Fault for a body that can't be written as JSON."""
    plain = call.plain
    if plain is not None:
        prefix = account.address.prefix if account.address else ""
        path = plain.path.removeprefix(prefix)  # an address that the upstream has given has it already
        return Outgoing(path, plain.content, plain.headers, plain.method.encode(), is_json=False)
    return _KINDS[account.upstream](account, call)


def _gemini(account: Account, call: GeminiCall) -> Outgoing:
    return Outgoing(f"/v1beta/{_resource(call)}", call.encoded("gemini"))


def _vertex(account: Account, call: GeminiCall) -> Outgoing:
    form = _VERTEX_FORMS.get(call.method, upstream_forms.vertex)
    place = ""
    if account.project:
        place = f"projects/{quote(account.project, safe=':')}/locations/{quote(account.location or '', safe='')}/"
    return Outgoing(
        f"/v1beta1/{place}publishers/google/{_resource(call, embeddings.vertex_method(call))}",
        call.encoded("vertex", form),
        _tier(account, call),
    )


_VERTEX_FORMS: dict[str, Change] = {
    "countTokens": upstream_forms.vertex_count,
    **dict.fromkeys(embeddings.METHODS, embeddings.vertex),
}
"""Method of the public API -> what makes Vertex AI's form of its body. All others generate."""


def _code_assist(account: Account, call: GeminiCall) -> Outgoing:
    path = f"/v1internal:{call.method}{call.query}"
    if call.method == "countTokens":
        return Outgoing(path, call.encoded("code-assist", upstream_forms.code_assist_count))
    request = call.encoded("code-assist", upstream_forms.code_assist)
    assert request is not None
    assert call.body is not None
    return Outgoing(
        path, upstream_forms.code_assist_envelope(request, call.body, model=call.model, project=account.project)
    )


_KINDS: dict[str, Callable[[Account, GeminiCall], Outgoing]] = {
    "gemini": _gemini,
    "vertex": _vertex,
    "code-assist": _code_assist,
}


def _resource(call: GeminiCall, method: str = "") -> str:
    """`models/{model}:{method}`, or `models`. Nothing in the model's name can leave its segment.

    `method`: what the upstream calls that of the call; empty: the same.
    """
    if not call.method:
        return f"models{call.query}"
    return f"models/{quote(call.model, safe='')}:{method or call.method}{call.query}"


def _tier(account: Account, call: GeminiCall) -> tuple[tuple[bytes, bytes], ...]:
    """Flex and priority are header fields at Vertex AI, and exist at its global endpoint only."""
    tier = upstream_forms.vertex_tier(call.body) if call.body else None
    if tier is None:
        return ()
    if account.location not in (None, "global"):
        call.notes.add("upstream-refuses", "service_tier")
        return ()
    return ((_TIER_HEADER, tier.encode()),)
