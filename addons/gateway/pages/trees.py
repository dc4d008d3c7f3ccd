"""A JSON value as a tree of HTML that folds without a script.

* Every text in it is somebody else's, and escaped here: this is the one module that writes HTML.
* What is long is folded, and what is too much is cut, with a link that shows all (`Room`).
* Beside a member stands its way to the other side (`Mark`): in words, as a link where it leads somewhere. The script of
  the page shows both ends of it together, by `data-to`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup, escape

from addons.gateway.pages import media
from addons.gateway.views.explained import value_text
from mapping import jsonio
from mapping.inspect.explain_diff import Path
from mapping.inspect.printable import block, one_line
from mapping.inspect.transcript import string

_INLINE = 120
"""Characters of a text that stands beside its name."""
_LONG = 600
"""Characters of a text from which on it is folded, and how many lines:"""
_LINES = 12
_BEGINNING = 100
"""Characters of a folded text that are shown."""
_SMALL = 12
"""Values in an object or a list that is open at first."""
_WHOLE = 70
"""Values in something that is open at first with all that is in it."""
_LAST = 3
"""Of a list of more than twice as many, the last ones are open, and no others."""
_PREVIEW = 60
"""Characters of what is in a fold that are shown beside its name."""
_KINDS = ("role", "type", "name")
"""Members that say what an object is."""
_DEEPEST = 60


@dataclass(slots=True)
class Mark:
    """What is said beside a member."""

    tone: str = ""
    """`moved`, `lost`, `changed` or `added`; the sign in the words says the same."""
    words: list[str] = field(default_factory=list)
    to: list[str] = field(default_factory=list)
    """Ids of members on the other side."""
    id: str = ""
    """Its own; empty: nothing leads to it."""


@dataclass(slots=True)
class Room:
    """How much of a value is shown: what is used up is gone. `everything`: the address of the page that shows all."""

    everything: str = ""
    values: int = 2500
    text: int = 400_000
    """Characters of long texts."""
    one: int = 20_000
    """Characters of one text."""
    media: int = 4_000_000
    """Characters of pictures and sounds."""
    listed: tuple[int, int] = (15, 45)
    """Of a longer list the first and the last ones."""

    @classmethod
    def for_all(cls) -> Room:
        """As much as a browser can bear."""
        return cls(values=60_000, text=20_000_000, one=5_000_000, media=40_000_000, listed=(5000, 5000))


def tree(value: Any, marks: Mapping[Path, Mark], room: Room) -> Markup:
    """The value as HTML. `marks`: what is said of the members at these paths."""
    made = _Tree(marks, room, unfolded=_size(value, _WHOLE) <= _WHOLE)
    made.add(value, (), "")
    return Markup(f'<ul class="tree">{"".join(made.out)}</ul>')  # noqa: S704  # escaped below


class _Tree:
    def __init__(self, marks: Mapping[Path, Mark], room: Room, *, unfolded: bool) -> None:
        self._unfolded = unfolded
        self.out: list[str] = []
        self._marks = marks
        self._room = room

    def add(self, value: Any, path: Path, name: str, *, open: bool | None = None, medium: bool = False) -> None:
        """A member and all in it. `medium`: it is shown already, as a picture or a sound."""
        mark = self._marks.get(path)
        self._room.values -= 1
        self.out.append(_begin(mark))
        if isinstance(value, dict | list) and value:
            self._container(value, path, name, mark, open)
        elif isinstance(value, str):
            self._text(value, name, mark, medium)
        else:
            kind = "none" if isinstance(value, dict | list) or value is None else "number"
            self.out.append(f'{name}<span class="{kind}">{escape(value_text(value))}</span>{_way(mark)}')
        self.out.append("</li>")

    def _container(
        self, value: dict[str, Any] | list[Any], path: Path, name: str, mark: Mark | None, open: bool | None
    ) -> None:
        unfolded = open
        if unfolded is None:
            unfolded = self._unfolded or len(path) < 2 or _size(value, _SMALL) <= _SMALL
        count, unit = len(value), "member" if isinstance(value, dict) else "element"
        about = f'<span class="about">{count:,} {unit}{"" if count == 1 else "s"}</span>'
        preview = "" if unfolded else _preview(value)
        if preview:
            about = f'<span class="about">{escape(preview)} · {count:,} {unit}{"" if count == 1 else "s"}</span>'
        self.out.append(f"<details{' open' if unfolded else ''}><summary>{name}{about}{_way(mark)}</summary>")
        if self._room.values <= 0 or len(path) >= _DEEPEST:
            self._cut("The rest of it is not shown here.")
            if self._room.everything == "" or len(path) >= _DEEPEST:
                self._long(string(value))
        else:
            self.out.append("<ul>")
            (self._members if isinstance(value, dict) else self._elements)(value, path)  # type: ignore[arg-type]
            self.out.append("</ul>")
        self.out.append("</details>")

    def _members(self, value: dict[str, Any], path: Path) -> None:
        found = media.of_object(value)
        for number, (name, member) in enumerate(value.items()):
            if self._room.values <= 0:
                self._more(len(value) - number)
                return
            shown = found is not None and found[0] == name and self.medium(found[1])
            self.add(member, (*path, name), _name(name), medium=shown)

    def _elements(self, value: list[Any], path: Path) -> None:
        first, last = self._room.listed
        count = len(value)
        for number, element in enumerate(value):
            if first <= number < count - last:
                if number == first:
                    self._more(count - first - last)
                continue
            if self._room.values <= 0:
                self._more(count - number)
                return
            open = None if count <= 2 * _LAST else number >= count - _LAST
            self.add(element, (*path, number), _name(f"[{number}]", "index"), open=open)

    def medium(self, medium: media.Medium) -> bool:
        """Show it, if there is room. False: there is none."""
        if (room := self._room).media < len(medium.address):
            return False
        room.media -= len(medium.address)
        address = escape(medium.address)
        if medium.kind == "image":
            self.out.append(f'<li class="medium"><img src="{address}" alt="the picture of this object"></li>')
        else:
            self.out.append(f'<li class="medium"><audio controls src="{address}"></audio></li>')
        return True

    def _text(self, text: str, name: str, mark: Mark | None, medium: bool) -> None:
        if not medium and (found := media.of_text(text)) is not None:
            medium = self.medium(found)
        if medium:
            self.out.append(f'{name}<span class="about">{escape(value_text(text))}</span>{_way(mark)}')
            return
        if len(text) <= _INLINE and "\n" not in text:
            self.out.append(f'{name}<span class="text">{escape(_quoted(text))}</span>{_way(mark)}')
            return
        if len(text) <= _LONG and text.count("\n") < _LINES:
            self.out.append(f"{name}{_way(mark)}")
            self._long(text)
            return
        beginning = escape(_quoted(text[:_BEGINNING])[:-1])
        self.out.append(
            f'<details><summary>{name}<span class="text">{beginning}…"</span> '
            f'<span class="about">{len(text):,} characters</span>{_way(mark)}</summary>'
        )
        self._long(text)
        self.out.append("</details>")

    def _long(self, text: str) -> None:
        """A text in lines, as it is."""
        most = max(0, min(self._room.one, self._room.text))
        self._room.text -= min(len(text), most)
        self.out.append(f"<pre>{escape(block(text[:most]))}</pre>")
        if len(text) > most:
            self._cut(f"{len(text) - most:,} more characters are not shown here.")

    def _more(self, count: int) -> None:
        self.out.append("<li>")
        self._cut(f"{count:,} more are not shown here.")
        self.out.append("</li>")

    def _cut(self, told: str) -> None:
        link = f' <a href="{escape(self._room.everything)}">Show all</a>' if self._room.everything else ""
        self.out.append(f'<p class="cut">{escape(told)}{link}</p>')


def _begin(mark: Mark | None) -> str:
    if mark is None:
        return "<li>"
    told = [f' id="{escape(mark.id)}"'] if mark.id else []
    told += [f' class="{escape(mark.tone)}"'] if mark.tone else []
    told += [f' data-to="{escape(" ".join(mark.to))}"'] if mark.to else []
    return f"<li{''.join(told)}>"


def _way(mark: Mark | None) -> str:
    """The words of a mark; as a link, if they lead somewhere that is shown."""
    if mark is None or not mark.words:
        return ""
    first, *rest = [escape(block(word)) for word in mark.words]
    if mark.to:
        first = Markup(f'<a href="#{escape(mark.to[0])}">{first}</a>')  # noqa: S704  # escaped
    return f' <span class="way">{"; ".join([first, *rest])}</span>'


def player(medium: media.Medium) -> Markup:
    """Something to look at or to listen to by itself."""
    made = _Tree({}, Room.for_all(), unfolded=True)
    made.medium(medium)
    return Markup(f'<ul class="tree">{"".join(made.out)}</ul>')  # noqa: S704  # escaped below


def _name(name: str, kind: str = "name") -> str:
    return f'<span class="{kind}">{escape(block(name))}</span> '


def _quoted(text: str) -> str:
    try:
        return block(jsonio.dumps(text).decode())
    except ValueError:  # half characters
        return block(f'"{text}"')


def _preview(value: Any) -> str:
    """What an object is, and how the first text in it begins."""
    told, waiting = [], [value]
    for name in _KINDS:
        if isinstance(value, dict) and isinstance(word := value.get(name), str):
            told.append(word)
    for _ in range(_PREVIEW):
        if not waiting:
            break
        one = waiting.pop(0)
        if isinstance(one, str):
            told.append(f'"{one[:_PREVIEW]}{"…" if len(one) > _PREVIEW else ""}"')
            break
        inner = one.items() if isinstance(one, dict) else [("", element) for element in one[:_PREVIEW]]
        waiting += [part for name, part in inner if isinstance(part, str | dict | list) and name not in _DULL]
    return one_line(" ".join(told), 2 * _PREVIEW)


_DULL = frozenset((*_KINDS, "id", "call_id", "tool_call_id", "tool_use_id", "mimeType", "data", "thoughtSignature"))
"""Members that are no preview of anything."""


def _size(value: Any, most: int) -> int:
    """How many values there are in one, as far as `most` and one more."""
    count, waiting = 0, [value]
    while waiting and count <= most:
        one = waiting.pop()
        inner: Sequence[Any] = list(one.values()) if isinstance(one, dict) else one if isinstance(one, list) else ()
        count += len(inner)
        waiting += inner
    return count
