"""What scripts/cases.py does with single exchanges: two side by side, and copies of them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from mitmproxy import flow, http, io

from addons.gateway.cases import compare, copies, exchanges
from addons.gateway.cases import export as cases
from addons.gateway.cases import files as case_files
from addons.gateway.cases.exchanges import TakenCall, TakenExchange
from addons.gateway.cases.files import CaseError
from addons.gateway.cassettes import saved
from addons.gateway.cassettes.files import CassetteError, CassetteRecording
from addons.gateway.costs import report
from addons.gateway.log.terminal import say, takes_all
from addons.gateway.pages import one_file
from addons.gateway.prompts.of_exchange import NOTHING, tokens_of
from addons.gateway.timing import drawing, phases
from mapping.inspect.compare.report import Comparison
from mapping.inspect.printable import json_text
from mapping.values import JSON

MARK = "#"
"""Between a saved file and a request id."""
_ATTEMPT = "/"
"""Between a request id and the number of an attempt."""


def diff(before: str, after: str, *, as_json: bool) -> int:
    """Print two exchanges, or two attempts, side by side. 1: they differ. Raises CaseError."""
    file = before.rpartition(MARK)[0]
    first, second = _taken(before, ""), _taken(after, file)
    found = _compared(first, second)
    if as_json:
        say_json(found.plain())
    else:
        say("\n".join(found.lines()))
    return 1 if found.differs else 0


def tell(what: str, names: Sequence[str], *, as_json: bool) -> int:
    """Print what there is to say of each exchange: `what` is one of `TOLD`. Raises CaseError."""
    say_each([TOLD[what](taken) for name in names for taken in taken_of(name)], as_json=as_json)
    return 0


def costs(names: Sequence[str], *, as_json: bool) -> int:
    """Print what exchanges have cost together. Raises CaseError."""
    made = report.report(taken for name in names for taken in taken_of(name))
    say_each([(made.plain(), made.lines())], as_json=as_json)
    return 0


def _timeline(taken: TakenExchange) -> tuple[JSON, list[str]]:
    made = phases.timeline(taken)
    return made.plain(), drawing.lines(made)


def _tokens(taken: TakenExchange) -> tuple[JSON, list[str]]:
    made = tokens_of(taken)
    return ({"id": taken.id, "error": NOTHING}, [NOTHING]) if made is None else (made.plain(), made.lines())


TOLD = {"timeline": _timeline, "tokens": _tokens}
"""What can be told of an exchange, as JSON and as lines."""


def copied(form: str, names: Sequence[str], *, mask: bool, url: str) -> str:
    """Exchanges in a form, see `copies.copied`. Raises CaseError."""
    return copies.copied([taken for name in names for taken in taken_of(name)], form, mask=mask, url=url)


def cassette(file: str, folder: Path, ignored: Sequence[str], *, mask: bool) -> int:
    """Make a cassette of a saved file. 1: nothing of it could be taken. Raises CaseError."""
    made = 0
    try:
        for recording in saved.record_flows(read(file), folder, ignored=ignored, mask=mask):
            if isinstance(recording, CassetteRecording):
                made += 1
                say(folder / recording.name)
            else:
                say(recording, sys.stderr)
    except (CassetteError, ValueError) as e:
        raise CaseError(str(e)) from None
    say(f"{folder}: {made} recording{'s' * (made != 1)}")
    return 0 if made else 1


def page(name: str, *, mask: bool) -> str:
    """The page of an exchange, as a file. Raises CaseError."""
    found = taken_of(name)
    if len(found) != 1:
        raise CaseError(f"A page is of one exchange; {name} has {len(found)}.")
    return one_file.html(found[0], mask=mask).decode()


def say_each(told: Iterable[tuple[JSON, list[str]]], *, as_json: bool) -> None:
    """Print what is told, each as JSON in a line, or as lines with an empty one between."""
    for number, (plain, lines) in enumerate(told):
        if as_json:
            say_json(plain)
        else:
            say("\n".join(lines if not number else ["", *lines]))


def say_json(value: JSON) -> None:
    """Print a value in a line."""
    say(json_text(json.dumps(value, ensure_ascii=False), ascii_only=not takes_all()))


def put_out(text: str, out: str | None) -> int:
    """Print a text, or write it into a file. Raises CaseError."""
    if out is None:
        sys.stdout.buffer.write(text.encode())  # it is for a file or a pipe, in which every character has a place
        sys.stdout.flush()
        return 0
    try:
        Path(out).write_text(text, encoding="utf-8", newline="\n")
    except OSError as e:
        raise CaseError(f"{out}: {e.strerror or e}") from None
    return 0


def taken_of(name: str) -> list[TakenExchange]:
    """The exchanges that a person names: cases, all of a saved file, or one of it, or a recording of a cassette."""
    if _is_recording(name):
        return [_recording(name)]
    if os.path.isdir(name):
        return [exchanges.from_case(case_files.read(folder)) for folder in case_files.found_in(Path(name))]
    if MARK in name and not os.path.exists(name):
        file, _, id = name.rpartition(MARK)
        return [exchanges.from_flows(_of_id(file, id))]
    found = [exchanges.from_flows(flows) for flows in read(name).values()]
    if not found:
        raise CaseError(f"{name} has no exchange of this gateway. A file saved with -w has them.")
    return found


def _compared(first: TakenExchange | TakenCall, second: TakenExchange | TakenCall) -> Comparison:
    """An attempt is compared with the last one of an exchange."""
    if isinstance(first, TakenExchange) and isinstance(second, TakenExchange):
        return compare.exchanges(first, second)
    calls = [one if isinstance(one, TakenCall) else _last(one) for one in (first, second)]
    return compare.attempts(*calls)


def _last(taken: TakenExchange) -> TakenCall:
    if (last := taken.last_call) is None:
        raise CaseError("Nothing of the one exchange went upstream.")
    return last


def _taken(spec: str, file: str) -> TakenExchange | TakenCall:
    """What a person names: a case's folder, or an exchange or an attempt of a saved file (`file`, if none is named)."""
    if os.path.isdir(spec):
        return exchanges.from_case(case_files.read(Path(spec)))
    if _is_recording(spec):
        return _recording(spec)
    named, _, id = spec.rpartition(MARK)
    if not (named or file):
        raise CaseError(f"{spec}: there is no case of this name. An exchange of a saved file is FLOWS#REQ.")
    id, _, number = id.partition(_ATTEMPT)
    taken = exchanges.from_flows(_of_id(named or file, id))
    return _call(taken, number) if number else taken


