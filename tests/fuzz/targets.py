"""What must hold for any bytes from outside: one function for each parser, for hypothesis here and for scripts/fuzz.py.

A target gets bytes, and raises when the parser did what it must not: any exception but its documented ones, or output
that is not what a client can read. The first bytes choose what is not in the data itself: the slicing, the status.
"""

from __future__ import annotations

import gzip
import io
import itertools
import json
import math
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brotli
from mitmproxy import http
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow
from openai.types import Completion

from addons.gateway.accounts import upstreams
from addons.gateway.accounts.account import Account
from addons.gateway.accounts.credentials.credential_files import CredentialError, CredentialsFile
from addons.gateway.accounts.credentials.credentials import ApiKey, GoogleCredential
from addons.gateway.accounts.credentials.google_tokens import open_source
from addons.gateway.accounts.network.plain_http import Answer
from addons.gateway.exchange import seeds
from addons.gateway.record import recordings
from addons.gateway.record.flow_record import CLIENT, KEY, record_of
from addons.gateway.settings import settings
from addons.gateway.wire import bodies
from mapping import dialects, jsonio
from mapping.dialect import Dialect, Given
from mapping.faults import Fault
from mapping.gemini.errors import upstream_errors
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.openai.errors import error_body, error_object
from mapping.read_body import json_object
from mapping.trial import ANY_MODEL
from mapping.values import Options
from tests.e2e import answer_checks, response_checks

WIRE = Path(__file__).parents[1] / "data" / "wire"
TEMPORARY = tempfile.TemporaryDirectory(prefix="fuzz-")
FOLDER = Path(TEMPORARY.name)
"""For the parsers that read files."""
SECRET = "sk-a-secret-that-nobody-may-read"
MODELS = ("gemini-2.5-flash", "gemini-3.8-flash", "gemini-3.1-pro-preview", "gemini-4-hydrogen")

ACCOUNTS = [
    Account("", ApiKey(""), upstream=kind, project="p", location="global")
    for kind in ("gemini", "vertex", "code-assist")
]
"""One of each kind of upstream, which take different forms of a request."""

type Target = Callable[[bytes], None]


def wire(*endings: str) -> list[bytes]:
    """Recorded upstream answers."""
    return [path.read_bytes() for path in sorted(WIRE.iterdir()) if path.name.endswith(endings)]


# ---- what clients send

CODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": bodies.zstd.compress,
}


def client_body(data: bytes) -> None:
    """A body in some encoding is a JSON value or a 400 or 413."""
    encoding = list(CODERS)[data[0] % len(CODERS)] if data else ""
    request = http.Request.make(
        "POST", "http://h/v1/chat/completions", data[1:], [(b"content-encoding", encoding.encode())]
    )
    request.data.content = data[1:]
    try:
        jsonio.dumps(json_object(bodies.received(request).body))
    except Fault as e:
        check_error(e, 400, 413)


def given(notes: Notes, model: str = MODELS[1], options: Options | None = None) -> Given:
    """What a translation has beside the request; made anew, it gives the same ids and times."""
    count = itertools.count(1)
    return Given(
        model=model,
        client_model="m",
        mint=lambda prefix, size=12: f"{prefix}{next(count)}",
        now=lambda: 1_700_000_000,
        seal=lambda payload: jsonio.dumps(payload).hex(),
        options=options or Options(),
        notes=notes,
    )


def model_for(dialect: Dialect, number: int = 1) -> str:
    """A model that is asked: any, but where the dialect wants a special one."""
    wanted: str = dialects.trials()[dialect.name].samples()[0]["model"]
    return MODELS[number % len(MODELS)] if wanted == ANY_MODEL else wanted


def requests(dialect: Dialect) -> Target:
    """A request of a dialect is Gemini calls with a form for every kind of upstream, or an error of the client's."""

    def target(data: bytes) -> None:
        try:
            body = jsonio.loads(data[1:])
        except ValueError:
            return
        if not isinstance(body, dict):
            return
        before = jsonio.dumps(body)
        number = data[0]
        options = Options(strict=bool(number & 4), signature_in_call_id=bool(number & 8))
        notes = Notes()
        try:
            dialect.lookups(body)
            calls = dialect.translate(body, given(notes, model_for(dialect, number), options)).calls
        except Fault as e:
            check_error(e, 400, 404, 413)
            check_told(dialect, e)
        else:
            for call in calls:
                for account in (account for account in ACCOUNTS if account.serves(call.model)):
                    sent = upstreams.outgoing(account, call).body
                    assert sent is not None
                    json.loads(sent)
        assert notes.header().isascii()
        assert jsonio.dumps(body) == before, "the input was changed"

    return target


