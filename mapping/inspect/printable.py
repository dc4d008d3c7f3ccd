"""Other people's text, made fit to be printed: none of it may steer a terminal, or make a line of its own.

What upstreams, token servers and clients wrote goes through here before it is shown in a terminal or written into a
log: C0 and C1 control characters, line ends of all kinds, marks of writing direction, halves of surrogate pairs.
"""

from __future__ import annotations

import re

_INDENT = "\n  "
_LINE_ENDS = re.compile("\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_BLANKS = re.compile(" {2,}")
_NO_ASCII = re.compile("[^ -~]")


def one_line(text: str, most: int | None = None) -> str:
    """The text on one line, of `most` characters: a space for each run of white space, `?` for what can't be shown."""
    if most is not None and len(text) > 4 * most:
        text = text[: 4 * most] + "..."
    if not text.isprintable():
        text = _BLANKS.sub(" ", "".join(map(_shown, text))).strip()
    return text if most is None or len(text) <= most else text[: most - 3] + "..."


def lines(text: str) -> str:
    """The text on as many lines as it has. All but the first are indented, so that none passes for another message."""
    if text.isprintable():
        return text
    return _INDENT.join(_keep_tabs(line) for line in _LINE_ENDS.split(text))


def block(text: str) -> str:
    """The text with its line feeds as they are, for what is made of lines: a diff, a banner."""
    if text.isprintable():
        return text
    return "\n".join(_keep_tabs(line) for line in text.split("\n"))


def json_text(text: str, *, ascii_only: bool = False) -> str:
    """JSON without line ends, with what can't be shown escaped: it stays the same value. `ascii_only`: escape more."""
    if ascii_only:
        return text if text.isascii() and text.isprintable() else _NO_ASCII.sub(_escaped, text)
    return text if text.isprintable() else "".join(c if c.isprintable() else _escape(c) for c in text)


def _shown(c: str) -> str:
    return c if c.isprintable() else " " if c.isspace() else "?"


def _keep_tabs(line: str) -> str:
    return line if line.isprintable() else "".join(c if c == "\t" else _shown(c) for c in line)


def _escaped(found: re.Match[str]) -> str:
    return _escape(found[0])


def _escape(c: str) -> str:
    """As JSON escapes it: two halves for what is beyond 16 bits."""
    data = c.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{data[i]:02x}{data[i + 1]:02x}" for i in range(0, len(data), 2))
