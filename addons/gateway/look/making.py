"""A page: a template, with style sheets and scripts of our own in it.

* Everything is in the page: no other file is asked for, and its policy lets the browser run and load nothing else.
* What is shown are other people's texts: the templates escape them all.
* A page reads well without JavaScript. Its parts that change have `data-live` and an `id`; `live.js` puts fresh ones in
  their place, from the page at `data-poll` of its body every `data-every` milliseconds.
"""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from addons.gateway.exchange.summary import unusual_finish
from addons.gateway.http import answers
from mapping.late import late
from mapping.prices.shown import cost_text, dollars

if TYPE_CHECKING:
    import jinja2
else:
    jinja2 = late("jinja2")

HTML = (b"Content-Type", b"text/html; charset=utf-8")
NO_STORE: answers.Fields = [(b"Cache-Control", b"no-store"), (b"X-Content-Type-Options", b"nosniff")]

_GATEWAY = Path(__file__).parents[1]
_FOLDERS = [_GATEWAY / "look", _GATEWAY / "status" / "pages", _GATEWAY / "pages" / "html"]
"""Where templates, style sheets and scripts are. No two have the same name."""
_ICON = (
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>"
    "<path d='M2 12 6 5l3 5 2-3 3 5z' fill='%234a7bd0'/></svg>"
)


@dataclass(frozen=True, slots=True)
class PageForm:
    """A kind of page. The names are those of files."""

    template: str
    styles: tuple[str, ...] = ("look.css",)
    scripts: tuple[str, ...] = ("live.js", "copy.js")
    sounds: bool = False
    """Sounds may be in the page; pictures may be in any."""
    acts: bool = False
    """It has forms that change something: who gets them has to see that they come from here."""

    def render(self, now: float | None = None, **values: Any) -> bytes:
        """The page. `now`: Unix time, from which `ago` counts."""
        css, script = _together(self.styles), _together(self.scripts)
        made = _environment().get_template(self.template).render(
            now=time.time() if now is None else now, icon=_ICON, css=css, script=script, **values
        )  # fmt: skip
        return made.encode("utf-8", "replace")

    def fields(self) -> answers.Fields:
        """The header fields of the page, its type among them."""
        return [
            HTML,
            (b"Content-Security-Policy", self.policy().encode()),
            (b"Referrer-Policy", b"same-origin" if self.acts else b"no-referrer"),
            *NO_STORE,
        ]

    def policy(self, *, served: bool = True) -> str:
        """What the browser may do for it. `served` False: of a page that is a file, and asks nobody for anything."""
        css, script = _together(self.styles), _together(self.scripts)
        return "; ".join(
            [
                "default-src 'none'",
                f"style-src {_hash(css)}",
                f"script-src {_hash(script)}" if self.scripts else "script-src 'none'",
                *(["connect-src 'self'"] if served else []),
                "img-src data:",
                *(["media-src data:"] if self.sounds else []),
                "base-uri 'none'",
                f"form-action {"'self'" if served else "'none'"}",
                *(["frame-ancestors 'none'"] if served else []),  # not for a `meta` element
            ]
        )


# --- inside


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDERS),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        ago=jinja2.pass_context(_ago), span=span, wait=wait, number=number, clip=clip, finish=unusual_finish
    )
    environment.filters.update(dollars=dollars)
    environment.globals.update(cost_text=cost_text)
    return environment


@cache
def _together(names: tuple[str, ...]) -> Markup:
    """Style sheets or scripts, which stand in a page as they are."""
    found = [next(path for folder in _FOLDERS if (path := folder / name).is_file()) for name in names]
    return Markup("".join(path.read_text(encoding="utf-8") for path in found))  # noqa: S704  # our own files


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _ago(context: jinja2.runtime.Context, moment: float) -> Markup:
    """A moment as a `time` element: how long ago it was."""
    seconds = max(0.0, context["now"] - moment)
    text = "just now" if seconds < 2 else f"{wait(seconds)} ago"
    return Markup('<time datetime="{}">{}</time>').format(_utc(moment), text)


def _utc(moment: float) -> str:
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
    except (OverflowError, OSError, ValueError):
        return ""


def wait(seconds: float) -> str:
    """A span in one unit, for people."""
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def span(seconds: float | None) -> str:
    """How long something took."""
    if seconds is None:
        return "–"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f}".removesuffix(".0") + " s" if seconds < 99.95 else wait(seconds)


def number(value: float) -> str:
    """Short from a million on."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value:,.0f}"


def clip(text: str, length: int) -> str:
    """No more than so many characters."""
    return text if len(text) <= length else text[: length - 1] + "…"
