"""The translation by hand, with no gateway and no network: `python -m mapping request` and `python -m mapping answer`.

Rules of this module:

* It is the one module of the package that reads and writes: standard input, the file of `--request`, standard output
  and standard error. All it shows is made by the modules that the gateway uses.
* Standard output has the JSON or the events, errors included (exit status 1). Standard error says more about them:
  where the request goes, the HTTP status of an error, the notes. A stream that breaks off later is no error of this
  kind: it ends with the error event that the client gets.
* The same input gives the same output, so that outputs can be compared: answers are of Unix time 0, ids are counted.
* What a gateway decides or keeps is not here. A model's name is taken as it is, without prefixes like `models/`;
  nothing of earlier turns and responses is remembered; settings have their defaults; nothing is retried.
  `encrypted_content` is the plain JSON that the gateway would encrypt, and is read as such.
"""

from __future__ import annotations

import argparse
import itertools
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from mapping import dialects, faults, jsonio
from mapping.dialect import Answering, Dialect, Given, Mint
from mapping.faults import Fault
from mapping.gemini import sse
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.inspect.printable import one_line
from mapping.notes import CODES, Notes
from mapping.values import JSON, GeminiCall

_SSE_LINES = (b"data:", b"event:", b"id:", b"retry:", b":")
"""What a stream of server-sent events begins with."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (None: that of the process); gives the exit status."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        named = arguments.request.read_bytes() if arguments.command == "answer" else None
    except OSError as e:
        parser.error(f"{arguments.request}: {e.strerror}")
    given = sys.stdin.buffer.read()
    request = given if named is None else named
    notes, remarks, status = Notes(), [], 0
    dialect = dialects.named(arguments.dialect) if arguments.dialect else None
    try:
        body = _body(request)
        dialect = dialect or dialects.most_like(body)
        answering = dialect.translate(body, _given(body, arguments.model, notes))
        if arguments.command == "answer":
            out = _answer(given, answering, arguments.form, notes, pretty=arguments.pretty)
        else:
            out = b"".join(_json(call.body, pretty=arguments.pretty) for call in _different(answering.calls))
            remarks = _remarks(dialect, body, answering.calls)
    except (Fault, UpstreamError, RecursionError) as e:
        answer = (dialect or dialects.most_like({})).error(_fault(e))
        out, status = _pretty(answer.body) if arguments.pretty else answer.body + b"\n", 1
        remarks = [f"HTTP status {answer.status}"]
    sys.stdout.buffer.write(out)
    sys.stdout.buffer.flush()
    remarks += [f"{code}={detail}: {CODES[code]}" if detail else f"{code}: {CODES[code]}" for code, detail in notes]
    for remark in remarks:
        print(one_line(remark), file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mapping", description="Translate by hand, without the gateway.")
    commands = parser.add_subparsers(dest="command", required=True)
    request = commands.add_parser("request", help="a client's request on standard input: show the Gemini request")
    answer = commands.add_parser("answer", help="Gemini's answer on standard input: show what the client gets")
    answer.add_argument("--request", type=Path, required=True, metavar="FILE", help="the client's request, as JSON")
    form = answer.add_mutually_exclusive_group()
    for name, shown in (("stream", "events"), ("whole", "one object")):
        text = f"answer with {shown} (default: as Gemini's answer came)"
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, help=text)
    for command in (request, answer):
        command.add_argument(
            "--dialect", choices=dialects.names(), help="the API of the request (default: by its shape)"
        )
        command.add_argument(
            "--model", metavar="NAME", help="the Gemini model (default: the request's model, which is not mapped here)"
        )
        command.add_argument("--pretty", action="store_true", help="indent the JSON; events stay as they are")
    return parser


def _body(data: bytes) -> JSON:
    """The request on standard input. Raises Fault."""
    try:
        body = jsonio.loads(data)
    except ValueError as e:
        raise Fault(400, f"The request body is not valid JSON: {e}") from None
    if not isinstance(body, dict):
        raise Fault(400, "The request body must be a JSON object.")
    return body


def _given(body: JSON, model: str | None, notes: Notes) -> Given:
    """What the gateway would give, without a gateway: see the module. Raises Fault."""
    name = body.get("model")
    if name is None:
        raise faults.missing("model")
    if not isinstance(name, str):
        raise faults.wrong_type("model", "a string", name)
    return Given(
        model=model or name,
        client_model=name,
        mint=_counting(),
        now=lambda: 0,
        seal=_seal,
        notes=notes,
        unseal=_unseal,
    )


def _different(calls: Sequence[GeminiCall]) -> list[GeminiCall]:
    """The calls that make up an answer; one that is sent several times once."""
    found: list[GeminiCall] = []
    for call in calls:
        if all(call.body is not known.body for known in found):
            found.append(call)
    return found


def _remarks(dialect: Dialect, body: JSON, calls: Sequence[GeminiCall]) -> list[str]:
    """Where the bodies go at the public Gemini API, how often, and what they lack."""
    first = calls[0]
    copies = sum(call.body is first.body for call in calls)
    times = f" ({copies} times)" if copies > 1 else ""
    remarks = [f"POST /v1beta/models/{first.model}:{first.method}{first.query}{times}"]
    lookups = dialect.lookups(body)
    if lookups is not None and lookups.previous is not None:
        remarks.append("previous_response_id: a gateway keeps the earlier turns, so they are missing here.")
    return remarks


def _answer(data: bytes, answering: Answering, form: str | None, notes: Notes, *, pretty: bool) -> bytes:
    """What the client gets for one upstream answer. Raises UpstreamError."""
    events = data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_SSE_LINES)
    if form == "stream" or (form is None and events):
        stream = answering.stream()
        # The second end is for an answer that would go on: there is no more of it here.
        return stream.feed(data) + stream.end() + stream.end()
    whole = answering.whole(notes)
    whole.add(_as_array(data) if events else data)
    out = whole.finish()
    return _pretty(out) if pretty else out + b"\n"


def _as_array(data: bytes) -> bytes:
    """The events of a stream as the JSON array that Gemini sends without `alt=sse`."""
    parser = sse.EventParser()
    payloads = parser.feed(data) + parser.end()
    return b"[" + b",".join(payload for payload in payloads if payload.strip() != b"[DONE]") + b"]"


def _fault(e: Fault | UpstreamError | RecursionError) -> Fault:
    if isinstance(e, Fault):
        return e
    if isinstance(e, UpstreamError):
        return e.error
    return Fault(400, "The request is nested too deeply.", code="invalid_value")


def _json(value: JSON | None, *, pretty: bool) -> bytes:
    """A line of JSON, or an indented text."""
    compact = jsonio.dumps(value)
    return _pretty(compact) if pretty else compact + b"\n"


def _pretty(compact: bytes) -> bytes:
    """Indented. What jsonio writes is free of what the standard encoder would choke on."""
    return json.dumps(jsonio.loads(compact), ensure_ascii=False, indent=2).encode() + b"\n"


def _counting() -> Mint:
    """Makes ids that are the same in every run: the prefix and a number."""
    numbers = itertools.count(1)
    return lambda prefix, size=12: f"{prefix}{next(numbers)}"


def _seal(payload: JSON) -> str:
    return jsonio.dumps(payload).decode()


def _unseal(text: str) -> JSON | None:
    try:
        payload = jsonio.loads(text)
    except ValueError:
        return None
    return payload if isinstance(payload, dict) else None


if __name__ == "__main__":
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends it quietly
    sys.exit(main())