def check_told(dialect: Dialect, error: Fault) -> None:
    """What a client is told of a fault is well-formed, and says what the fault says."""
    answer = dialect.error(error)
    dialects.trials()[dialect.name].check_error(answer.body)
    told = dialect.read_error(answer.status, answer.body)
    assert told is not None
    assert (told.message, told.param) == (error.message, error.param)


def check_error(error: Fault, *statuses: int) -> None:
    found = json.loads(error_body(error))["error"]
    assert found.keys() == {"message", "type", "param", "code"}
    assert isinstance(found["message"], str)
    assert found["message"]
    assert error.status in (statuses or range(400, 600)), error.status
    assert error.retry_after is None or 0 <= error.retry_after < math.inf


# ---- what upstreams answer


def check_completions_stream(body: bytes) -> None:
    events = [frame.removeprefix("data: ") for frame in body.decode().split("\n\n")]
    assert events[-2:] == ["[DONE]", ""] or "error" in json.loads(events[-2])
    for event in events[:-2]:
        found = json.loads(event)
        if "error" not in found:
            for choice in found["choices"]:
                choice["finish_reason"] = choice["finish_reason"] or "stop"  # streams have null until then
            Completion.model_validate_json(json.dumps(found), strict=True)


STRICT: dict[str, tuple[Callable[[bytes], object], Callable[[bytes], object]]] = {
    "chat": (answer_checks.check_completion, answer_checks.check_stream),
    "responses": (lambda body: response_checks.check_response(json.loads(body)), response_checks.check_stream),
    "completions": (lambda body: Completion.model_validate_json(body, strict=True), check_completions_stream),
}
"""What OpenAI's types, and rules that types can't say, want of whole answers and of streams. All others are checked by
`mapping.trial`. It would refuse what is tried here too: an upstream that gives more choices than it was asked for."""


def samples(dialect: Dialect, *, streamed: bool) -> list[dict[str, Any]]:
    """Requests whose answers are tried: those for streams, or the others."""
    found = dialects.trials()[dialect.name].samples()
    asked = given(Notes(), model_for(dialect))
    return [body for body in found if dialect.translate(body, asked).streams is streamed]


def whole(dialect: Dialect) -> Target:
    """A whole upstream answer is a whole answer for the client, or an UpstreamError."""
    bodies = samples(dialect, streamed=False)

    def target(data: bytes) -> None:
        body, notes = bodies[len(data) % len(bodies)], Notes()
        answer = dialect.translate(body, given(notes, model_for(dialect))).whole(notes)
        try:
            answer.add(data)
            answer.close()
            out = answer.finish()
        except UpstreamError as e:
            check_error(e.error)
            return
        except Fault as e:
            check_error(e)
            return
        answer.remember()
        if dialect.name not in STRICT:
            dialects.trials()[dialect.name].check_whole(body, out)
        elif _adds_up(answer):
            STRICT[dialect.name][0](out)

    return target


def stream(dialect: Dialect) -> Target:
    """Upstream bytes in any slicing are the same client stream, or an UpstreamError before it began, or its end."""
    bodies = samples(dialect, streamed=True)

    def target(data: bytes) -> None:
        sent = data[4:]
        pieces = [sent[a:b] for a, b in itertools.pairwise(_cuts(data[:4], len(sent)))]
        body = bodies[len(data) % len(bodies)]
        translator = dialect.translate(body, given(Notes(), model_for(dialect))).stream()
        at_once = _streamed(translator, [sent])
        again = dialect.translate(body, given(Notes(), model_for(dialect))).stream()
        assert _streamed(again, pieces) == at_once, "the slicing has changed the answer"
        if not isinstance(at_once, bytes):
            return
        assert (dialect.read_error(200, at_once) is None) == (translator.fault is None)
        if dialect.name not in STRICT:
            dialects.trials()[dialect.name].check_stream(body, at_once)
        elif _adds_up(translator):
            STRICT[dialect.name][1](at_once)

    return target


