"""The contract of a dialect: everything that differs between what clients speak stands behind it.

A *dialect* is what a client speaks on one kind of path. Live serving, replays, cases, views, the soak, the fuzzer and
`python -m mapping` know dialects by this contract alone, and find them by name in `mapping.dialects`. A new one is one
package, and one row in the table of routes. The package has

* a module `dialect` with `DIALECTS`: each a `Dialect`, with the classes that it answers with. It may build on
  `mapping.request` and `mapping.answer` where it holds a conversation, and derive from the classes here;
* if it likes, a module `bodies` with `BODIES`, by name: how its bodies are shown, and which texts stay when they are
  masked (`mapping.inspect.bodies.Bodies`; without it, as any JSON). `Answering.facts` is explained there, too;
* if SDKs speak it, a module `sdk` with `SDKS`, by name: how programs make its requests (`mapping.inspect.code.calls`);
* if it is to be soaked and fuzzed, a module `trial` with `TRIALS`, by name: what to ask, and to get (`mapping.trial`).

A dialect has no state: one object serves all requests, an `Answering` serves one, and a translator one answer of it.
All run in one thread. A body is shared with whoever else looks at it, and is never changed.

Who calls what, in which order, for one request:

0. `Dialect.read(received)`: the request as one JSON value that names its model. Where it is kept (a case) or edited, it
   is this value that counts from then on. Raises `Fault`.
1. `Dialect.lookups(body)`: what has to be found in the store first; None: nothing. Raises `Fault`.
2. `Dialect.translate(body, given)`: gives an `Answering`, which says what to ask Gemini, and makes the answer.
   Raises `Fault` for what the client got wrong. `body` is a JSON object with a `model` that is a string.
3. `Answering.unasked()`: the answer, where Gemini need not be asked for it. None: it has to be.
4. `Answering.deferred`: where it is set, the client gets its receipt now, and what follows happens in the background.
5. `Answering.calls` are sent: the first by itself (streamed if `streams`), the others beside it as whole calls. A call
   that the upstream refuses may be changed and sent again (`mapping.request.second_try`); `mended` is told of it. When
   it is given up, `blamed` says of the upstream's fault what the client can make of it; a count may be estimated.
6. The answers go through a translator, which `whole(notes)` or `stream()` makes, once; `mapping.translators` says how.
   One that is made on trial (`whole(Notes())`, `add`) leaves no trace.
7. When the answer is complete: `Answering.served` for the header, and `Answering.kept(translator, events)` for the
   store.
8. `Dialect.error(fault)`: the answer to a request that failed before anything was sent, at any of these steps, and also
   before them: a request without a key, a model that nobody has, HTTP that can't be read.

Afterwards, for the list of exchanges, views, cases and tests, from recorded bytes: `Dialect.read_error` and
`Dialect.without_keep_alives`. A recorded exchange is translated again by the same steps, from 2 on; with the same
`Given` the same bytes come out.

`lookups` and `translate` raise `Fault`, translators `UpstreamError`, where it is said. Anything else is a fault of the
gateway, and the client gets a 500. Nothing here does I/O or reads a clock; what depends on them is in `Given`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from mapping import jsonio
from mapping.faults import Fault
from mapping.notes import Notes
from mapping.read_body import json_object
from mapping.translators import StreamTranslator, WholeTranslator
from mapping.values import JSON, GeminiCall, Options, Recall, Unseal, nothing_remembered

type Fields = tuple[tuple[bytes, bytes], ...]
"""Header fields of an answer."""


@dataclass(slots=True)  # made for each request, and a frozen one takes three times as long
class Received:
    """A client's request as it came, as far as a dialect has to know it."""

    body: bytes
    """Not compressed any more."""
    content_type: str = ""
    path: str = ""
    query: str = ""
    """Without the question mark; it is not in the path."""
    loads: Callable[[bytes], Any] = jsonio.loads
    """Gives the value of the body as this does. It may be known before, and shared with other requests."""

    def json(self) -> JSON:
        """The body, which is a JSON object. Raises Fault (400) for any other."""
        return json_object(self.body, self.loads)


class Mint(Protocol):
    """Makes a fresh id: the prefix, and `size` random bytes in hexadecimal."""

    def __call__(self, prefix: str, size: int = 12, /) -> str:
        """`size` in bytes: an id has twice as many digits behind its prefix."""


