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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import brotli
from mitmproxy import http
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow
from openai.types import Completion

from addons.gateway.accounts.credentials.credential_files import CredentialError, CredentialsFile
from addons.gateway.accounts.credentials.credentials import GoogleCredential
from addons.gateway.accounts.credentials.google_tokens import open_source
from addons.gateway.accounts.credentials.plain_http import Answer
from addons.gateway.exchange import seeds
from addons.gateway.record import recordings
from addons.gateway.record.flow_record import CLIENT, KEY, record_of
from addons.gateway.settings import settings
from addons.gateway.wire import bodies
from mapping import chat, completions, jsonio, responses
from mapping.faults import Fault
from mapping.gemini import upstream_forms
from mapping.gemini.errors import upstream_errors
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.openai.errors import error_body, error_object
from mapping.request.plan import Translated
from mapping.values import Options, nothing_remembered
from tests.e2e import answer_checks, response_checks

WIRE = Path(__file__).parents[1] / "data" / "wire"
TEMPORARY = tempfile.TemporaryDirectory(prefix="fuzz-")
FOLDER = Path(TEMPORARY.name)
"""For the parsers that read files."""
SECRET = "sk-a-secret-that-nobody-may-read"
MODELS = ("gemini-2.5-flash", "gemini-3.8-flash", "gemini-3.1-pro-preview", "gemini-4-hydrogen")

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
        jsonio.dumps(bodies.json_body(request))
    except Fault as e:
        check_error(e, 400, 413)


def requests(dialect: Any, **more: Any) -> Target:
    """A request of a dialect is a Gemini call with a form for every kind of upstream, or an error of the client's."""

    def target(data: bytes) -> None:
        try:
            body = jsonio.loads(data[1:])
        except ValueError:
            return
        if not isinstance(body, dict):
            return
        before = jsonio.dumps(body)
        number = data[0]
        model, options = MODELS[number % 4], Options(strict=bool(number & 4), signature_in_call_id=bool(number & 8))
        notes = Notes()
        given = {"model": model, "client_model": "m", "options": options, "recall": nothing_remembered, "notes": notes}
        try:
            call: Translated = dialect.translate(body, **given, **more)
        except Fault as e:
            check_error(e, 400, 404, 413)
        else:
            for sent in (call.body, *call.further):
                for form in (upstream_forms.vertex, upstream_forms.code_assist):
                    jsonio.dumps(form(sent, notes))
                    json.loads(jsonio.dumps(sent))
        assert notes.header().isascii()
        assert jsonio.dumps(body) == before, "the input was changed"

    return target


def check_error(error: Fault, *statuses: int) -> None:
    found = json.loads(error_body(error))["error"]
    assert found.keys() == {"message", "type", "param", "code"}
    assert isinstance(found["message"], str)
    assert found["message"]
    assert error.status in (statuses or range(400, 600)), error.status
    assert error.retry_after is None or 0 <= error.retry_after < math.inf


# ---- what upstreams answer


@dataclass
class Dialect:
    """The two translators of answers, and what their output has to be."""

    whole: Callable[..., Any]
    stream: Callable[..., Any]
    plan: Callable[[], Any]
    check_whole: Callable[[bytes], object]
    check_stream: Callable[[bytes], object]
    more: dict[str, Any] = field(default_factory=dict)

    def given(self) -> dict[str, Any]:
        count = itertools.count(1)
        made = {"plan": self.plan(), "created": 1_700_000_000, "mint": lambda prefix: f"{prefix}{next(count)}"}
        return {**made, "notes": Notes(), **self.more}


def check_completions_stream(body: bytes) -> None:
    events = [frame.removeprefix("data: ") for frame in body.decode().split("\n\n")]
    assert events[-2:] == ["[DONE]", ""] or "error" in json.loads(events[-2])
    for event in events[:-2]:
        found = json.loads(event)
        if "error" not in found:
            for choice in found["choices"]:
                choice["finish_reason"] = choice["finish_reason"] or "stop"  # streams have null until then
            Completion.model_validate_json(json.dumps(found), strict=True)


def plan_of(dialect: Any, body: dict[str, Any], **more: Any) -> Any:
    given = {"model": MODELS[1], "client_model": "m", "options": Options(), "recall": nothing_remembered}
    return dialect.translate(body, notes=Notes(), **given, **more).plan


DIALECTS = {
    "chat": Dialect(
        chat.ChatAnswer,
        chat.ChatStream,
        lambda: plan_of(
            chat, json.loads(chat_bodies()[0]) | {"stream": True, "stream_options": {"include_usage": True}}
        ),
        answer_checks.check_completion,
        answer_checks.check_stream,
    ),
    "responses": Dialect(
        responses.ResponsesAnswer,
        responses.ResponsesStream,
        lambda: plan_of(responses, json.loads(responses_bodies()[1]), unseal=lambda _: None),
        lambda body: response_checks.check_response(json.loads(body)),
        response_checks.check_stream,
        {"seal": lambda payload: jsonio.dumps(payload).hex(), "response_id": "resp_1"},
    ),
    "completions": Dialect(
        completions.CompletionsAnswer,
        completions.CompletionsStream,
        lambda: plan_of(completions, json.loads(completions_bodies()[1])),
        lambda body: Completion.model_validate_json(body, strict=True),
        check_completions_stream,
    ),
}


