"""A recorded exchange translated once more: what the record in the client's flow and the bodies say, and nothing else.

* The same body gives the Gemini request that was sent, in the form of the public API; `as_sent` makes the form that
  another kind of upstream got.
* The same upstream answers give the client's bytes: ids, times and encrypted texts are those of the record.
* Not to be had again is what no body shows: signs of life in a stream that was silent for long, and the words for a
  connection that broke off.
* An `encrypted_content` of the request can be read only with the key that made it. Without `unseal`, and where the
  record does not hold what was in it, it counts as another provider's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, cast

from addons.gateway.endpoints.generate import WholeTranslator
from addons.gateway.endpoints.jobs import CountJob, StreamTranslator
from addons.gateway.endpoints.responses_api import Compaction
from addons.gateway.record.flow_record import digest
from addons.gateway.record.seeds import Seeds
from mapping import chat, completions, faults, jsonio, responses
from mapping.faults import Fault
from mapping.gemini import upstream_forms
from mapping.notes import Notes
from mapping.request import prewarm
from mapping.request.plan import Translated
from mapping.responses import objects, stored
from mapping.responses.request.input_items import Unseal, nothing_sealed
from mapping.values import JSON, Options, RawTurn

ENDPOINTS = frozenset({"chat", "completions", "responses", "compact", "input_tokens"})
"""The endpoints (`routes.Endpoint.name`) whose exchanges can be translated again."""


class NotTranslated(ValueError):
    """The record is of an exchange that had no translation."""


def request(record: Mapping[str, Any], body: Any, *, unseal: Unseal = nothing_sealed) -> tuple[Translated, Notes]:
    """The Gemini request for the parsed JSON `body`, and the notes on it.

    `record` is that of the client's flow (`record.record_of`); `body` need not be the one that was recorded. Raises
    Fault for what the client got wrong, and NotTranslated.
    """
    notes = Notes()
    return translate(record, body, notes, unseal=unseal), notes


def translate(record: Mapping[str, Any], body: Any, notes: Notes, *, unseal: Unseal = nothing_sealed) -> Translated:
    """The same as `request`, with notes of the caller's, which are there also when an error is raised."""
    endpoint, model = record.get("endpoint"), record.get("model")
    if endpoint not in ENDPOINTS or not isinstance(model, str):
        raise NotTranslated(f"An exchange of {endpoint} has no translation.")
    given = _Given.of(record)
    arguments: dict[str, Any] = {
        "model": model,
        "client_model": _client_model(body),
        "options": given.options,
        "recall": given.remembered.get,
        "notes": notes,
    }
    if endpoint == "completions":
        return completions.translate(body, **arguments)
    if endpoint == "chat" and not _has_input(body):
        return chat.translate(body, **arguments)
    compact = endpoint == "compact"
    call = responses.translate(
        stored.with_trigger(body) if compact else body,
        **arguments,
        history=given.history,
        unseal=lambda text: given.unsealed.get(digest(text)) or unseal(text),
        resolve=given.items.get,
    )
    if compact:
        call.plan.stream = False
    if endpoint == "chat":
        notes.add("path", "a body with input")
    return call


def answer(record: Mapping[str, Any], call: Translated, upstream: Sequence[bytes], notes: Notes | None = None) -> bytes:
    """What the client gets, whole or as a stream (`call.plan.stream`).

    `upstream` are the bodies of the answers that were used, as they came: those of the call itself (one, or more where
    Gemini had the answer continued), then one for each further call (`copies`, `further`). Raises UpstreamError for
    what is no answer while the client has nothing.
    """
    if record.get("endpoint") == "input_tokens":
        return _count(call, upstream)
    dialect = Dialect.of(record, call, Notes() if notes is None else notes)
    if dialect.queued is not None:
        return dialect.queued
    if call.plan.prewarm:
        upstream = [prewarm.EMPTY_STREAM if call.plan.stream else prewarm.EMPTY]
    further = min(call.copies - 1 + len(call.further), max(0, len(upstream) - 1))
    first, others = upstream[: len(upstream) - further], upstream[len(upstream) - further :]
    return _streamed(dialect.stream(), first, others) if call.plan.stream else _whole(dialect.whole(), first, others)


def as_sent(call: Translated, upstream: str, notes: Notes) -> JSON:
    """The body of the call in the form that a kind of upstream takes (`summary.AttemptSummary.upstream`).

    For `code-assist` it is the member `request` of what is sent.
    """
    form = _FORMS.get(upstream)
    return form(call.body, notes) if form else call.body


