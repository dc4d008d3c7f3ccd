"""An exchange to take along: as a command or a program that asks again, as a transcript, as a line of a data set.

No copy has a credential or the label of an account: programs take the gateway's key from the environment. Masked copies
have fillers in the place of what was said (`mapping.inspect.masking`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from addons.gateway.cases.exchanges import TakenExchange, models_of
from addons.gateway.cases.export import without_accounts
from addons.gateway.cases.files import CaseError
from addons.gateway.record.secrets import STANDS_FOR_IT
from mapping import dialects, jsonio
from mapping.inspect.code import programs
from mapping.inspect.code.programs import CopiedRequest
from mapping.inspect.documents.document import Document
from mapping.inspect.documents.markdown import Markdown
from mapping.inspect.documents.page import Page
from mapping.inspect.fillers import mask_text
from mapping.inspect.masking import mask_request
from mapping.inspect.printable import json_text
from mapping.inspect.transcript import counts, elements, members, string
from mapping.native import as_messages
from mapping.values import JSON

_GEMINI = "generateContent"
"""The dialect of Gemini's side."""
_UNSAFE = re.compile(r"[^!-~]")
"""What has no place in a URL, though clients send it."""


def copied(taken: Sequence[TakenExchange], form: str, *, mask: bool = False, url: str = "") -> str:
    """The exchanges in a form of `FORMS`. Raises CaseError for those that can't be in it.

    `url`: of the gateway that programs ask, without a path; empty: the one that was asked, if that is this machine.
    """
    made = FORMS[form]
    if len(taken) != 1 and not made.several:
        raise CaseError(f"One exchange is copied as {form}; these are {len(taken)}.")
    asking = [replace(one, url=url.rstrip("/")) for one in taken] if url else taken
    return made.write([masked(one) if mask else anonymous(one) for one in asking])


def anonymous(taken: TakenExchange) -> TakenExchange:
    """The same without what an error says of accounts."""
    return replace(taken, answer=_told(taken.answer)) if taken.record.get("error") else taken


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _told(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_told(one) for one in value]
    return without_accounts(value) if isinstance(value, str) else value


def masked(taken: TakenExchange) -> TakenExchange:
    """The same with fillers for what was said."""
    structure = dialects.bodies(taken.endpoint, taken.request).structure
    inner = dialects.bodies(_GEMINI, {}).structure
    return replace(
        taken,
        record={name: value for name, value in taken.record.items() if name != "message"},
        request=None if taken.request is None else mask_request(taken.request, structure),
        body=b"",
        sent=b"",
        answer=mask_request(taken.answer, structure),
        text=mask_text(taken.text),
        calls=[
            replace(call, request=mask_request(call.request, inner), answer=mask_request(call.answer, inner))
            for call in taken.calls
        ],
    )


# --- programs


def asked(taken: TakenExchange) -> CopiedRequest:
    """The request of an exchange, ready to be made again. Raises CaseError where nobody can read it."""
    if taken.request is None and taken.body:
        raise CaseError(f"{taken.id} can't be copied: its body is no request.")
    path, _, query = taken.path.partition("?")
    kept = [part for part in query.split("&") if part and STANDS_FOR_IT.decode() not in part]
    return CopiedRequest(
        sdk=dialects.sdk(taken.endpoint),
        method=taken.method,
        url=taken.url,
        path=_UNSAFE.sub(_encoded, "?".join([path, *(["&".join(kept)] if kept else [])])),
        request=taken.request,
        fields=taken.fields,
    )


def _encoded(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogateescape"))


# --- transcripts


def _document(make: Callable[[str], Document]) -> Callable[[Sequence[TakenExchange]], str]:
    def write(taken: Sequence[TakenExchange]) -> str:
        several = len(taken) != 1
        out = make(f"{len(taken)} exchanges" if several else _title(taken[0]))
        for one in taken:
            if several:
                out.part(_title(one))
            _add(out, one)
        return out.render()

    return write


def _title(taken: TakenExchange) -> str:
    return f"{taken.method} {taken.path.partition('?')[0]} {taken.id}".rstrip()


def _add(out: Document, taken: TakenExchange) -> None:
    for name, value in _about(taken).items():
        out.fact(name, value)
    for title, value, text in (("Request", taken.request, ""), ("Answer", taken.answer, taken.text)):
        out.part(title)
        if isinstance(value, dict):
            dialects.bodies(taken.endpoint, value).show(out, value)
        else:
            out.line(text or string(value) or "There is none.")


def _about(taken: TakenExchange) -> JSON:
    """The facts of an exchange, for a person."""
    record = taken.record
    total = record.get("total")
    return {
        "time": _when(record.get("time")),
        "model": models_of(record) or None,
        "status": record.get("status"),
        "error": record.get("error"),
        "took": f"{total:.2f} s" if isinstance(total, int | float) else None,
        "tokens": counts(record.get("tokens")),
        "notes": ", ".join(": ".join(filter(None, map(string, note))) for note in elements(record.get("notes")))
        or None,
    }


def _when(at: Any) -> str | None:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") if isinstance(at, int | float) else None


# --- data sets


def _lines(taken: Sequence[TakenExchange]) -> str:
    return "".join(f"{json_text(jsonio.dumps(_row(one)).decode())}\n" for one in taken)


def _row(taken: TakenExchange) -> JSON:
    """A line: `input` and `output` as messages whatever the dialect, `request` and `answer` as they were."""
    record = taken.record
    last = taken.last_call
    output = as_messages.answered(last.answer) if last else []
    return {
        "id": taken.id or None,
        "time": _when(record.get("time")),
        "dialect": taken.endpoint,
        "path": taken.path.partition("?")[0],
        "client_model": record.get("client_model"),
        "model": record.get("model"),
        "status": record.get("status"),
        "error": record.get("error"),
        "finish": list(record.get("finish") or ()),
        "streamed": record.get("streamed"),
        "first": record.get("first"),
        "total": record.get("total"),
        "tokens": record.get("tokens"),
        "notes": [list(note) for note in elements(record.get("notes"))],
        "attempts": [string(members(one).get("outcome")) for one in elements(record.get("attempts"))],
        "input": as_messages.asked(last.request) if last else None,
        "output": output[0] if output else None,
        "request": taken.request,
        "answer": taken.answer if taken.answer is not None else taken.text or None,
    }


# --- the forms


@dataclass(frozen=True, slots=True)
class CopyForm:
    """A form that exchanges can be taken in."""

    write: Callable[[Sequence[TakenExchange]], str]
    several: bool = False


FORMS = {
    "curl": CopyForm(lambda taken: programs.curl(asked(taken[0]))),
    "python": CopyForm(lambda taken: programs.python(asked(taken[0]))),
    "javascript": CopyForm(lambda taken: programs.javascript(asked(taken[0]))),
    "markdown": CopyForm(_document(Markdown), several=True),
    "html": CopyForm(_document(Page), several=True),
    "jsonl": CopyForm(_lines, several=True),
}
