"""A conversation as one file of HTML, which can be opened anywhere: no script, nothing from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any, override

from mapping.inspect.documents.document import Document
from mapping.inspect.printable import block, one_line
from mapping.inspect.transcript import string

_LONG = 4000
"""Characters from which on a text is folded."""
_BEGINNING = 200
"""Characters of it that are shown before."""
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.3rem; } h2 { margin-top: 2rem; border-bottom: 1px solid var(--line); } h3 { margin: 1.5rem 0 .3rem; }
h3 { font-size: 1rem; } dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .5rem 0; }
dt { opacity: .7; } dd { margin: 0; } .text, pre, details { white-space: pre-wrap; margin: .5rem 0; }
pre, details { background: var(--soft); border: 1px solid var(--line); border-radius: .3rem; padding: .5rem; }
pre { font: 14px/1.4 ui-monospace, monospace; } details > pre { background: none; border: 0; padding: 0; }
""".strip()
_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<h1>{title}</h1>
"""


class Page(Document):
    """See the module. `title` is the page's."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._facts: list[str] = []

    @override
    def part(self, title: str) -> None:
        self._put(f"<h2>{_text(one_line(title))}</h2>")

    @override
    def turn(self, *about: str) -> None:
        self._put(f"<h3>{_text(one_line(' · '.join(part for part in about if part)))}</h3>")

    @override
    def fact(self, name: str, value: Any) -> None:
        if value is not None:
            self._facts.append(f"<dt>{_text(one_line(name))}</dt><dd>{_text(string(value))}</dd>")

    @override
    def line(self, text: str) -> None:
        if text.strip():
            self._put(_folded(text.strip("\n"), "div"))

    @override
    def labelled(self, label: str, id: str, text: str) -> None:
        about = one_line(f"{label} ({id})" if id else label)
        if text:
            self._put(f"<details open><summary>{_text(about)}</summary><pre>{_text(text)}</pre></details>")
        else:
            self._put(f'<div class="text">{_text(about)}</div>')

    @override
    def render(self) -> str:
        self._put("</body>\n</html>")
        return _HEAD.format(title=_text(one_line(self._title)), style=_STYLE) + "\n".join(self._lines) + "\n"

    def _put(self, html: str) -> None:
        if self._facts:
            self._lines.append(f"<dl>{''.join(self._facts)}</dl>")
            self._facts = []
        self._lines.append(html)


def _folded(text: str, tag: str) -> str:
    whole = f'<{tag} class="text">{_text(text)}</{tag}>'
    if len(text) <= _LONG:
        return whole
    beginning = one_line(text, _BEGINNING)
    return f"<details><summary>{_text(beginning)} ({len(text):,} characters)</summary>{whole}</details>"


def _text(text: str) -> str:
    """A text in HTML; half characters and control characters, which no page may have, are marked."""
    return escape(block(text))