@dataclass(frozen=True, slots=True)
class Dialect:
    """What makes the client's answers of one request, with the ids and times of its record."""

    whole: Callable[[], WholeTranslator]
    stream: Callable[[], StreamTranslator]
    queued: bytes | None = None
    """The whole answer to a request whose response is made in the background."""

    @classmethod
    def of(cls, record: Mapping[str, Any], call: Translated, notes: Notes) -> Dialect:
        """The dialect of a recorded request."""
        seeds = _Seeds(_dict(record.get("seeds")))
        plan = call.plan
        made: dict[str, Any] = {"mint": seeds.mint, "notes": notes}
        if record.get("endpoint") in ("responses", "compact"):
            assert isinstance(plan, responses.ResponsesPlan)
            return cls._responses(record, plan, seeds, made)
        made["created"] = seeds.now()
        if isinstance(plan, completions.CompletionsPlan):
            return cls(
                partial(completions.CompletionsAnswer, plan, **made),
                partial(completions.CompletionsStream, plan, **made),
            )
        return cls(partial(chat.ChatAnswer, plan, **made), partial(chat.ChatStream, plan, **made))

    @classmethod
    def _responses(
        cls, record: Mapping[str, Any], plan: responses.ResponsesPlan, seeds: _Seeds, made: dict[str, Any]
    ) -> Dialect:
        # The id first, then the time: so they are minted, and so they stand in the record.
        made["response_id"] = seeds.mint("resp_", 16)
        made["created"] = seeds.now()
        made |= {"seal": lambda payload: seeds.seal(lambda: _unsealed(payload)), "clock": seeds.now}
        chat_shape = _Given.of(record).chat_shape and record["endpoint"] == "responses"
        whole = partial(responses.ResponsesAnswer, plan, chat_shape=chat_shape, **made)
        stream = partial(responses.ResponsesStream, plan, **made)
        if record["endpoint"] == "compact":
            return cls(lambda: cast(WholeTranslator, Compaction(whole())), stream)
        queued = None
        if plan.echo.get("background") is True and not plan.stream:
            queued = jsonio.dumps(
                objects.in_progress(plan, response_id=made["response_id"], created=made["created"], status="queued")
            )
        return cls(whole, stream, queued)


class _Seeds(Seeds):
    """What is recorded, and where nothing is, the same in every run."""

    def now(self) -> int:
        found = self._next("times")
        return 0 if found is None else int(found)

    def mint(self, prefix: str, size: int = 12) -> str:
        self._count += 1
        found = self._next("ids")
        return found if isinstance(found, str) and found.startswith(prefix) else f"{prefix}{self._count}"

    _count = 0


_FORMS: dict[str, Callable[[JSON, Notes], JSON]] = {
    "vertex": upstream_forms.vertex,
    "code-assist": upstream_forms.code_assist,
}
"""Kind of upstream -> what makes its form of a body. The public API takes it as it is."""


@dataclass(frozen=True, slots=True)
class _Given:
    """`given` of the record: what the translation had beside the body."""

    options: Options
    remembered: dict[str, RawTurn]
    history: list[JSON]
    items: dict[str, JSON]
    unsealed: dict[str, JSON]
    chat_shape: bool

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> _Given:
        given = _dict(record.get("given"))
        options = _dict(given.get("options"))
        return cls(
            options=Options(**{f.name: options[f.name] for f in fields(Options) if f.name in options}),
            remembered={
                key: RawTurn(turn["model"], turn["parts"], turn["call_ids"])
                for key, turn in _dict(given.get("remembered")).items()
            },
            history=given.get("history") or [],
            items=_dict(given.get("items")),
            unsealed=_dict(given.get("unsealed")),
            chat_shape=given.get("chat_shape", True) is True,
        )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _has_input(body: Any) -> bool:
    return isinstance(body, dict) and body.get("messages") is None and body.get("input") is not None


def _client_model(body: Any) -> str:
    """The model that a body names. Raises Fault as the gateway does."""
    if not isinstance(body, dict):
        raise Fault(400, "The request body must be a JSON object.")
    name = body.get("model")
    if name is None:
        raise faults.missing("model")
    if not isinstance(name, str):
        raise faults.wrong_type("model", "a string", name)
    return name


def _whole(translator: WholeTranslator, first: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    for data in first:
        translator.add(data)
    translator.close()
    for data in others:
        translator.add(data)
        translator.close()
    return translator.finish()


def _streamed(translator: StreamTranslator, first: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    out = b""
    for number, data in enumerate(first):
        out += translator.feed(data)
        if number == 0:
            for other in others:
                translator.add_answer(other)
        out += translator.end()
    # The second end is for an answer that would go on: there is no more of it.
    return out + translator.end() if first and translator.continuation else out


def _count(call: Translated, upstream: Sequence[bytes]) -> bytes:
    job = CountJob(call.model, call.plan.client_model, call.body)
    for data in upstream:
        job.take(data)
    return job.finish([])


def _unsealed(payload: JSON) -> str:
    """Where the record has no encrypted text: what would be in it, readable."""
    return jsonio.dumps(payload).decode()
