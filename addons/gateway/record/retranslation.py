"""A recorded exchange translated once more: what the record in the client's flow and the bodies say, and nothing else.

* The same body gives the Gemini request that was sent, in the form of the public API; `as_sent` makes the form that
  another kind of upstream got. What was refused in it, or was known to be (`typed_tools` of what was given), was sent
  otherwise: `addons.gateway.cases.rerun` goes that way too.
* The same upstream answers give the client's bytes: ids, times and encrypted texts are those of the record.
* Not to be had again is what no body shows: signs of life in a stream that was silent for long, and the words for a
  connection that broke off.
* An `encrypted_content` of the request can be read only with the key that made it. Without `unseal`, and where the
  record does not hold what was in it, it counts as another provider's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from addons.gateway.exchange.seeds import Seeds
from addons.gateway.record.flow_record import digest
from mapping import dialects, faults, jsonio
from mapping.dialect import Answering, Given, Received
from mapping.faults import Fault
from mapping.gemini import embeddings, upstream_forms
from mapping.notes import Notes
from mapping.translators import StreamTranslator, WholeTranslator
from mapping.values import GENERATING, JSON, Change, GeminiCall, Options, RawTurn, Unseal


def nothing_sealed(text: str) -> JSON | None:
    """An `Unseal` that opens nothing."""
    return None


def is_translated(record: Mapping[str, Any]) -> bool:
    """Whether the exchange is of a kind that is translated: its endpoint is a dialect's."""
    return str(record.get("endpoint")) in dialects.names()


class NotTranslated(ValueError):
    """The record is of an exchange that had no translation."""


def body_of(record: Mapping[str, Any], received: Received) -> JSON:
    """The body that the other functions take, of a client's request as it came. Raises Fault, and NotTranslated."""
    dialect = dialects.named(str(record.get("endpoint")))
    if dialect is None:
        raise NotTranslated(f"An exchange of {record.get('endpoint')} has no translation.")
    return dialect.read(received)


def request(record: Mapping[str, Any], body: Any, *, unseal: Unseal = nothing_sealed) -> tuple[Answering, Notes]:
    """The Gemini request for the parsed JSON `body`, and the notes on it.

    `record` is that of the client's flow (`record.record_of`); `body` need not be the one that was recorded. Raises
    Fault for what the client got wrong, and NotTranslated.
    """
    notes = Notes()
    return translate(record, body, notes, unseal=unseal), notes


def translate(record: Mapping[str, Any], body: Any, notes: Notes, *, unseal: Unseal = nothing_sealed) -> Answering:
    """The same as `request`, with notes of the caller's, which are there also when an error is raised."""
    endpoint, model = record.get("endpoint"), record.get("model")
    dialect = dialects.named(str(endpoint))
    if dialect is None or not isinstance(model, str):
        raise NotTranslated(f"An exchange of {endpoint} has no translation.")
    return dialect.translate(body, _given(record, model, _client_model(body), notes, unseal))


def answer(answering: Answering, upstream: Sequence[bytes], notes: Notes | None = None) -> bytes:
    """What the client gets, whole or as a stream.

    `upstream` are the bodies of the answers that were used, as they came: those of the call itself (one, or more where
    Gemini had the answer continued), then one for each further call. Raises UpstreamError for what is no answer while
    the client has nothing.
    """
    if answering.deferred is not None:
        return jsonio.dumps(answering.deferred.kept().response)
    if (unasked := answering.unasked()) is not None:
        return unasked[1]
    further = min(len(answering.calls) - 1, max(0, len(upstream) - 1))
    first, others = upstream[: len(upstream) - further], upstream[len(upstream) - further :]
    if answering.streams:
        return _streamed(answering.stream(), first, others)
    return whole(answering.whole(Notes() if notes is None else notes), first, others)


def as_sent(call: GeminiCall, upstream: str, notes: Notes) -> JSON | None:
    """The body of the call in the form that a kind of upstream takes (`summary.AttemptSummary.upstream`).

    For `code-assist` it is the member `request` of what is sent.
    """
    form = _FORMS.get((upstream, call.method))
    return form(call.body, notes) if form and call.body is not None else call.body


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


_FORMS: dict[tuple[str, str], Change] = {
    **{("vertex", method): upstream_forms.vertex for method in GENERATING},
    **{("vertex", method): embeddings.vertex for method in embeddings.METHODS},
    **{("code-assist", method): upstream_forms.code_assist for method in GENERATING},
}
"""Kind of upstream, method -> what makes its form of a body. The public API takes it as it is."""


def _given(record: Mapping[str, Any], model: str, client_model: str, notes: Notes, unseal: Unseal) -> Given:
    """`given` of the record: what the translation had beside the body, and its seeds."""
    given = _dict(record.get("given"))
    asked = given.get("model")  # that of the record is the one that answered
    options = _dict(given.get("options"))
    unsealed = _dict(given.get("unsealed"))
    remembered = {
        key: RawTurn(turn["model"], turn["parts"], turn["call_ids"])
        for key, turn in _dict(given.get("remembered")).items()
    }
    seeds = _Seeds(_dict(record.get("seeds")))
    return Given(
        model=asked if isinstance(asked, str) else model,
        client_model=client_model,
        mint=seeds.mint,
        now=seeds.now,
        seal=lambda payload: seeds.seal(lambda: jsonio.dumps(payload).decode()),  # readable where none is recorded
        options=Options(**{f.name: options[f.name] for f in fields(Options) if f.name in options}),
        notes=notes,
        recall=remembered.get,
        unseal=lambda text: unsealed.get(digest(text)) or unseal(text),
        history=given.get("history") or [],
        items=_dict(given.get("items")),
        compared=given.get("compared"),
        mint_hidden=lambda prefix, size=12: prefix,
        chat_shape=given.get("chat_shape", True) is True,
        request_id=given.get("request_id"),
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


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


def whole(translator: WholeTranslator, first: Sequence[bytes | JSON], others: Sequence[bytes | JSON]) -> bytes:
    """The client's whole answer: `first` are the answers of the call itself, `others` those of further calls."""
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