@dataclass(frozen=True, slots=True)
class Lookups:
    """What a request refers to that only the store has."""

    previous: str | None = None
    """The id of the answer that it goes on from. `Given.history` is what leads to it, None if it is not there."""
    items: Sequence[str] = ()
    """Ids of stored items. `Given.items` has those that were found."""
    compared: str | None = None
    """The id of the answer that it is to be compared with. `Given.compared` is what `compare` has said of the two."""
    compare: Callable[[Sequence[JSON], Mapping[str, JSON], JSON | None, Sequence[JSON]], JSON] | None = None
    """Takes `Given.history`, `Given.items`, that answer (None: it is not there) and all input items that led to it."""


@dataclass(slots=True)  # see above
class Given:
    """What the translation of one request has beside its body, and what its answer is made with."""

    model: str
    """The Gemini model that was chosen, without `models/`."""
    client_model: str
    """The name that the client used."""
    mint: Mint
    """Ids that the client's answer shows."""
    now: Callable[[], int]
    """Unix time in whole seconds. Each value that is asked for stands in the answer."""
    seal: Callable[[JSON], str]
    """Makes an encrypted text of a value, which only this gateway opens again."""
    options: Options = field(default_factory=Options)
    notes: Notes = field(default_factory=Notes)
    """Where is written down what is lost or changed on the way."""
    recall: Recall = nothing_remembered
    """Finds earlier model turns as Gemini gave them."""
    unseal: Unseal = lambda text: None
    """Opens what `seal` made; None for everything else."""
    history: Sequence[JSON] | None = ()
    """Found for `Lookups.previous`: the items that lead there, oldest first. None: there is no such answer."""
    items: Mapping[str, JSON] = field(default_factory=dict)
    """Found for `Lookups.items`."""
    compared: JSON | None = None
    """Found for `Lookups.compared`, without any text of what was compared."""
    mint_hidden: Mint | None = None
    """Ids that are kept but stand in no answer; None: `mint`."""
    keeps_here: bool = False
    """The client's connection keeps answers while it lasts, those too that are not to be stored."""
    chat_shape: bool = True
    """A setting: Response objects have `choices` too."""
    request_id: str | None = None
    """For a dialect that tells it (`Dialect.id_field`)."""


@dataclass(slots=True)
class Kept:
    """What the store keeps of an answer that may be asked for again."""

    id: str
    response: JSON
    """As the client got it."""
    input_items: list[JSON]
    """The items of this request alone, each with an id."""
    output_items: list[JSON]
    """The output, with all that is needed to go on from it."""
    previous: str | None = None
    """The id of the answer that this one goes on from."""
    events: bytes | None = None
    """The stream as the client got it."""
    stored: bool = True
    """False: only the client's connection keeps it (`Given.keeps_here`)."""


class Deferred(Protocol):
    """An answer that is made in the background: the client gets a receipt, and asks for it later."""

    def unfinished(self, status: str, /) -> JSON:
        """The answer while there is none; `status`: `queued` (the receipt), `in_progress`, `cancelled`."""

    def failed(self, fault: Fault, /) -> JSON:
        """The answer if there never will be one."""

    def kept(self) -> Kept:
        """What is stored at once."""


class Answering(Protocol):
    """One request that has been understood: what to ask Gemini, and how its answers become the client's."""

    @property
    def calls(self) -> Sequence[GeminiCall]:
        """At least one. The first may be streamed; the others run beside it, whole."""

    @property
    def client_model(self) -> str:
        """The model as the client named it; the answer says so too."""

    @property
    def served(self) -> str | None:
        """The Gemini model that answers, where Gemini has said that it is another one than was asked."""

    @property
    def streams(self) -> bool:
        """The client wants a stream: `stream` makes the answer, otherwise `whole` does."""

    @property
    def keeps(self) -> bool:
        """`kept` gives something."""

    @property
    def deferred(self) -> Deferred | None:
        """The client wants a receipt now, and the answer later."""

    @property
    def content_type(self) -> bytes | None:
        """Of the client's answer; None: JSON, or where it `streams`, server-sent events."""
        return None

    def facts(self) -> JSON:
        """For people: what the form of the answer depends on, beside what Gemini gets (see `Bodies.facts`)."""

    def unasked(self) -> tuple[Any, bytes] | None:
        """The translator that made the answer, and the answer."""

    def mended(self, before: JSON, now: JSON, /) -> Sequence[JSON]:
        """The first call goes out with another body, because of what the upstream refused. Gives the bodies of the
        further calls that make up for it."""

    def blamed(self, fault: Fault, /) -> Fault:
        """A fault of the upstream's, with the client's own words for the member that was refused."""

    def whole(self, notes: Notes, /) -> WholeTranslator:
        """A translator of whole answers, which writes into `notes` what is lost on the way."""

    def stream(self) -> StreamTranslator:
        """A translator of a streamed answer. Only where `streams`; its notes are those of `Given`."""

    def kept(self, translator: Any, events: bytes | None, /) -> Kept | None:
        """What to store of a complete answer. `events`: the bytes of the stream, if it was one."""


