"""The tokens of a prompt by its parts: counted, shared out of a known sum, or estimated; as values and as text.

* A sum that Gemini told (`promptTokenCount`, by modality where it says so) is shared among the parts by their weights.
* Where Gemini was asked (`counts`), each section has what it counted; the parts of a section share that.
* Without any sum the weights themselves are told, as estimates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mapping.inspect.prompt_tokens.counts import WHOLE, AskedCount, by_section, leaves_out
from mapping.inspect.prompt_tokens.parts import CACHE, SECTIONS, PromptPart, parts
from mapping.inspect.transcript import Transcript, count_of, elements, members
from mapping.values import JSON

COUNTED, SHARED, ESTIMATED = "counted", "shared", "estimated"
_HOW = {
    COUNTED: "Gemini counted the sections; what is in them shares that by its size.",
    SHARED: "Gemini told the sum; the parts share it by their size.",
    ESTIMATED: "Nobody counted: these are estimates by size.",
}
_MOST = 12
"""Parts of a section that are shown to a person; of more the largest."""
_NAME, _BAR = 42, 16
"""Characters of a name, and of a bar."""
LEFT_OUT = "This upstream counts the turns alone, so what it counted is not used."
REST = "not told"
"""The section of what Gemini counted and nothing in the request explains."""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A part, and its tokens."""

    section: str
    name: str
    tokens: int
    modality: str
    turn: int


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """See the module."""

    id: str
    """Of the exchange."""
    title: str
    model: str
    how: str
    """`counted`, `shared`, `estimated`."""
    total: int
    cached: int | None
    """Of them; None: it is not known."""
    tool_use: int
    """Further tokens of the prompt, which Google's own tools brought."""
    limit: int | None
    """Of the model's window; None: unknown."""
    rows: Sequence[TokenRow]
    asked: Sequence[AskedCount]
    remark: str = ""
    """Why what was counted does not count."""

    @property
    def full(self) -> float | None:
        """The part of the window that the prompt takes; None: the window is unknown."""
        return (self.total + self.tool_use) / self.limit if self.limit else None

    def sections(self) -> dict[str, int]:
        """Section -> its tokens."""
        made: dict[str, int] = {}
        for row in self.rows:
            made[row.section] = made.get(row.section, 0) + row.tokens
        return {section: made[section] for section in (*SECTIONS, REST) if section in made}

    def kinds(self) -> dict[str, int]:
        """Gemini's modality -> the tokens of all its parts: text, pictures, sound ..."""
        made: dict[str, int] = {}
        for row in self.rows:
            if row.modality:
                made[row.modality] = made.get(row.modality, 0) + row.tokens
        return made

    def plain(self) -> JSON:
        """For JSON, and for pages."""
        return {
            "id": self.id,
            "title": self.title,
            "model": self.model,
            "how": self.how,
            "total": self.total,
            "cached": self.cached,
            "tool_use": self.tool_use,
            "window": self.limit,
            "full": None if self.full is None else round(self.full, 6),
            "sections": self.sections(),
            "modalities": self.kinds(),
            "parts": [
                {
                    "section": row.section, "name": row.name, "tokens": row.tokens, "modality": row.modality,
                    "turn": row.turn or None,
                }
                for row in self.rows
            ],
            "asked": [one.plain() for one in self.asked],
            "remark": self.remark,
        }  # fmt: skip

    def lines(self) -> list[str]:
        """As text, for a person."""
        out = Transcript()
        out.line(self.title)
        out.remark("")
        return [*out.render().split("\n"), *self.told()]

    def told(self) -> list[str]:
        """The same without the title."""
        out = Transcript()
        window = "window: unknown" if self.full is None else f"{100 * self.full:.1f} % of the window of {self.limit:,}"
        cached = f"{self.cached:,} of them cached" if self.cached else ""
        used = f"{self.tool_use:,} more by Google's tools" if self.tool_use else ""
        out.line(" · ".join(part for part in (f"prompt tokens: {self.total:,}", cached, used, window) if part))
        out.line(_HOW[self.how])
        sections = self.sections()
        out.remark("")
        for section, tokens in sections.items():
            share = tokens / self.total if self.total else 0.0
            out.row(f"{section:16}{tokens:>10,}{100 * share:6.0f} %  {'█' * round(share * _BAR)}".rstrip())
        if len(kinds := self.kinds()) > 1:
            out.remark(" · ".join(f"{kind.lower()} {tokens:,}" for kind, tokens in kinds.items()))
        for section in sections:
            rows = [row for row in self.rows if row.section == section]
            if len(rows) > 1 or any(row.turn for row in rows):
                out.turn(section)
                for line in _told(rows):
                    out.row(line)
        if self.asked:
            out.turn("what Gemini was asked to count")
            for one in self.asked:
                out.line(f"{one.what}: {one.error if one.tokens is None else f'{one.tokens:,}'}")
            out.line(self.remark)
        return out.render().split("\n")


