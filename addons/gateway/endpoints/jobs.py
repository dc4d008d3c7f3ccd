"""Jobs that have one upstream call: one that can be mended, the list of models, a call of the gateway's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, override

from addons.gateway.exchange.job import Check, Job
from addons.gateway.storage.refused_forms import RefusedForms
from mapping.faults import Fault
from mapping.gemini import models_list
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.late import late
from mapping.notes import Notes
from mapping.request.resign import replace_signatures
from mapping.values import COUNTED, JSON, GeminiCall

if TYPE_CHECKING:
    from mapping.request import second_try
else:
    second_try = late("mapping.request.second_try")

MAX_MENDS = 4
"""How often one request is changed because of what the upstream refuses in it."""


class MendableJob(Job):
    """A call that can be made once more without what the upstream refused of it."""

    def __init__(self, call: GeminiCall, *, strict: bool) -> None:
        """`strict`: what cannot be honoured is not left out."""
        self._call = call
        self._strict = strict
        self._resigned = False
        self._left = MAX_MENDS
        self._guessed = False
        self._upstream = ""
        self._forms: RefusedForms | None = None

    @override
    def request(self) -> GeminiCall:
        return self._call

    @property
    def body(self) -> JSON:
        """Of the call that is made next, in the public API's terms."""
        assert self._call.body is not None
        return self._call.body

    def change(self, **members: Any) -> None:
        """Ask with another body from now on."""
        self._call = replace(self._call, body={**self.body, **members}, made={})

    def ask_next(self, body: JSON) -> None:
        """Ask something else from now on, which the upstream may find fault with anew."""
        self._call = replace(self._call, body=body, made={})
        self._resigned, self._left, self._guessed, self._forms = False, MAX_MENDS, False, None

    @override
    def rebuild_signatures(self) -> bool:
        if self._resigned or self._call.fixed:
            return False
        self._resigned = True
        inside = self.body.get(COUNTED, self.body)
        resigned = {"contents": replace_signatures(inside["contents"])}
        self.change(**(resigned if inside is self.body else {COUNTED: {**inside, **resigned}}))
        self._call.notes.add("signature-dummy", "after a refusal")
        return True

    @override
    def goes_to(self, upstream: str, forms: RefusedForms) -> list[int]:
        begun, self._upstream, self._forms = self._forms is not None, upstream, forms
        indices = [] if begun or self._call.fixed else forms.among(upstream, self._call.model, self.body)
        self.use_typed(indices)
        return indices

    def use_typed(self, indices: Sequence[int]) -> None:
        """Ask with the older form of schema for these function declarations."""
        if indices:
            self._call = replace(self._call, body=second_try.with_typed(self.body, indices, self._call.notes), made={})

    @override
    def leave_out(self, problem: UpstreamError) -> bool:
        field = problem.field
        if self._call.fixed or field is None or not self._left or (field == second_try.UNSAID and self._guessed):
            return False
        body = self.body
        changed = second_try.without_refused(body, field, self._call.notes, strict=self._strict, tool=problem.tool)
        if changed is None or not self.can_ask(changed):
            return False
        self._left -= 1
        self._guessed = self._guessed or field == second_try.UNSAID
        if field == second_try.TOOLS and self._forms is not None:
            self._forms.refused(self._upstream, self._call.model, second_try.refused_forms(body, changed))
        self._call = replace(self._call, body=changed, made={})
        self.mended(body)
        return True

    def can_ask(self, body: JSON) -> bool:
        """Whether the answer to this mended body can be made the client's. One candidate for several can't be."""
        return candidates(body) == candidates(self.body)

    def mended(self, before: JSON) -> None:
        """`body` is another one than before, because of a refusal."""


def candidates(body: JSON) -> int:
    """How many candidates a body asks for."""
    count: int = body.get("generationConfig", {}).get("candidateCount", 1)
    return count


type ListModels = Callable[[list[dict[str, Any]], Mapping[str, str], str | None], bytes]
"""The client's answer for models that Google lists, further names -> models, and the one that is wanted, if it is one.

Raises Fault.
"""


class ModelListJob(Job):
    """`GET /v1/models` and `/v1/models/{id}`: Gemini's list, and the names that are mapped."""

    def __init__(
        self,
        names: Callable[[], Mapping[str, str]],
        wanted: str | None,
        notes: Notes,
        keep: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
        otherwise: Callable[[], list[dict[str, Any]]],
        shown: ListModels,
    ) -> None:
        """`names`: further names -> the models behind them. `keep` takes a list, and gives what all accounts have.

        `otherwise`: the list when Gemini can't be asked. `shown` makes the answer.
        """
        self._names = names
        self._wanted = wanted
        self._notes = notes
        self._keep = keep
        self._otherwise = otherwise
        self._shown = shown
        self._models: list[dict[str, Any]] = []
        self._page: str | None = None

    @override
    def request(self) -> GeminiCall:
        return models_list.call(self._page)

    @override
    def take(self, content: bytes) -> bool:
        models, following = models_list.read_page(content)
        self._models += models
        if following and following != self._page and len(self._models) < 10_000:
            self._page = following
            return False
        self._models = self._keep(self._models)
        return True

    @override
    def finish(self, others: list[bytes]) -> bytes:
        return self.answer(self._models)

    def answer(self, models: list[dict[str, Any]]) -> bytes:
        """The list, or the one model that was asked for."""
        return self._shown(models, self._names(), self._wanted)

    @override
    def instead_of_error(self, problem: Fault) -> bytes | None:
        if problem.code == "model_not_found":
            return None
        self._notes.add("unlisted")
        try:
            return self.answer(self._otherwise())
        except Fault:
            return None


class RawJob(MendableJob):
    """A call that the gateway makes for itself; the answer is checked, and handed on as it came."""

    def __init__(self, call: GeminiCall, check: Check, *, strict: bool, blamed: Callable[[Fault], Fault]) -> None:
        """`blamed`: see `Job.blamed`, of the request that it is a part of."""
        super().__init__(call, strict=strict)
        self._blamed = blamed
        self.model = call.model
        self._check = check
        self._content = b""

    @override
    def blamed(self, problem: Fault) -> Fault:
        return self._blamed(problem)

    @override
    def take(self, content: bytes) -> bool:
        self._content = content
        try:
            self._check(content)
        except UpstreamError as e:
            if e.kind is not Kind.EMPTY or self.needs_content:
                raise
        return True

    @override
    def finish(self, others: list[bytes]) -> bytes:
        return self._content