def _is_recording(name: str) -> bool:
    return name.endswith(".json") and os.path.isfile(name)


def _recording(name: str) -> TakenExchange:
    try:
        return saved.taken(Path(name))
    except CassetteError as e:
        raise CaseError(str(e)) from None


def _call(taken: TakenExchange, number: str) -> TakenCall:
    if not number.isdigit() or not 0 < int(number) <= len(taken.calls):
        raise CaseError(f"{taken.id} has no attempt {number}; it has {len(taken.calls)}.")
    return taken.calls[int(number) - 1]


def _of_id(file: str, beginning: str) -> list[http.HTTPFlow]:
    """The flows of the exchange whose id begins so."""
    known = read(file)
    found = [id for id in known if id.startswith(beginning)]
    if beginning in known:
        found = [beginning]
    if len(found) != 1:
        raise CaseError(f"{file} has {len(found) or 'no'} exchange{'s' * (len(found) > 1)} {beginning}….")
    return known[found[0]]


@cache
def read(file: str) -> Mapping[str, list[http.HTTPFlow]]:
    """The exchanges of a saved file, by their ids; of one that breaks off those before. Raises CaseError."""
    flows: list[flow.Flow] = []
    try:
        with open(os.path.expanduser(file), "rb") as saved:
            for one in io.FlowReader(saved).stream():
                flows.append(one)
    except OSError as e:
        raise CaseError(f"{file}: {e.strerror or e}") from None
    except Exception as e:  # a KeyError, say, for half a flow
        if not flows:
            raise CaseError(f"{file} is no file that mitmproxy has saved: {e}") from None
        print(f"{file} breaks off, or is damaged, behind its {len(flows)} first rows; these count.", file=sys.stderr)
    return cases.by_exchange(flows)
