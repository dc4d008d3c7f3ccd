"""A line for each exchange: on the terminal, in mitmproxy's event log, or in a file; as text or as JSON.

* Text goes through mitmproxy's log, which adds the time. Under mitmdump it takes the place of the lines that mitmproxy
  prints for each flow, unless the person asked for more of those (`flow_detail` of 2 and up): then only those appear.
* JSON lines are written as they are, so that other programs can read them. What a line holds is a `Summary`.
* A file that can't be written is reported once in a while, and holds up nothing.
"""

from __future__ import annotations

import datetime
import logging
import os
import sys
import time
from pathlib import Path
from typing import IO

from mitmproxy import ctx
from mitmproxy.contrib import click as miniclick
from mitmproxy.utils import vt_codes

from addons.gateway.exchange.summary import Summary, line, parts, status_of
from addons.gateway.log import links
from addons.gateway.log.terminal import CLEAN, takes_all
from addons.gateway.settings.settings import LogSettings
from mapping import jsonio
from mapping.inspect.printable import json_text

logger = logging.getLogger("antigravity")

QUIET = ("error", "warn")
REPORT_EVERY = 60.0
"""Seconds between two complaints about the file."""


class ExchangeLog:
    """Where the lines go, by the settings and mitmproxy's options."""

    def __init__(self) -> None:
        self._settings = LogSettings()
        self._path: Path | None = None
        self._file: IO[bytes] | None = None
        self._terminal = False
        self._colours = False
        self._links = False
        self.root = ""
        """Where the gateway is found, without a path, once that is known: lines lead to the pages of exchanges."""
        self._complained = float("-inf")
        self._half = False
        """The file ends in the middle of a line."""

    def use(self, settings: LogSettings, folder: Path) -> None:
        """Write by these settings; relative paths begin at the folder."""
        path = folder / settings.file if settings.file else None
        if path != self._path:
            self.close()
            self._half = False
        self._settings, self._path = settings, path

    def follow_options(self) -> None:
        """mitmproxy's options have changed."""
        options = ctx.options
        own = type(ctx.master).__name__ == "DumpMaster"
        if own and not options.has_changed("flow_detail"):
            options.flow_detail = 0
        self._terminal = options.termlog_verbosity not in QUIET and getattr(options, "flow_detail", 0) == 0
        self._colours = own and vt_codes.ensure_supported(sys.stdout) and "NO_COLOR" not in os.environ
        self._links = self._colours and links.taken(os.environ)

    def write(self, summary: Summary) -> None:
        """An exchange has ended."""
        if self._path is not None:
            self._append(f"{_json(summary)}\n".encode() if self._settings.format == "json" else _dated(summary))
        elif not self._terminal:
            pass
        elif self._settings.format == "text" or type(ctx.master).__name__ == "ConsoleMaster":
            root = self.root if self._links else ""
            logger.info(coloured(summary, root) if self._colours else line(summary), extra=CLEAN)
        else:
            print(_json(summary, ascii_only=not takes_all()), flush=True)

    def close(self) -> None:
        """Let go of the file; the next line opens it again."""
        if self._file is not None:
            try:
                self._file.close()
            except OSError:  # what could not be written has been complained about
                pass
            self._file = None

    def _append(self, data: bytes) -> None:
        assert self._path is not None
        try:
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("ab", buffering=0)
            if self._half:  # what comes stands in a line of its own all the same
                data = b"\n" + data
            while data:
                data = data[self._file.write(data) :]  # a disk that is nearly full takes a part
                self._half = bool(data)
        except OSError as e:
            now = time.monotonic()
            if now >= self._complained + REPORT_EVERY:
                self._complained = now
                logger.warning(f"Exchanges can't be logged in {self._path}: {e.strerror or e}")
            self.close()


def coloured(summary: Summary, root: str = "") -> str:
    """The line of a terminal: failures red, retried ones yellow, what matters less dim.

    `root`: of the gateway, if the request id is to lead to the exchange's page; see `links`.
    """
    colour = "red" if summary.failed else "yellow" if summary.left or len(summary.attempts) > 1 else "green"
    status = status_of(summary)
    told = [
        miniclick.style(part, fg=colour, bold=part == status, dim=None)
        if part in (status, summary.message)
        else miniclick.style(part, dim=True)
        for part in parts(summary)
    ]
    id = miniclick.style(summary.id, dim=True)
    told.append(links.to_page(id, root, summary.id) if root else id)
    return miniclick.style(" · ", dim=True).join([summary.shown_path, *told])


def _json(summary: Summary, *, ascii_only: bool = False) -> str:
    return json_text(jsonio.dumps(summary.plain()).decode(), ascii_only=ascii_only)


def _dated(summary: Summary) -> bytes:
    when = datetime.datetime.fromtimestamp(summary.time).astimezone().isoformat(timespec="milliseconds")
    return f"{when} {line(summary)}\n".encode("utf-8", "replace")
