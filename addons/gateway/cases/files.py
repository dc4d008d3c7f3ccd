"""A case: one exchange as a folder of files, with all that is needed to translate it again, offline.

* `client-request.json`, `gemini-request.json`, `gemini-answer.json` or `.sse`, `client-answer.json` or `.sse`, and
  `case.json`. Where several calls were made, failed ones too, their files are numbered in the order of the calls.
* Answers are the bytes as they came and as the client got them. Requests are indented for reading; their JSON counts.
* No credential, no label of an account, no project, and no header fields but what the translation reads of them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mapping import dialects, jsonio
from mapping.faults import Fault, FaultKind

VERSION = 1
"""Of the format of the folder."""

PROJECT = "project-1"
"""In the place of an account's Google Cloud project."""

CASE, REQUEST, ANSWER = "case.json", "client-request.json", "client-answer"
GEMINI_REQUEST, GEMINI_ANSWER = "gemini-request", "gemini-answer"


class CaseError(Exception):
    """An exchange can't be made into a case, or a folder is none. The message says why."""


@dataclass(frozen=True, slots=True)
class UpstreamCall:
    """One call to Gemini as it was recorded, its answer byte by byte."""

    request: Any
    """The JSON that was sent."""
    answer: bytes
    """As it came; empty if nothing came."""
    status: int | None
    """HTTP status; None: no answer came."""
    type: str = ""
    """Content type of the answer."""
    upstream: str = "gemini"
    location: str | None = None
    """Of Vertex AI."""
    has_project: bool = False
    retry_after: str | None = None
    """The header of this name."""
    outcome: str = ""
    """Why it failed, where the connection did and not the answer."""
    part: int = 0
    """0: a call of the exchange itself; from 1 on: the further calls that made up the answer (`n`), in order."""


@dataclass(frozen=True, slots=True)
class Case:
    """An exchange that was recorded: what the client sent and got, and the calls to Gemini."""

    endpoint: str
    method: str
    path: str
    model: str
    client_model: str
    status: int
    streamed: bool
    notes: list[list[str]]
    given: dict[str, Any]
    seeds: dict[str, Any]
    """`given` and `seeds` are those of the record."""
    request: Any
    """The client's, parsed."""
    answer: bytes
    """The client's."""
    calls: list[UpstreamCall] = field(default_factory=list)
    ended: dict[str, Any] | None = None
    """The error that ended the exchange, where the state of accounts or connections made it and not the translation."""
    masked: bool = False

    @property
    def steady(self) -> bytes:
        """The client's answer without what a silent upstream has added to it."""
        return dialects.spoken(self.endpoint).without_keep_alives(self.answer) if self.streamed else self.answer

    @property
    def record(self) -> dict[str, Any]:
        """What a translation reads of the record."""
        return {name: getattr(self, name) for name in ("endpoint", "model", "client_model", "given", "seeds")}


# --- faults


def plain_fault(fault: Fault, status: int) -> dict[str, Any]:
    """A fault as `Case.ended` has it. The names of its members, and of the kinds, are those of OpenAI's errors.

    Some dialects tell more in an answer's body: when to come back, and a status, which in a stream is another one than
    that of the answer, `status`.
    """
    told: dict[str, Any] = {
        "message": fault.message,
        "type": fault.kind.value,
        "param": fault.param,
        "code": fault.code,
    }
    if fault.retry_after is not None:
        told["retry_after"] = fault.retry_after
    if fault.per_day:
        told["per_day"] = True
    return told if fault.status == status else {**told, "status": fault.status}


def ended_by(case: Case) -> Fault | None:
    """The fault that `plain_fault` has put into a case; None: the exchange was not ended by one."""
    if (told := case.ended) is None:
        return None
    kind = next((kind for kind in FaultKind if kind.value == told.get("type")), FaultKind.REQUEST)
    return Fault(
        told.get("status", case.status),
        str(told.get("message")),
        kind=kind,
        code=told.get("code"),
        param=told.get("param"),
        retry_after=told.get("retry_after"),
        per_day=told.get("per_day") is True,
    )


# --- files

_PLAIN = ("endpoint", "method", "path", "model", "client_model", "status", "streamed", "notes", "ended", "masked")
_EXTENSIONS = {"text/event-stream": ".sse", "application/json": ".json"}


def write(case: Case, folder: Path) -> None:
    """Write the folder; a case that is in it is replaced. Raises CaseError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        present = list(folder.iterdir())
        if present and not (folder / CASE).is_file():
            raise CaseError(f"{folder} is not empty, and no case.")
        for path in present:
            if path.suffix in (".json", ".sse", ".txt"):
                path.unlink()
        for name, content in _files(case).items():
            (folder / name).write_bytes(content)
    except OSError as e:
        raise CaseError(f"{folder}: {e.strerror or e}") from None


def _files(case: Case) -> dict[str, bytes]:
    about = {"version": VERSION, **{name: getattr(case, name) for name in _PLAIN}}
    if case.ended is None:
        del about["ended"]
    files = {REQUEST: _pretty(case.request), ANSWER + (".sse" if case.streamed else ".json"): case.answer}
    calls = []
    for number, call in enumerate(case.calls, 1):
        suffix = f"-{number}" if len(case.calls) > 1 else ""
        told = asdict(call)
        told["request"] = f"{GEMINI_REQUEST}{suffix}.json"
        files[told["request"]] = _pretty(call.request)
        if call.status is None:
            del told["answer"]
        else:
            told["answer"] = f"{GEMINI_ANSWER}{suffix}{_EXTENSIONS.get(call.type.partition(';')[0].strip(), '.txt')}"
            files[told["answer"]] = call.answer
        calls.append({name: value for name, value in told.items() if value not in (None, "", False)})
    about |= {"calls": calls, "given": case.given, "seeds": case.seeds}
    return {CASE: _pretty(about), **files}


def read(folder: Path) -> Case:
    """The case in a folder. Raises CaseError."""
    try:
        about = json.loads((folder / CASE).read_bytes())
        if about.get("version") != VERSION:
            raise CaseError(f"{folder}: this format of a case is not known here: {about.get('version')!r}.")
        calls = [
            UpstreamCall(
                **{
                    "status": None,
                    **call,
                    "request": jsonio.loads(_beside(folder, call["request"])),
                    "answer": _beside(folder, call["answer"]) if "answer" in call else b"",
                }
            )
            for call in about["calls"]
        ]
        return Case(
            **{name: about.get(name) for name in _PLAIN},
            given=about["given"],
            seeds=about["seeds"],
            request=jsonio.loads((folder / REQUEST).read_bytes()),
            answer=(folder / (ANSWER + (".sse" if about["streamed"] else ".json"))).read_bytes(),
            calls=calls,
        )
    except OSError as e:
        raise CaseError(f"{e.filename}: {e.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise CaseError(f"{folder} is no case: {type(e).__name__} {e}") from None


def _beside(folder: Path, name: str) -> bytes:
    """A file of the folder: cases come from other people, and must not name files elsewhere."""
    if Path(name).name != name:
        raise ValueError(f"{name!r} is no file of the case")
    return (folder / name).read_bytes()


def found_in(folder: Path) -> list[Path]:
    """The folders of cases: the folder itself, or those within it, by name. Raises CaseError when there are none."""
    if (folder / CASE).is_file():
        return [folder]
    found = sorted(path.parent for path in folder.glob(f"*/{CASE}"))
    if not found:
        raise CaseError(f"{folder}: there is no case here (a folder with a {CASE}).")
    return found


def _pretty(value: Any) -> bytes:
    """Indented JSON, which differs line by line."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return text.encode("utf-8", "replace") + b"\n"
