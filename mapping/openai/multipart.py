"""Requests that bring files: `multipart/form-data` (RFC 7578) -> the JSON value that the same request would be.

Rules that this module keeps:

* A file becomes `{"filename", "content_type", "data"}`, the data as base64. Neither name nor type is to be believed:
  clients say `upload` and `application/octet-stream` for anything.
* All else is text in a form. Which members are numbers, booleans or lists, the dialect says (`Form`); what can't be
  read as one stays text, so that the checks of JSON requests tell what is wrong with it.
* Names as the SDKs spell them: `x[]`, or `x` more than once, is a list; `x[0]`, `x[1]` too; `x[key]` is an object.
* A file is copied once, out of the body, and encoded.

The same request may come as JSON, files as above: that is how it is kept in a case, and edited.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import multipart

from mapping.dialect import Received
from mapping.faults import Fault, bad_value
from mapping.values import JSON

MAX_PARTS = 1000
"""The most parts of one request; real ones have a dozen."""

_NAME = re.compile(r"([^\[\]]+)(?:\[([^\[\]]*)\])?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,100}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,100}\.?[0-9]{0,100}|\.[0-9]{1,100})(?:[eE][+-]?[0-9]{1,9})?")
_BOOLEANS = {"true": True, "false": False, "True": True, "False": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class Form:
    """What the members of a dialect's forms are. Those that are not named are text.

    A member of an object is named with a dot: `chunking_strategy.threshold`.
    """

    files: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    booleans: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    """These are lists even if they come once and without brackets."""


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    filename: str | None
    content_type: str
    data: bytes


def read(received: Received, form: Form) -> JSON:
    """The members of a request, a form or JSON. Raises Fault (400)."""
    kind, options = multipart.parse_options_header(received.content_type)
    if kind == "application/x-www-form-urlencoded":
        raise Fault(400, "The request is a form without files. Send it as multipart/form-data (curl: -F, not -d).")
    if kind != "multipart/form-data":
        return received.json()
    if not options.get("boundary"):
        raise Fault(
            400,
            "The Content-Type 'multipart/form-data' names no boundary. Leave the header to your HTTP library: it "
            "knows the boundary that it uses.",
        )
    value: JSON = {}
    for part in _parts(received.body, options["boundary"]):
        _put(value, part, form)
    return value


def _parts(body: bytes, boundary: str) -> Iterator[_Part]:
    """The parts of a body. Raises Fault where it is no form, or not a whole one."""
    segment: multipart.MultipartSegment | None = None
    pieces: list[bytes] = []
    count = 0
    try:
        with multipart.PushMultipartParser(boundary, max_segment_count=MAX_PARTS) as parser:
            for event in parser.parse(body) if body else ():
                if isinstance(event, multipart.MultipartSegment):
                    segment, pieces = event, []
                    count += 1
                elif event is not None:
                    pieces.append(event)
                elif segment is not None:
                    data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
                    yield _Part(segment.name, segment.filename, segment.header("Content-Type") or "", data)
    except multipart.ParserLimitReached:
        raise Fault(400, f"The form has too many parts (at most {MAX_PARTS}), or a part's head is too long.") from None
    except multipart.MultipartError as e:
        why = e.args[0] if "decode" not in e.args[0] else "the head of a part, as with the name of a file, is not UTF-8"
        raise Fault(400, f"The request body is not valid multipart/form-data: {why}") from None


def _put(value: JSON, part: _Part, form: Form) -> None:
    """A part, where it belongs."""
    match = _NAME.fullmatch(part.name)
    base, key = (match[1], match[2]) if match else (part.name, None)
    if base in form.files and part.filename is None:
        raise bad_value(
            base,
            f"Invalid value for '{base}': a file is expected, but a text came. In Node a Buffer has to go through "
            "toFile(buffer, 'name'); with curl write -F "
            f"{base}=@name.",
        )
    if key and not key.isdecimal():
        members = value.setdefault(base, {})
        if not isinstance(members, dict):
            raise bad_value(base, f"Invalid value for '{base}': it comes both as a value and as an object.")
        members[key] = _content(part, f"{base}.{key}", form)
        return
    content = _content(part, base, form)
    is_list = key is not None or base in form.lists
    if base not in value:
        value[base] = [content] if is_list else content
    elif isinstance(value[base], list):
        value[base].append(content)
    else:
        value[base] = [value[base], content]


def _content(part: _Part, path: str, form: Form) -> Any:
    """What a part holds: a file, or a text as what it stands for. Raises Fault."""
    if part.filename is not None:
        data = b64encode(part.data).decode("ascii")
        return {"filename": part.filename, "content_type": part.content_type, "data": data}
    try:
        text = part.data.decode()
    except UnicodeDecodeError:
        raise bad_value(path, f"Invalid value for '{path}': the text is not UTF-8.") from None
    convert = _converter(path, form)
    return text if convert is None else convert(text)


def _converter(path: str, form: Form) -> Callable[[str], Any] | None:
    if path in form.numbers:
        return _number
    return (lambda text: _BOOLEANS.get(text, text)) if path in form.booleans else None


def _number(text: str) -> Any:
    """As JSON would have it: what else Python takes for a number (`nan`, `1_000`, other digits) is none."""
    written = text.strip()
    if _WHOLE.fullmatch(written):
        return int(written)
    return float(written) if _DECIMAL.fullmatch(written) else text
