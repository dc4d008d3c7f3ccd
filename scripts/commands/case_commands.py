"""What scripts/cases.py does, in the environment that it sets up. No network, and no mitmproxy process."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from addons.gateway.cases import export as cases
from addons.gateway.cases import files as case_files
from addons.gateway.cases.files import Case, CaseError
from addons.gateway.cases.rerun import RerunDifference, differences, rerun
from addons.gateway.log.terminal import say
from addons.gateway.pages.listed.listing import FACETS
from mapping.inspect.printable import one_line
from scripts.commands import conversation_commands, exchange_commands, list_command


def run(options: argparse.Namespace) -> int:
    """Run a command; returns the exit status."""
    try:
        if options.command == "export":
            return export(Path(options.file), Path(options.folder), options.id, mask=options.mask)
        if options.command == "diff":
            return exchange_commands.diff(options.before, options.after, as_json=options.json)
        if options.command == "list":
            query = {name: str(value) for name, value in vars(options).items() if name in ("q", *FACETS) and value}
            query |= {name: "1" for name in ("errors", "texts") if getattr(options, name)}
            return list_command.show(options.names, query, as_json=options.json)
        if options.command == "cassette":
            ignored = options.ignore or ()
            return exchange_commands.cassette(options.file, Path(options.folder), ignored, mask=options.mask)
        if options.command == "copy":
            text = exchange_commands.copied(options.form, options.names, mask=options.mask, url=options.url)
            return exchange_commands.put_out(text, options.out)
        if options.command in conversation_commands.TOLD:
            return conversation_commands.tell(options.command, options.name, options.id, as_json=options.json)
        if options.command == "costs":
            return exchange_commands.costs(options.names, as_json=options.json)
        if options.command == "page":
            return exchange_commands.put_out(exchange_commands.page(options.name, mask=options.mask), options.out)
        if options.command in exchange_commands.TOLD:
            return exchange_commands.tell(options.command, options.names, as_json=options.json)
        folders = [case for name in options.folders for case in case_files.found_in(Path(name))]
        return (check if options.command == "run" else update)(folders)
    except CaseError as e:
        say(e, sys.stderr)
        return 1
    except BrokenPipeError:  # `| head` has seen enough; what is left is written nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def check(folders: list[Path]) -> int:
    """Translate each case again and print what differs."""
    failed = 0
    for folder in folders:
        case = case_files.read(folder)
        found = differences(case, rerun(case))
        if found:
            failed += 1
            say(f"FAILED {folder}")
            say("".join(_diff(difference) for difference in found))
    say(f"{_counted(folders)}, {f'{failed} failed' if failed else 'all as recorded'}")
    return 1 if failed else 0


def _diff(difference: RerunDifference) -> str:
    lines = difflib.unified_diff(
        difference.recorded.splitlines(),
        difference.now.splitlines(),
        f"{difference.name} (recorded)",
        f"{difference.name} (now)",
        lineterm="",
    )
    return "".join(f"{line}\n" for line in lines)


def update(folders: list[Path]) -> int:
    """Write what is translated now into the cases."""
    changed = 0
    for folder in folders:
        case = case_files.read(folder)
        outcome = rerun(case)
        if outcome.crash:
            say(f"{folder} stays as it is, because its translation fails:\n{outcome.crash}", sys.stderr)
            return 1
        if not differences(case, outcome):
            continue
        changed += 1
        calls = [replace(call, request=now) for call, now in zip(case.calls, outcome.requests, strict=True)]
        case_files.write(
            replace(case, status=outcome.status, answer=outcome.answer, notes=outcome.notes, calls=calls), folder
        )
        say(f"updated {folder}")
    say(f"{_counted(folders)}, {changed} updated")
    return 0


def export(file: Path, folder: Path, ids: Iterable[str] | None, *, mask: bool) -> int:
    """Write the exchanges of a saved file into folders that are named by their request ids. Raises CaseError."""
    found = exchange_commands.read(str(file))
    if missing := sorted(set(ids or ()) - set(found)):
        raise CaseError(f"{file} has no exchange {', '.join(missing)}.")
    wanted = list(ids or found)
    if not wanted:
        raise CaseError(f"{file} has no exchange of this gateway. A file saved with -w has them.")
    left_out = 0
    for id in wanted:
        try:
            path = cases.export(found[id], folder / id, mask=mask)
        except CaseError as e:
            left_out += 1
            say(e, sys.stderr)
            continue
        say(f"{path}  {_told(case_files.read(path))}")
    return 1 if left_out == len(wanted) or (ids and left_out) else 0


def _told(case: Case) -> str:
    """What a case is, and whether its translation still gives the same."""
    same = "" if not differences(case, rerun(case)) else " (translated otherwise now)"
    return f"{one_line(case.path)} {one_line(case.client_model)} -> {case.model} {case.status}{same}"


def _counted(folders: Sequence[Path]) -> str:
    return "1 case" if len(folders) == 1 else f"{len(folders)} cases"
