"""Gemini's own paths on which no model answers in words: files, cached contents, interactions, operations.

What comes goes to one account as it is, and its answer comes back so. Rules:

* What an account has made is remembered (`accounts.owners`): whoever refers to it gets that account.
* Addresses for uploads that Google gives are replaced by the gateway's own. Such an address holds, encrypted, where the
  upload goes on, and who may go on with it: clients send no key there.
* Names of models in bodies are mapped, as on the other paths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self, override
from urllib.parse import parse_qsl, quote, urlsplit

from addons.gateway.accounts.owners import HOME, narrowed, of_kind
from addons.gateway.accounts.pool import Pool
from addons.gateway.endpoints.services import EndpointServices
from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.job import Job
from addons.gateway.http.routes import INTERACTIONS, Match
from addons.gateway.models.model_map import own_name
from addons.gateway.wire.bodies import received
from mapping import jsonio
from mapping.dialect import Fields
from mapping.faults import Fault
from mapping.gemini.errors import upstream_errors
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.native import errors, references
from mapping.native.interactions import InteractionUsage
from mapping.prices.shown import NOT_COUNTED
from mapping.read_body import json_object
from mapping.totals import Totals
from mapping.translators import StreamTranslator
from mapping.values import JSON, GeminiCall, PlainCall

UPLOAD = "upload"
"""The endpoint of uploads."""
_SENT_ON = ("content-type", "content-encoding")
_UPLOADS = "x-goog-upload-"
_ADDRESS = "x-goog-upload-url"
_NOT_BACK = (_ADDRESS, "x-goog-upload-control-url")
_LOOKED_AT = 64 * 2**10
"""Bytes at the beginning of a stream in which the id of an interaction is looked for."""
_MAKES = ("POST", "PATCH")
CACHES = "cachedContents"
_WITH_MODEL = (CACHES, INTERACTIONS)
"""What has a model in its body."""
STORAGE = f"{NOT_COUNTED}storage (Google charges the tokens of a cache, and the hours for which it is kept)"
AGENT = "an agent's interaction does not tell the models that it has asked"

_TOGETHER = ("files", CACHES)
"""What stays together, so that it can be used in one request."""

type Seal = Callable[[JSON], str]


class Plain:
    """The endpoints."""

    def __init__(self, services: EndpointServices) -> None:
        self._services = services

    @property
    def endpoints(self) -> dict[str, Callable[[Facts, Match], None]]:
        """The name of the endpoint in the table of routes -> what serves it."""
        return {UPLOAD: self.upload, **dict.fromkeys(("files", *_WITH_MODEL, "operations"), self.begin)}

    def begin(self, exchange: Facts, match: Match) -> None:
        """Leave a job in the exchange. Raises Fault."""
        services, request = self._services, exchange.flow.request
        path = "/".join(part if "{" not in part else quote(match.id, safe=":/") for part in match.endpoint.parts)
        content: bytes | None = None
        model, name, streams = "", "", False
        if request.method in _MAKES:
            content = received(request).body
            if match.endpoint.name in _WITH_MODEL and content:
                model, name, content, streams = self._read(content)
        named = f"{match.endpoint.name}/{match.id.partition(':')[0]}" if match.id else ""
        call = PlainCall(request.method, f"/v1beta/{path}{_query(request.path)}", _sent_on(exchange), content)
        job = PlainJob(call, model, match.endpoint.name, streams=streams)
        if model and request.method == "POST":
            job.shown_model, job.client_model = model, name
        job.is_agents = match.endpoint.name == INTERACTIONS and request.method == "POST" and not (match.id or model)
        names = [*([named] if named else ()), *references.within(content or b"")]
        exchange.pool = services.owners.narrowed(_public(exchange, services), exchange.tenant, names)
        if not names and match.endpoint.name in _TOGETHER:
            exchange.home = services.owners.home(exchange.tenant)
        exchange.job = job

    def _read(self, content: bytes) -> tuple[str, str, bytes, bool]:
        """Of a body that names a model: the Gemini model, the client's name of it, the body with the former, and
        whether a stream is wanted."""
        body = json_object(content)
        name = body.get("model")
        if not isinstance(name, str):
            return "", "", content, body.get("stream") is True
        services = self._services
        is_mapped = services.settings.models.map_gemini_paths
        model = services.model_map.resolve(name) if is_mapped else own_name(name)
        prefix = "models/" if name.startswith("models/") else ""
        if name != prefix + model:
            content = jsonio.dumps({**body, "model": prefix + model})
        return model, name.removeprefix("models/"), content, body.get("stream") is True

    def upload(self, exchange: Facts, match: Match) -> None:
        """The beginning of an upload, or a piece of one. Raises Fault."""
        services, request = self._services, exchange.flow.request
        content = request.raw_content or b""
        going_on = upload_of(request.path, services.sealer.unseal)
        public = _public(exchange, services)
        path = f"/upload/v1beta/{match.endpoint.parts[-1]}{_query(request.path)}"
        if going_on is None:
            if "upload_id=" in request.path:
                raise Fault(404, "This upload is not known here, or not any more. Begin anew.", code="unknown_upload")
            exchange.pool, exchange.home = public, services.owners.home(exchange.tenant)
        else:
            exchange.pool = narrowed(public, going_on["account"], "This upload")
            path = going_on["path"]
        job = UploadJob(PlainCall(request.method, path, _sent_on(exchange), content), "", "files", streams=False)
        job.going_on = going_on is not None
        job.begins_at = self._own_address(exchange, match)
        job.seal, job.tenant = services.sealer.seal, exchange.tenant
        exchange.job = job

    def _own_address(self, exchange: Facts, match: Match) -> str:
        """The address of uploads as this client calls the gateway."""
        scheme = "https" if exchange.flow.client_conn.tls else "http"
        host = exchange.caller.host or "127.0.0.1"
        return f"{scheme}://{host}/upload/{match.id}/{match.endpoint.parts[-1]}"


def upload_of(path: str, unseal: Callable[[str], JSON | None]) -> JSON | None:
    """What the address of an upload holds: `tenant`, `account` and the `path` upstream. None: it is none of ours."""
    found = dict(parse_qsl(path.partition("?")[2])).get("upload_id")
    about = unseal(found) if found else None
    return about if about is not None and about.keys() == {"tenant", "account", "path"} else None


class PlainJob(Job):
    """One call as it came. `kind`: what it is about, as names begin: `files`."""

    breaks_off = True
    is_agents = False
    """An agent of Google's is asked, which asks models by itself."""

    def __init__(self, call: PlainCall, model: str, kind: str, *, streams: bool) -> None:
        self._call = call
        self.model = model
        self.streams = streams
        self._kind = kind
        self._content = b""
        self._head: Mapping[str, str] = {}
        self._stream: PlainStream | None = None
        self._used = InteractionUsage() if kind == INTERACTIONS and call.method == "POST" else None

    @override
    def request(self) -> GeminiCall:
        return GeminiCall(self.model, "", plain=self._call)

    @override
    def came(self, headers: Mapping[str, str], account: str) -> None:
        self._head = {name.lower(): value for name, value in headers.items()}
        if self.streams:
            self.content_type = self._head.get("content-type", "text/event-stream").encode("latin-1", "replace")

    @override
    def stream(self) -> StreamTranslator:
        self._stream = PlainStream(self._used)
        return self._stream

    @override
    def stream_again(self, translator: StreamTranslator) -> StreamTranslator:
        return self.stream()  # its beginning is what counts now

    @override
    def take(self, content: bytes) -> bool:
        self._content = content
        if self._used is not None:
            self._used.whole(content)
        return True

    @override
    def totals(self) -> Totals | None:
        return self._used.totals() if self._used is not None and self.shown_model else None

    @property
    @override
    def charged(self) -> str:
        if not (self._content or (self._stream is not None and self._stream.started)):
            return ""
        return AGENT if self.is_agents else STORAGE if self._kind == CACHES and self.shown_model else ""

    @override
    def finish(self, others: list[bytes]) -> bytes:
        return self._content

    @property
    @override
    def fields(self) -> Fields | None:
        told = {"content-type": "application/json", **self._head}
        return tuple(
            (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
            for name, value in told.items()
            if name == "content-type" or (name.startswith(_UPLOADS) and name not in _NOT_BACK)
        )

    @property
    @override
    def made(self) -> list[str]:
        if self._call.method != "POST":
            return []
        if self._stream is not None:
            return references.made_by(self._kind, self._stream.beginning)
        names = references.made(self._kind, self._content)
        return [*names, HOME] if names and self._kind in _TOGETHER else names


class UploadJob(PlainJob):
    """The beginning of an upload, or a piece of it."""

    going_on = False
    begins_at = ""
    seal: Seal
    tenant = ""
    _account = ""

    @property
    @override
    def once(self) -> bool:
        return self.going_on  # a piece that has come is not taken again

    @property
    @override
    def made(self) -> list[str]:
        return super().made if self.going_on else [HOME]

    @override
    def came(self, headers: Mapping[str, str], account: str) -> None:
        super().came(headers, account)
        self._account = account

    @property
    @override
    def fields(self) -> Fields | None:
        found = super().fields or ()
        if (address := self._head.get(_ADDRESS)) is None:
            return found
        parts = urlsplit(address)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        token = self.seal({"tenant": self.tenant, "account": self._account, "path": path})
        own = f"{self.begins_at}?upload_id={token}&upload_protocol=resumable"
        return (*found, (b"X-Goog-Upload-URL", own.encode()))


class PlainStream:
    """A stream as it comes. See `mapping.translators.StreamTranslator`."""

    continuation: str | None = None
    fault: UpstreamError | None = None
    enough = False

    def __init__(self, used: InteractionUsage | None = None) -> None:
        self.started = False
        self.beginning = b""
        self._used = used
        self._is_over = False

    def feed(self, data: bytes) -> bytes:
        """The same."""
        if self._is_over:
            return b""
        self.started = self.started or bool(data)
        if len(self.beginning) < _LOOKED_AT:
            self.beginning += data[:_LOOKED_AT]
        if self._used is not None:
            self._used.feed(data)
        return data

    def end(self, *, needs_content: bool = False) -> bytes:
        """Nothing more. Raises UpstreamError where nothing has come at all."""
        if not self.started:
            raise upstream_errors.broken("The upstream's answer is empty.", code="upstream_empty")
        self._is_over = True
        return b""

    def open(self) -> bytes:
        """Nothing comes before the first event."""
        return b""

    def keep_alive(self) -> bytes:
        """These clients take no signs of life."""
        return b""

    def cut(self, fault: Fault) -> bytes:
        """The error as an event."""
        self._is_over = True
        error = {"event_type": "error", **errors.error_object(fault)}
        return b"event: error\ndata: " + jsonio.dumps(error) + b"\n\n"

    def again(self) -> Self:
        """From the beginning."""
        return type(self)(self._used)

    def add_answer(self, data: bytes) -> None:
        """There is one call."""

    def remember(self) -> Mapping[str, Any]:
        """Nothing."""
        return {}

    def totals(self) -> Totals:
        """What an interaction says of itself; else nothing is counted."""
        return self._used.totals() if self._used is not None else Totals()

    def finish_reasons(self) -> list[str]:
        """None."""
        return []


def _public(exchange: Facts, services: EndpointServices) -> Pool:
    """The accounts that have these paths."""
    return of_kind(exchange.pool or services.pool, "gemini")


def _query(path: str) -> str:
    query = path.partition("?")[2]
    return f"?{query}" if query else ""


def _sent_on(exchange: Facts) -> tuple[tuple[bytes, bytes], ...]:
    """The header fields that go up."""
    return tuple(
        (name, value)
        for name, value in exchange.flow.request.headers.fields
        if (lower := name.decode("latin-1").lower()) in _SENT_ON or lower.startswith(_UPLOADS)
    )
