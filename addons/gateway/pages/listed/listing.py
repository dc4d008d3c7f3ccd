"""Which exchanges are listed, and by what they can be told apart: values in, values out.

An exchange is what its summary gives as plain values. A facet is a member of it by which exchanges are chosen; the
counts of a facet are of those that fit everything else that was chosen, so that each says what choosing it would show.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from addons.gateway.http.routes import PAGES
from addons.gateway.status.search import Search
from mapping.values import JSON

FACETS: Mapping[str, str] = {
    "model": "Model",
    "account": "Account",
    "endpoint": "Endpoint",
    "outcome": "Outcome",
    "client": "Client",
    "conversation": "Conversation",
}
"""Member -> its name for people."""
FIRST = 100
"""How many exchanges are listed unless all are asked for."""
_MOST = 12
"""How many values of a facet are told."""
_LONGEST = 200
_NONE: Mapping[str, str] = {}

type Holds = Callable[[str, str], bool]
"""(request id, word in small letters) -> whether the word is in what was sent or answered."""


@dataclass(frozen=True, slots=True)
class ListAsked:
    """What a page is to list."""

    search: Search = field(default_factory=Search)
    chosen: Mapping[str, str] = field(default_factory=dict)
    """By facet."""
    texts: bool = False
    """The words may also be in what was sent and answered."""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> ListAsked:
        """Of an address's query; what it lacks or has too much is no error."""
        chosen = {name: query[name][:_LONGEST] for name in FACETS if query.get(name)}
        return cls(Search.of(query), chosen, texts=query.get("texts", "0") not in ("", "0"))

    def address(self, *, everything: bool | None = None, without: str = "", chosen: Mapping[str, str] = _NONE) -> str:
        """The page that lists the same, but for what is named here."""
        search = self.search
        query = {
            "errors": "1" if search.errors else "",
            "q": search.text,
            "texts": "1" if self.texts else "",
            "all": "1" if (search.everything if everything is None else everything) else "",
            **{name: value for name, value in {**self.chosen, **chosen}.items() if name != without},
        }
        told = urlencode({name: value for name, value in query.items() if value})
        return f"{PAGES}?{told}" if told else PAGES

    def __bool__(self) -> bool:
        return bool(self.search) or bool(self.chosen)


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value that exchanges can be chosen by."""

    value: str
    count: int
    chosen: bool
    address: str
    """The page with it chosen; of a chosen one, without it."""


@dataclass(frozen=True, slots=True)
class Facet:
    """See the module."""

    name: str
    title: str
    values: Sequence[FacetValue]
    more: int
    """How many further values are not told."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a page lists."""

    exchanges: Sequence[JSON]
    """The newest first."""
    fitting: int
    known: int
    facets: Sequence[Facet]


def listing(known: Sequence[JSON], asked: ListAsked, holds: Holds) -> Listing:
    """Choose among exchanges, the newest first."""
    found = [one for one in known if _is_found(one, asked, holds)]
    fitting = [one for one in found if _is_chosen(one, asked.chosen)]
    listed = fitting if asked.search.everything else fitting[:FIRST]
    facets = [facet for name in FACETS if (facet := _facet(name, found, asked)).values]
    return Listing(listed, len(fitting), len(known), facets)


def holds_in(bodies: Sequence[bytes], word: str) -> bool:
    """Whether a word in small letters is in bodies, as it stands or as JSON writes it."""
    written = json.dumps(word, ensure_ascii=False)[1:-1]
    if word.isascii():
        return any(written.encode() in body.lower() for body in bodies)
    forms = [written, *(json.dumps(form)[1:-1].lower() for form in (word, word.capitalize(), word.upper()))]
    return any(form in low for body in bodies if (low := body.decode("utf-8", "replace").lower()) for form in forms)


def _is_found(one: JSON, asked: ListAsked, holds: Holds) -> bool:
    if asked.search.fits(one):
        return True
    if not asked.texts or not asked.search.text or not Search(errors=asked.search.errors).fits(one):
        return False
    return all(Search(text=word).told_of(one) or holds(str(one["id"]), word) for word in asked.search.words())


def _is_chosen(one: JSON, chosen: Mapping[str, str]) -> bool:
    return all(_fits(_value(one, name), name, value) for name, value in chosen.items())


def _fits(value: str, name: str, chosen: str) -> bool:
    """Clients have versions, which nobody knows by heart: `claude-cli` is each of `claude-cli 2.1`."""
    return value == chosen or (name == "client" and value.startswith(f"{chosen} "))


def _value(one: JSON, name: str) -> str:
    return str(one.get(name) or "")


def _facet(name: str, found: Sequence[JSON], asked: ListAsked) -> Facet:
    others = {facet: value for facet, value in asked.chosen.items() if facet != name}
    counts = Counter(value for one in found if _is_chosen(one, others) and (value := _value(one, name)))
    chosen = asked.chosen.get(name)
    if chosen is not None:
        counts.setdefault(chosen, sum(count for value, count in counts.items() if _fits(value, name, chosen)))
    ranked = sorted(counts, key=lambda value: (value != chosen, -counts[value], value))
    values = [
        FacetValue(
            value,
            counts[value],
            value == chosen,
            asked.address(without=name) if value == chosen else asked.address(chosen={name: value}),
        )
        for value in ranked[:_MOST]
    ]
    return Facet(name, FACETS[name], values, len(ranked) - len(values))