def _told(rows: Sequence[TokenRow]) -> Iterator[str]:
    shown = set(sorted(range(len(rows)), key=lambda at: -rows[at].tokens)[:_MOST])
    for at, row in enumerate(rows):
        if at in shown:
            name = f"{row.turn} {row.name}" if row.turn else row.name
            cut = name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
            yield f"  {cut:{_NAME}}{row.tokens:>10,}"
    if len(rows) > len(shown):
        rest = sum(row.tokens for at, row in enumerate(rows) if at not in shown)
        yield f"  {f'{len(rows) - len(shown)} smaller ones':{_NAME}}{rest:>10,}"


# --- how it is made


def prompt_tokens(
    request: JSON, usage: JSON, asked: Sequence[AskedCount] = (), *, id: str, title: str, model: str, limit: int | None
) -> PromptTokens:
    """The tokens of a Gemini request. `usage`: the `usageMetadata` of its answer; empty: there is none."""
    found = parts(request)
    whole, cached = count_of(usage.get("promptTokenCount")), count_of(usage.get("cachedContentTokenCount"))
    counted = next((one.tokens for one in asked if one.what == WHOLE), None)
    if remark := LEFT_OUT if leaves_out(found, asked) else "":
        counted = None
    if counted is not None:
        how, rows = COUNTED, _by_sections(found, by_section(found, asked), counted)
    elif whole is not None:
        how, rows = SHARED, _by_modality(found, _modalities(usage), whole, cached or 0)
    else:
        how, rows = ESTIMATED, [_row(part, max(0, round(part.weight))) for part in found]
    return PromptTokens(
        id=id,
        title=title,
        model=model,
        how=how,
        total=sum(row.tokens for row in rows),
        cached=cached if whole is None else cached or 0,
        tool_use=count_of(usage.get("toolUsePromptTokenCount")) or 0,
        limit=limit or None,
        rows=rows,
        asked=asked,
        remark=remark,
    )


def _by_sections(found: Sequence[PromptPart], told: Mapping[str, int], whole: int) -> list[TokenRow]:
    """Sections that were counted, and all others together with what is left."""
    tokens: dict[int, int] = {}
    for section, counted in told.items():
        tokens |= _shared([at for at, part in enumerate(found) if part.section == section], found, counted)
    rest = [at for at, part in enumerate(found) if part.section not in told]
    tokens |= _shared(rest, found, max(0, whole - sum(told.values())))
    return _rows(found, tokens, whole)


def _by_modality(found: Sequence[PromptPart], told: Mapping[str, int], whole: int, cached: int) -> list[TokenRow]:
    """What Gemini told of each modality among its parts; what it told of none, among those that are left.

    What stands in an explicit cache is in no part, and may be of any modality: then the sum alone is shared.
    """
    tokens = {at: min(cached, whole) for at, part in enumerate(found) if part.section == CACHE}
    there = {part.modality for part in found}
    known = {} if tokens else {modality: counted for modality, counted in told.items() if modality in there}
    left = whole - sum(tokens.values())
    for modality, counted in known.items():
        made = _shared([at for at, part in enumerate(found) if part.modality == modality], found, min(counted, left))
        tokens |= made
        left -= sum(made.values())
    rest = [at for at, part in enumerate(found) if at not in tokens and part.modality not in known]
    tokens |= _shared(rest, found, left)
    return _rows(found, tokens, whole)


def _modalities(usage: JSON) -> dict[str, int]:
    made: dict[str, int] = {}
    for one in map(members, elements(usage.get("promptTokensDetails"))):
        name, tokens = one.get("modality"), count_of(one.get("tokenCount"))
        if isinstance(name, str) and tokens:
            made[name] = made.get(name, 0) + tokens
    return made


def _shared(chosen: Sequence[int], found: Sequence[PromptPart], whole: int) -> dict[int, int]:
    """The sum among these parts by their weights, in whole tokens."""
    weight = sum(found[at].weight for at in chosen)
    if not chosen or weight <= 0:
        return dict.fromkeys(chosen, 0)
    exact = {at: whole * found[at].weight / weight for at in chosen}
    made = {at: int(value) for at, value in exact.items()}
    for at in sorted(chosen, key=lambda at: made[at] - exact[at])[: whole - sum(made.values())]:
        made[at] += 1
    return made


def _rows(found: Sequence[PromptPart], tokens: Mapping[int, int], whole: int) -> list[TokenRow]:
    rows = [_row(part, tokens.get(at, 0)) for at, part in enumerate(found)]
    left = whole - sum(row.tokens for row in rows)
    return [*rows, TokenRow(REST, "in nothing that was sent", left, "", 0)] if left > 0 else rows


def _row(part: PromptPart, tokens: int) -> TokenRow:
    return TokenRow(part.section, part.name, tokens, part.modality, part.turn)