def _adds_up(translator: Any) -> bool:
    """Whether the checks of answers can be used: they want totals that are sums, and Gemini's word counts for those."""
    totals = translator.totals()
    return bool(totals.total == totals.prompt + totals.completion)


def _cuts(numbers: bytes, length: int) -> list[int]:
    if numbers[:1] == b"\0":
        return list(range(length + 1))
    return [0, *sorted(min(length, number * length // 255) for number in numbers), length]


def _streamed(translator: Any, pieces: list[bytes]) -> bytes | dict[str, Any]:
    """What the client gets; the error alone if the stream had not begun. As `Exchange` does it."""
    out: list[bytes] = []
    try:
        for piece in pieces:
            out.append(translator.feed(piece))
        out.append(translator.end())
        if translator.continuation:
            out.append(translator.end())
        translator.remember()
    except UpstreamError as e:
        check_error(e.error)
        if not translator.started:
            assert not b"".join(out), "something was sent before the answer began"
            return error_object(e.error)
        out.append(translator.cut(e.error))
    return b"".join(out)


def upstream_error(data: bytes) -> None:
    """Status, headers and body of a refusal are an error that a client understands."""
    head, _, body = data.partition(b"\n")
    status = 300 + (head[0] if head else 0)
    header = head[1:].decode("latin-1")
    problem = upstream_errors.from_http(status, body, {"retry-after": header, "retry-after-ms": header})
    check_error(problem.error)
    assert problem.delay is None or 0 <= problem.delay < math.inf
    assert len(problem.reason) <= 80
    assert problem.reason.isprintable()


# ---- files


_IN_SETTINGS = re.compile(rb'((?:api_key|access_token) = \[?")SECRET')
"""Anywhere else it is none: names of settings and labels are told."""


def settings_file(data: bytes) -> None:
    """A settings file is Settings or a SettingsError, and neither shows a secret."""
    path = FOLDER / "settings.toml"
    path.write_bytes(_IN_SETTINGS.sub(rb"\1" + SECRET.encode(), data))
    try:
        found: object = settings.load(path, {})
    except settings.SettingsError as e:
        found = e
    assert SECRET not in f"{found!r} {found}"


def credentials_file(data: bytes) -> None:
    """A credentials file is a credential or a fault that says why not, without a secret."""
    path = FOLDER / "credentials.json"
    path.write_bytes(data.replace(b"SECRET", SECRET.encode()))
    credential = GoogleCredential(CredentialsFile(path, {}), ("scope",))
    fault = credential.fault or ""
    assert fault.isprintable()
    assert SECRET not in f"{fault} {credential!r}"


def token_answer(data: bytes) -> None:
    """A token server's answer is a token that can stand in a header, or a CredentialError."""
    person = {"client_id": "i", "client_secret": SECRET, "refresh_token": "r-" + SECRET, "token_uri": "http://h"}
    source = open_source({"type": "authorized_user", **person}, (), name="me")
    status = (200, 400, 401, 403)[data[0] % 4] if data else 200
    answer = Answer(status, {}, data[1:].replace(b"SECRET", SECRET.encode()))
    try:
        said = source.fetch(lambda *_, **__: answer).value
        assert said.isascii()
    except CredentialError as e:
        said = str(e)
        assert SECRET not in said
    assert said.isprintable()


def recording(data: bytes) -> None:
    """Whatever a saved flow has for a record, it is used or not; and a file that is none is none."""
    try:
        value = jsonio.loads(data)
    except ValueError:
        return
    for found in _records(value):
        flow = tflow.tflow()
        flow.metadata[KEY] = found
        again = recordings.Recordings([flow])
        record_of(flow)
        known = again.seeds_for(flow.request)
        replayed = seeds.Seeds(known)
        for _ in range(3):
            assert isinstance(replayed.now(), int)
            assert replayed.mint("resp_").startswith("resp_")
            assert isinstance(replayed.seal(lambda: "sealed"), str)


def _records(value: Any) -> Iterator[Any]:
    yield value
    yield {"side": CLIENT, "seeds": value}
    for name in ("times", "ids", "sealed"):
        yield {"side": CLIENT, "seeds": {name: value}}
        yield {"side": CLIENT, "seeds": {name: [value]}}


def flow_file(data: bytes) -> None:
    """A file of flows is read as far as it can be."""
    path = FOLDER / "saved.flow"
    path.write_bytes(data)
    recordings.load([str(path)])


# ---- what to begin with


def request_bodies(name: str) -> list[bytes]:
    """Requests of a dialect."""
    return [jsonio.dumps(body) for body in dialects.trials()[name].samples()]


SETTINGS = (Path(__file__).parent / "settings.toml").read_bytes()
CREDENTIALS = [
    b'{"type": "authorized_user", "client_id": "i", "client_secret": "SECRET", "refresh_token": "SECRET"}',
    b'{"type": "service_account", "client_email": "e", "private_key": "SECRET", "token_uri": "http://h/"}',
    b'{"type": "external_account", "audience": "a", "subject_token_type": "t", "token_url": "http://h/", '
    b'"credential_source": {"file": "/nowhere", "format": {"type": "json"}}}',
    b'{"type": "impersonated_service_account", "service_account_impersonation_url": "http://h/a:generateAccessToken", '
    b'"source_credentials": {"type": "authorized_user", "client_id": "i", "client_secret": "SECRET", '
    b'"refresh_token": "SECRET"}}',
]
TOKENS = [b'\0{"access_token": "t", "expires_in": 60}', b'\1{"error": "invalid_grant", "error_description": "SECRET"}']
RECORDS = [b'{"times": [1], "ids": ["resp_1"], "sealed": ["x"]}', b'[1, "a"]', b'{"side": "client", "seeds": {}}']


def saved_flows() -> list[bytes]:
    flow = tflow.tflow(resp=True)
    flow.metadata[KEY] = {"side": CLIENT, "seeds": {"times": [1], "ids": ["resp_1"], "sealed": []}}
    file = io.BytesIO()
    FlowWriter(file).add(flow)
    lacking = file.getvalue().replace(b"13:timestamp_end", b"13:timestamp_odd", 1)
    return [file.getvalue(), lacking]


@dataclass
class Fuzzed:
    """A parser: what it must do, and good inputs to make others of."""

    target: Target
    begin: Callable[[], list[bytes]]


def _with(first: bytes, found: list[bytes]) -> Callable[[], list[bytes]]:
    return lambda: [first + data for data in found]


def encoded_bodies() -> list[bytes]:
    return [bytes([n]) + code(body) for n, code in enumerate(CODERS.values()) for body in request_bodies("chat")]


TRIED = [dialect for name, dialect in dialects.all_dialects().items() if name in dialects.trials()]
"""The dialects that say what to ask."""

FUZZED: dict[str, Fuzzed] = {
    "client-body": Fuzzed(client_body, encoded_bodies),
    **{
        f"{dialect.name}-request": Fuzzed(requests(dialect), _with(bytes([number % 4]), request_bodies(dialect.name)))
        for number, dialect in enumerate(TRIED)
    },
    "upstream-error": Fuzzed(
        upstream_error, lambda: [bytes([n]) + b"7\n" + data for n in (100, 129, 203) for data in wire(".json", ".html")]
    ),
    "settings": Fuzzed(settings_file, lambda: [SETTINGS]),
    "credentials": Fuzzed(credentials_file, lambda: CREDENTIALS),
    "token-answer": Fuzzed(token_answer, lambda: TOKENS),
    "recording": Fuzzed(recording, lambda: RECORDS),
    "flow-file": Fuzzed(flow_file, saved_flows),
    **{
        f"{dialect.name}-whole": Fuzzed(whole(dialect), lambda: wire(".json"))
        for dialect in TRIED
        if samples(dialect, streamed=False)
    },
    **{
        f"{dialect.name}-sse": Fuzzed(stream(dialect), _with(b"\x40\x80\xa0\xc0", wire(".sse", ".json")))
        for dialect in TRIED
        if samples(dialect, streamed=True)
    },
}
