"""What goes to a terminal: cleaned of what other people wrote into it, in characters that the terminal has.

Everything that prints or logs goes through here: the filter sees each record of the gateway's logger, `say` is the
`print` of the banner and of the scripts.
"""

from __future__ import annotations

import io
import logging
import sys
import traceback
from typing import IO, override

from mapping.inspect import printable

CLEAN = {"clean": True}
"""`extra` of a record whose message was cleaned, and coloured after that."""


class CleanRecords(logging.Filter):
    """Cleans the messages of records, and the tracebacks: an exception's text may be an upstream's."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if not getattr(record, "clean", False):
            message = record.getMessage()
            if record.exc_info and record.exc_info[0] is not None:
                message += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
            record.msg, record.args, record.exc_info = printable.lines(message), (), None
        return True


_FILTER = CleanRecords()


def prepare() -> None:
    """Clean what is logged from now on, and let no character that the terminal lacks make printing fail."""
    logging.getLogger("antigravity").addFilter(_FILTER)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def say(text: object, file: IO[str] | None = None) -> None:
    """Print a text of one line or several. Line feeds stay; other control characters do not."""
    out = sys.stdout if file is None else file
    shown = printable.block(str(text))
    encoding = getattr(out, "encoding", None) or "utf-8"
    print(shown.encode(encoding, "backslashreplace").decode(encoding), file=out, flush=True)


def takes_all() -> bool:
    """Whether standard output can show every character."""
    return (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "").startswith("utf")
