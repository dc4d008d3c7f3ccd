"""What a request wants from the upstream, and how its answer is made of what comes back.

An `Exchange` deals with accounts, attempts and failures, whatever the request is about; a `Job` is what it is about.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from addons.gateway.storage.refused_forms import RefusedForms
from mapping.answer.usage import Totals
from mapping.dialect import StreamTranslator
from mapping.faults import Fault
from mapping.gemini import models_list
from mapping.gemini.resign import replace_signatures
from mapping.gemini.second_try import TOOLS, UNSAID, refused_forms, with_typed, without_refused
from mapping.gemini.upstream_errors import Kind, UpstreamError
from mapping.notes import Notes
from mapping.values import JSON, GeminiCall, RawTurn

MAX_MENDS = 4
"""How often one request is changed because of what the upstream refuses in it."""


def list_models(page: str | None = None) -> GeminiCall:
    """The call that lists the models, from a page's token on."""
    following = f"&pageToken={quote(page, safe='')}" if page else ""
    return GeminiCall("", "", query=f"?pageSize=1000{following}")


type Check = Callable[[bytes], None]
"""Raises UpstreamError for a whole upstream answer that is none, so that another attempt is made."""

type Ask = Callable[[GeminiCall, Check], Awaitable[bytes]]
"""Makes a further upstream call with failover of its own. Raises Fault."""


class Job(ABC):
    """One whole answer from one upstream call, as its subclasses say."""

    model: str = ""
    """Cooldowns count per model; this is the one. Empty: the list of models."""
    shown_model: str | None = None
    """The model that is asked; None: not a model call."""
    client_model: str | None = None
    """The model as the client named it."""
    streams: bool = False
    needs_content: bool = False
    """An answer that ended well and holds nothing is asked for once more (`Kind.EMPTY`)."""

    @property
    def answering_model(self) -> str | None:
        """The model that answers, as far as it is known; None: not a model call."""
        return self.shown_model

    @abstractmethod
    def request(self) -> GeminiCall:
        """The call to make next."""

    def begin(self) -> None:  # noqa: B027 - most have nothing beside the one call
        """The call is about to be made: what runs beside it and is not under way may start."""

    def stream(self) -> StreamTranslator:
        """A fresh translator for one attempt at a streamed answer."""
        raise AssertionError("not a stream")

    def stream_again(self, translator: StreamTranslator) -> StreamTranslator:
        """The translator for the attempt after the one that `translator` was for."""
        return translator.again()

    @abstractmethod
    def take(self, content: bytes) -> bool:
        """Take a whole upstream answer. False: there is more to fetch, `request` says what."""

    def go_on(self, token: str) -> bool:
        """The upstream wants to be asked again with this continuation token. False: it has been asked often enough."""
        return False

    @property
    def has_others(self) -> bool:
        """Whether other calls run beside the first one."""
        return False

    async def others(self) -> list[bytes]:
        """The answers of the calls that run beside the first one."""
        return []

    def finish(self, others: list[bytes]) -> bytes:
        """The client's answer; for what the gateway asks for itself, the upstream's as it came."""
        return b""

    def remember(self) -> dict[str, RawTurn]:
        """What the next request of the conversation will need."""
        return {}

    def totals(self) -> Totals | None:
        """The tokens of the answer, if there is one that has any."""
        return None

    def finish_reasons(self) -> list[str]:
        """OpenAI's finish reason of each choice of the answer that has ended."""
        return []

    def ended(self) -> None:  # noqa: B027 - most have nothing to do then
        """The answer is complete, and on its way to the client."""

    def rebuild_signatures(self) -> bool:
        """Put placeholders where the upstream misses thought signatures. False: that was tried already."""
        return False

    def leave_out(self, problem: UpstreamError) -> bool:
        """Ask without what the upstream refused, or with another form of it. False: that can't be done (again)."""
        return False

    def goes_to(self, upstream: str, forms: RefusedForms) -> list[int]:
        """The call is about to go to this kind of upstream: ask at once in the form that it takes, as far as is known.

        The indices of the function declarations that this has changed.
        """
        return []

    def take_empty(self) -> bool:
        """From now on an answer that holds nothing is taken as it is. False: it was already."""
        needed, self.needs_content = self.needs_content, False
        return needed

    def blamed(self, problem: Fault) -> Fault:
        """The upstream's fault, with the client's own words for what is refused."""
        return problem

    def instead_of_error(self, problem: Fault) -> bytes | None:
        """An answer that is better than an error, if there is one."""
        return None

    def cancel(self) -> None:  # noqa: B027 - most have nothing to end
        """The client is gone, or the exchange is over."""


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

    def request(self) -> GeminiCall:
        return self._call

    @property
    def body(self) -> JSON:
        assert self._call.body is not None
        return self._call.body

    def change(self, **members: Any) -> None:
        """Ask with another body from now on."""
        self._call = replace(self._call, body={**self.body, **members}, made={})

    def rebuild_signatures(self) -> bool:
        if self._resigned:
            return False
        self._resigned = True
        self.change(contents=replace_signatures(self.body["contents"]))
        self._call.notes.add("signature-dummy", "after a refusal")
        return True

    def goes_to(self, upstream: str, forms: RefusedForms) -> list[int]:
        begun, self._upstream, self._forms = self._forms is not None, upstream, forms
        indices = [] if begun else forms.among(upstream, self._call.model, self.body)
        self.use_typed(indices)
        return indices

    def use_typed(self, indices: Sequence[int]) -> None:
        """Ask with the older form of schema for these function declarations."""
        if indices:
            self._call = replace(self._call, body=with_typed(self.body, indices, self._call.notes), made={})

    def leave_out(self, problem: UpstreamError) -> bool:
        field = problem.field
        if field is None or not self._left or (field == UNSAID and self._guessed):
            return False
        body = self.body
        changed = without_refused(body, field, self._call.notes, strict=self._strict, tool=problem.tool)
        if changed is None or not self.can_ask(changed):
            return False
        self._left -= 1
        self._guessed = self._guessed or field == UNSAID
        if field == TOOLS and self._forms is not None:
            self._forms.refused(self._upstream, self._call.model, refused_forms(body, changed))
        self._call = replace(self._call, body=changed, made={})
        self.mended(body)
        return True

    def can_ask(self, body: JSON) -> bool:
        """Whether the answer to this mended body can be made the client's. One candidate for several can't be."""
        return _candidates(body) == _candidates(self.body)

    def mended(self, before: JSON) -> None:
        """`body` is another one than before, because of a refusal."""


