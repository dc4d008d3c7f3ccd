"""What Gemini is asked to count, so that its answers tell how many tokens each section has.

Sections are told by differences: the whole, and the whole without one of them. The last message is counted alone. So an
upstream is asked five times at most, however long the conversation is; turns and tools share what their section has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mapping.inspect.prompt_tokens.parts import LAST, MEDIA, SYSTEM, TOOLS, PromptPart, parts, turns, without_media
from mapping.inspect.transcript import elements, members, string
from mapping.values import JSON

WHOLE = "the whole request"
ALONE = "the last message alone"
WITHOUT = {section: f"without {words}" for section, words in ((TOOLS, "tools"), (SYSTEM, "system"), (MEDIA, "media"))}
"""A section -> what its absence is called."""

_COUNTED = frozenset({"contents", "systemInstruction", "tools", "toolConfig", "cachedContent", "generationConfig"})
"""Members of a request that countTokens takes."""


@dataclass(frozen=True, slots=True)
class AskedCount:
    """One question to Gemini, and its answer."""

    what: str
    tokens: int | None
    """None: there was an error."""
    error: str = ""

    def plain(self) -> JSON:
        """For JSON, and for the record."""
        return {"what": self.what, "tokens": self.tokens, "error": self.error}


def questions(body: JSON) -> Iterator[tuple[str, JSON]]:
    """What is asked, the whole first, and the request to be counted."""
    whole = {name: value for name, value in body.items() if name in _COUNTED}
    yield WHOLE, whole
    found = {part.section for part in parts(body)}
    contents = turns(body)
    if TOOLS in found:
        yield WITHOUT[TOOLS], {name: value for name, value in whole.items() if name not in ("tools", "toolConfig")}
    if SYSTEM in found:
        yield WITHOUT[SYSTEM], {name: value for name, value in whole.items() if name != "systemInstruction"}
    if len(contents) > 1:
        yield ALONE, {"contents": [contents[-1]]}
    if MEDIA in found and (rest := without_media(whole))["contents"]:
        yield WITHOUT[MEDIA], rest


def answers(record: JSON) -> list[AskedCount]:
    """What is in the record of an exchange whose tokens were counted."""
    found = []
    for one in map(members, elements(members(record.get("counted")).get("answers"))):
        tokens = one.get("tokens")
        found.append(
            AskedCount(string(one.get("what")), tokens if type(tokens) is int else None, string(one.get("error")))
        )
    return found


def leaves_out(found: Sequence[PromptPart], asked: Sequence[AskedCount]) -> bool:
    """Whether tools or the system message were not counted at all: some upstreams count the turns alone."""
    told = {one.what: one.tokens for one in asked if one.tokens is not None}
    there = {part.section for part in found if part.weight >= 1}
    whole = told.get(WHOLE)
    return whole is not None and any(
        told.get(WITHOUT[section]) == whole for section in (TOOLS, SYSTEM) if section in there
    )


def by_section(found: Sequence[PromptPart], asked: Sequence[AskedCount]) -> Mapping[str, int]:
    """The tokens of the sections that were counted; empty where the whole was not."""
    told = {one.what: one.tokens for one in asked if one.tokens is not None}
    whole = told.get(WHOLE)
    if whole is None:
        return {}
    made = {section: max(0, whole - told[words]) for section, words in WITHOUT.items() if words in told}
    if ALONE in told:
        media = sum(part.weight for part in found if part.section == MEDIA)
        last = max((part.turn for part in found), default=0)
        in_last = sum(part.weight for part in found if part.section == MEDIA and part.turn == last)
        made[LAST] = max(0, told[ALONE] - (round(made.get(MEDIA, 0) * in_last / media) if media else 0))
    return made
