"""What a request wants from the upstream, and how its answer is made of what comes back.

An `Exchange` deals with accounts, attempts and failures, whatever the request is about; a `Job` is what it is about.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from addons.gateway.ids import mint
from mapping import chat, jsonio, models_list
from mapping.errors import OpenAIError
from mapping.gemini import GeminiCall, RawTurn
from mapping.notes import Notes
from mapping.resign import replace_signatures

MAX_HOPS = 32
"""How often an answer may be continued ("long decode")."""


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request to the public Gemini API; `path` begins with `/v1beta`."""

    method: str
    path: str
    body: bytes | None = None


class StreamTranslator(Protocol):
    """Upstream bytes in any slicing -> client bytes. See `mapping.chat.ChatStream`."""

    @property
    def started(self) -> bool: ...

    @property
    def continuation(self) -> str | None: ...

    def feed(self, data: bytes) -> bytes: ...

    def end(self) -> bytes: ...

    def cut(self, error: OpenAIError) -> bytes: ...

    def open(self) -> bytes: ...

    def again(self) -> StreamTranslator: ...

    def add_answer(self, data: bytes) -> None: ...

    def remember(self) -> dict[str, RawTurn]: ...


type Check = Callable[[bytes], None]
"""Raises UpstreamError for a whole upstream answer that is none, so that another attempt is made."""

type Ask = Callable[[str, Call, Check], Awaitable[bytes]]
"""Makes a further upstream call (model, call, check) with failover of its own. Raises OpenAIError."""


class Job:
    """One whole answer from one upstream call, as its subclasses say."""

    model: str = ""
    """Cooldowns count per model; this is the one."""
    shown_model: str | None = None
    """For `X-Mapped-Model`; None: not a model call."""
    client_model: str | None = None
    """The model as the client named it."""
    streams: bool = False

    def request(self) -> Call:
        """The call to make next."""
        raise NotImplementedError

    def stream(self) -> StreamTranslator:
        """A fresh translator for one attempt at a streamed answer."""
        raise AssertionError("not a stream")

    def take(self, content: bytes) -> bool:
        """Take a whole upstream answer. False: there is more to fetch, `request` says what."""
        raise NotImplementedError

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
        """The client's answer."""
        raise NotImplementedError

    def remember(self) -> dict[str, RawTurn]:
        """What the next request of the conversation will need."""
        return {}

    def rebuild_signatures(self) -> bool:
        """Put placeholders where the upstream misses thought signatures. False: that was tried already."""
        return False

    def instead_of_error(self, problem: OpenAIError) -> bytes | None:
        """An answer that is better than an error, if there is one."""
        return None

    def cancel(self) -> None:
        """The client is gone, or the exchange is over."""


class ChatJob(Job):
    """`POST /v1/chat/completions`."""

    def __init__(self, call: GeminiCall, notes: Notes, ask: Ask) -> None:
        self.call = call
        self.model = call.model
        self.shown_model = call.model
        self.client_model = call.plan.client_model
        self.streams = call.plan.stream
        self._notes = notes
        self._created = int(time.time())
        self._body = call.body
        self._encoded: bytes | None = None
        self._answer: chat.ChatAnswer | None = None
        self._resigned = False
        self._hops = 0
        self._copies = [
            asyncio.ensure_future(
                ask(call.model, Call("POST", _path(call.model, "generateContent"), self._bytes()), self._check_copy)
            )
            for _ in range(call.copies - 1)
        ]

    def request(self) -> Call:
        method = "streamGenerateContent?alt=sse" if self.streams else "generateContent"
        return Call("POST", _path(self.model, method), self._bytes())

    def stream(self) -> StreamTranslator:
        return chat.ChatStream(self.call.plan, created=self._created, mint=mint, notes=self._notes)

    def take(self, content: bytes) -> bool:
        if self._answer is None or not self._answer.continuation:
            self._answer = chat.ChatAnswer(self.call.plan, created=self._created, mint=mint, notes=self._notes)
        self._answer.add(content)
        token = self._answer.continuation
        if token is not None and self.go_on(token):
            return False
        self._answer.close()
        return True

    def go_on(self, token: str) -> bool:
        if self._hops == MAX_HOPS or token == self._body.get("continuationToken"):
            return False
        self._hops += 1
        self._body = {**self._body, "continuationToken": token}
        self._encoded = None
        return True

    @property
    def has_others(self) -> bool:
        return bool(self._copies)

    async def others(self) -> list[bytes]:
        return list(await asyncio.gather(*self._copies))

    def finish(self, others: list[bytes]) -> bytes:
        assert self._answer is not None
        for content in others:
            self._answer.add(content)
        return self._answer.finish()

    def remember(self) -> dict[str, RawTurn]:
        return self._answer.remember() if self._answer else {}

    def rebuild_signatures(self) -> bool:
        if self._resigned:
            return False
        self._resigned = True
        self._body = {**self._body, "contents": replace_signatures(self._body["contents"])}
        self._encoded = None
        self._notes.add("signature-dummy", "after a refusal")
        return True

    def cancel(self) -> None:
        for task in self._copies:
            task.cancel()

    def _check_copy(self, content: bytes) -> None:
        """Read the answer of a copy on trial, while it still can be asked for again."""
        chat.ChatAnswer(self.call.plan, created=self._created, mint=mint, notes=Notes()).add(content)

    def _bytes(self) -> bytes:
        if self._encoded is None:
            try:
                self._encoded = jsonio.dumps(self._body)
            except RecursionError:
                raise OpenAIError(400, "The request is nested too deeply.", code="invalid_value") from None
        return self._encoded


class ModelListJob(Job):
    """`GET /v1/models` and `/v1/models/{id}`: Gemini's list, and the names of the mapping."""

    def __init__(
        self, names: list[str], wanted: str | None, notes: Notes, keep: Callable[[list[dict[str, Any]]], None]
    ) -> None:
        self._names = names
        self._wanted = wanted
        self._notes = notes
        self._keep = keep
        self._models: list[dict[str, Any]] = []
        self._page: str | None = None

    def request(self) -> Call:
        page = f"&pageToken={quote(self._page, safe='')}" if self._page else ""
        return Call("GET", f"/v1beta/models?pageSize=1000{page}")

    def take(self, content: bytes) -> bool:
        models, following = models_list.read_page(content)
        self._models += models
        if following and following != self._page and len(self._models) < 10_000:
            self._page = following
            return False
        self._keep(self._models)
        return True

    def finish(self, others: list[bytes]) -> bytes:
        return self.answer(self._models)

    def answer(self, models: list[dict[str, Any]]) -> bytes:
        """The list, or the one model that was asked for."""
        return models_list.answer(models, self._names, self._wanted)

    def instead_of_error(self, problem: OpenAIError) -> bytes | None:
        if problem.code == "model_not_found":
            return None
        self._notes.add("unlisted")
        try:
            return self.answer(models_list.BUILT_IN)
        except OpenAIError:
            return None


class RawJob(Job):
    """A call that the gateway makes for itself; the answer is checked, and handed on as it came."""

    def __init__(self, model: str, call: Call, check: Check) -> None:
        self.model = model
        self._call = call
        self._check = check

    def request(self) -> Call:
        return self._call

    def take(self, content: bytes) -> bool:
        self._check(content)
        return True


def _path(model: str, method: str) -> str:
    return f"/v1beta/models/{quote(model, safe='')}:{method}"