def whole(dialect: Dialect) -> Target:
    """A whole upstream answer is a whole answer for the client, or an UpstreamError."""

    def target(data: bytes) -> None:
        answer = dialect.whole(**dialect.given())
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
        if _adds_up(answer):
            dialect.check_whole(out)

    return target


def stream(dialect: Dialect) -> Target:
    """Upstream bytes in any slicing are the same client stream, or an UpstreamError before it began, or its end."""

    def target(data: bytes) -> None:
        body = data[4:]
        pieces = [body[a:b] for a, b in itertools.pairwise(_cuts(data[:4], len(body)))]
        translator = dialect.stream(**dialect.given())
        at_once = _streamed(translator, [body])
        assert _streamed(dialect.stream(**dialect.given()), pieces) == at_once, "the slicing has changed the answer"
        if isinstance(at_once, bytes) and _adds_up(translator):
            dialect.check_stream(at_once)

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


def chat_bodies() -> list[bytes]:
    schema = {"type": "object", "properties": {"a": {"type": ["string", "null"], "enum": ["x", None]}}, "$defs": {}}
    tool = {"type": "function", "function": {"name": "run", "parameters": schema, "strict": True}}
    call = {"id": "c1", "type": "function", "function": {"name": "run", "arguments": '{"a":"x"}'}}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}}
    audio = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
    document = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}}
    messages: list[Any] = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, image, audio, document]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "18 C"},
    ]
    json_schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    more: dict[str, Any] = {
        "tools": [tool],
        "tool_choice": "required",
        "n": 2,
        "stop": ["."],
        "seed": 7,
        "logprobs": True,
    }
    numbers: dict[str, Any] = {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 100,
        "presence_penalty": 1,
        "logit_bias": {"1": 2},
    }
    extra = {"extra_body": {"google": {"thinking_config": {"thinking_budget": 5}}}, "reasoning_effort": "low"}
    found = [{"messages": messages[:2]}, {"messages": messages, **more}, {"messages": messages[:1], **numbers, **extra}]
    return [jsonio.dumps({"model": "m", **body, "response_format": json_schema}) for body in found]


def responses_bodies() -> list[bytes]:
    items = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "abc"},
        {"type": "function_call", "call_id": "c1", "name": "run", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "ok"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "x"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "done"},
    ]
    tools = [{"type": "function", "name": "run", "parameters": {"type": "object"}}, {"type": "custom", "name": "patch"}]
    text = {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}}
    return [
        jsonio.dumps({"model": "m", "input": "Hi", "instructions": "Be brief.", "text": text}),
        jsonio.dumps({"model": "m", "input": items, "tools": tools, "reasoning": {"effort": "low"}, "stream": True}),
    ]


def completions_bodies() -> list[bytes]:
    return [
        jsonio.dumps({"model": "m", "prompt": ["a", "b"], "n": 2, "echo": True, "logprobs": 2, "suffix": "z"}),
        jsonio.dumps({"model": "m", "prompt": "Say", "max_tokens": 3, "stop": "x", "stream": True}),
    ]


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
    return [bytes([n]) + code(body) for n, code in enumerate(CODERS.values()) for body in chat_bodies()]


FUZZED: dict[str, Fuzzed] = {
    "client-body": Fuzzed(client_body, encoded_bodies),
    "chat-request": Fuzzed(requests(chat), _with(b"\0", chat_bodies())),
    "responses-request": Fuzzed(requests(responses, unseal=lambda _: None), _with(b"\1", responses_bodies())),
    "completions-request": Fuzzed(requests(completions), _with(b"\2", completions_bodies())),
    "upstream-error": Fuzzed(
        upstream_error, lambda: [bytes([n]) + b"7\n" + data for n in (100, 129, 203) for data in wire(".json", ".html")]
    ),
    "settings": Fuzzed(settings_file, lambda: [SETTINGS]),
    "credentials": Fuzzed(credentials_file, lambda: CREDENTIALS),
    "token-answer": Fuzzed(token_answer, lambda: TOKENS),
    "recording": Fuzzed(recording, lambda: RECORDS),
    "flow-file": Fuzzed(flow_file, saved_flows),
    **{f"{name}-whole": Fuzzed(whole(dialect), lambda: wire(".json")) for name, dialect in DIALECTS.items()},
    **{
        f"{name}-sse": Fuzzed(stream(dialect), _with(b"\x40\x80\xa0\xc0", wire(".sse", ".json")))
        for name, dialect in DIALECTS.items()
    },
}
