"""An exchange translated again, as `mapping.inspect.explain` needs it: the request, and the answer that Gemini gave."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from addons.gateway.record import retranslation
from mapping import jsonio
from mapping.faults import Fault
from mapping.inspect.explain import ALL_RUNS, explain
from mapping.inspect.explain_call import call_json, with_model
from mapping.inspect.explain_rows import Explanation
from mapping.inspect.transcript import members
from mapping.notes import Notes
from mapping.values import JSON


def has_translation(record: JSON) -> bool:
    """Whether there is a translation to run again."""
    return retranslation.is_translated(record) and isinstance(record.get("model"), str)


def request_translation(record: JSON) -> Callable[[Any, Notes], JSON]:
    """What makes the Gemini call of a request, in the form of the upstream that was asked last."""
    attempts = record.get("attempts") or [{}]
    upstream = attempts[-1].get("upstream", "")

    def translate(body: Any, notes: Notes) -> JSON:
        answering = retranslation.translate(record, body, notes)
        made = call_json(answering, retranslation.as_sent(answering.calls[0], upstream, notes))
        name = body["model"]
        return made if name == record.get("client_model") else with_model(made, f"what {name} stands for")

    return translate


@dataclass(slots=True)
class GeminiAnswers:
    """The answers of Gemini's that make up one of a client, each whole."""

    first: JSON | None = None
    hops: list[JSON] = field(default_factory=list)
    """What the first one was continued with."""
    others: list[JSON] = field(default_factory=list)
    """Those of further calls."""

    @classmethod
    def of(cls, own: Sequence[JSON], others: Sequence[JSON]) -> GeminiAnswers:
        """`own`: those of the exchange's own call that were used; `others`: those of further calls."""
        if not own:  # made in the background
            own, others = others[:1], others[1:]
        return cls(own[0] if own else None, [*own[1:]], [*others])

    def explained(self, record: JSON, body: Any, cost: int = ALL_RUNS) -> Explanation | None:
        """What became of the first one; None, where there is none. `cost`: see `explain`."""
        if self.first is None or body is None:
            return None
        # Sealed texts are made anew, and readable: what is in them counts, and the recorded ones would hide it.
        seeds = {**members(record.get("seeds")), "sealed": []}
        record = {**record, "seeds": seeds}
        try:
            retranslation.request(record, body)
        except Fault:
            return None
        return explain(self.first, partial(self._translate, record, body), cost)

    def _translate(self, record: JSON, body: Any, first: Any, notes: Notes) -> JSON:
        """The client's answer, whole; one that is no JSON (speech, say) as one member."""
        answering = retranslation.translate(record, body, Notes())
        made = retranslation.whole(answering.whole(notes), [first, *self.hops], self.others)
        try:
            return members(jsonio.loads(made))
        except ValueError:
            return {"the body": made.decode("latin-1")}


@contextmanager
def no_collection() -> Iterator[None]:
    """Translations leave no cycles behind; looking for them again and again takes several times as long as they do."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