def _candidates(body: JSON) -> int:
    count: int = body.get("generationConfig", {}).get("candidateCount", 1)
    return count


class ModelListJob(Job):
    """`GET /v1/models` and `/v1/models/{id}`: Gemini's list, and the names that are mapped."""

    def __init__(
        self,
        names: Callable[[], Mapping[str, str]],
        wanted: str | None,
        notes: Notes,
        keep: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
        otherwise: Callable[[], list[dict[str, Any]]],
        *,
        for_codex: bool = False,
    ) -> None:
        """`names`: further names -> the models behind them. `keep` takes a list, and gives what all accounts have.

        `otherwise`: the list when Gemini can't be asked. `for_codex`: Codex CLI asks.
        """
        self._names = names
        self._wanted = wanted
        self._notes = notes
        self._keep = keep
        self._otherwise = otherwise
        self._for_codex = for_codex
        self._models: list[dict[str, Any]] = []
        self._page: str | None = None

    def request(self) -> GeminiCall:
        return list_models(self._page)

    def take(self, content: bytes) -> bool:
        models, following = models_list.read_page(content)
        self._models += models
        if following and following != self._page and len(self._models) < 10_000:
            self._page = following
            return False
        self._models = self._keep(self._models)
        return True

    def finish(self, others: list[bytes]) -> bytes:
        return self.answer(self._models)

    def answer(self, models: list[dict[str, Any]]) -> bytes:
        """The list, or the one model that was asked for."""
        return models_list.answer(models, self._names(), self._wanted, for_codex=self._for_codex)

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

    def blamed(self, problem: Fault) -> Fault:
        return self._blamed(problem)

    def take(self, content: bytes) -> bool:
        self._content = content
        try:
            self._check(content)
        except UpstreamError as e:
            if e.kind is not Kind.EMPTY or self.needs_content:
                raise
        return True

    def finish(self, others: list[bytes]) -> bytes:
        return self._content