class GoesOn(Protocol):
    """What an `Answering` may be, too: one whose answer takes several calls, each made of what came of the one before.

    Its translators set `continuation` where such a call is over.
    """

    def further(self, token: str, /) -> JSON | None:
        """The body of the call that the answer goes on with; None: the same one, with this `continuationToken`."""


class WorksAhead(Protocol):
    """What an `Answering` may be, too: one whose `finish` and `end` would hold up everybody else."""

    def ahead(self, translator: Any, others: Sequence[bytes], /) -> Callable[[], None] | None:
        """What of them takes long, for a thread of its own before they are called; None: nothing. `others`: the answers
        of the further calls, which the translator does not have yet. Else `finish` and `end` do it, to the same bytes.
        """


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """A whole HTTP answer to a request that failed. Its fields: content type, and when to come back."""

    status: int
    fields: Fields
    body: bytes


_CONVERSING: Mapping[str, str] = MappingProxyType({"transcription": "flash"})


class Dialect(Protocol):
    """See the module."""

    breaks_off: bool = False
    """A stream that has failed ends with its error event, and then the connection breaks off: for clients that don't
    look at the event, and would take what they have for the whole answer."""
    id_field: bytes = b""
    """The header field for the id of a request, beside `x-request-id`. Errors tell the id too, in their bodies."""
    comments: bool = False
    """Clients that ask for a stream by `stream` pass over comments in it, also before its first event."""
    own_names: bool = False
    """Models go by Gemini's own names. A setting can have them taken as they are."""

    @property
    def name(self) -> str:
        """As the table of routes and saved exchanges name it."""

    @property
    def stands_in(self) -> Mapping[str, str]:
        """Classes of models (`mapping.gemini.model_classes`) that can't do what a request of this dialect wants -> the
        classes whose models are asked in their place. Most hold conversations, which takes more than a good ear."""
        return _CONVERSING

    def likeness(self, body: JSON, /) -> int:
        """How much a body that came by no path looks like a request of this dialect: 0 not at all. The one that likes
        `{}` most is taken where nothing tells (`mapping.dialects.most_like`)."""

    def read(self, received: Received, /) -> JSON:
        """The request as one JSON value, whose `model` is the model as the client named it. Files in it are base64.

        Most are JSON, and this reads such. Raises Fault (400) for what can't be read.
        """
        return received.json()

    def lookups(self, body: JSON, /) -> Lookups | None:
        """What has to be found in the store first; None: nothing. Raises Fault for a reference that can't be meant."""

    def translate(self, body: JSON, given: Given, /) -> Answering:
        """The request, understood. Raises Fault (400, 404) for what the client got wrong, with the place in `param`."""

    def error(self, fault: Fault, /) -> ErrorAnswer:
        """What a client of this dialect gets for a request that failed before anything was sent."""

    def read_error(self, status: int, answer: bytes, /) -> Fault | None:
        """The other way round: what `error` or the error event of a stream told. None: the answer tells of no fault.

        `answer`: what a client got, whole or as a stream, perhaps cut off. Message, kind, code and param count."""

    def without_keep_alives(self, stream: bytes, /) -> bytes:
        """A stream of this dialect as it would be if the upstream had never been silent, byte for byte: without what
        `StreamTranslator.keep_alive` has added. Recorded streams are compared so."""
