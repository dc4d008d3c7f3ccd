"""What an answer has cost: each upstream call that it took by itself, as Google charges them.

Rules of this module (Gemini API reference, `UsageMetadata`; Gemini API pricing):

* Each call pays for all of its prompt: so do the calls that continue a long answer, or that make further choices of it.
* `promptTokenCount` holds the cached tokens; tokens that Gemini's own tools have read (`toolUsePromptTokenCount`) come
  on top of it and cost what a prompt costs. `candidatesTokenCount` does not hold the thoughts, which cost what an
  answer costs.
* Cached tokens, audio, images and video cost what the model's prices say of them; what is not told apart is text. Where
  Gemini does not tell which tokens were cached, the text was first; where it does not tell of a prompt what was media,
  all counts as text: both are estimates, and say so. Where it does not tell of an answer, and media cost more, there is
  no price.
* Google charges searches besides, and grounding by its maps. How many are free, and were used up before, nobody tells:
  they are not counted, and the note says so, with the list price where the table has one. Up to Gemini 2.5 a prompt is
  charged once however many searches it takes, from 3 on each search (Gemini API pricing, September 2026).
* What has no price is unknown, and so is the whole answer then. Nothing is taken for 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from mapping.prices.own import OwnPrices
from mapping.prices.rates import PARTS, SCALE, TEXT, Rate, Rates, Unpriced
from mapping.prices.shown import ESTIMATE, NOT_COUNTED, dollars
from mapping.prices.table import STANDARD, table_rates
from mapping.totals import CallUsage

NAMES = ("input", "cached", "media_in", "thinking", "output", "media_out")
"""The parts of a cost."""
_EPOCH = date(1970, 1, 1)
_MOST_KNOWN = 500
"""How many models' rates of a day are kept."""

_TIERS: Mapping[str, str] = {
    "": STANDARD,
    STANDARD: STANDARD,
    "unspecified": STANDARD,
    "default": STANDARD,
    "traffic_type_unspecified": STANDARD,
    "on_demand": STANDARD,
    "on_demand_priority": "priority",
    "on_demand_flex": "flex",
}
"""Gemini's words for service tiers, and Vertex AI's for kinds of traffic, that are not what prices call them."""

_BY_PROMPT = re.compile(r"gemini-[12](?:\.|-)", re.IGNORECASE)
"""Models of which a prompt is charged that was searched for, and not each search."""

NO_TOKENS = "Gemini did not tell any tokens"
TOKENS_UNTOLD = f"{ESTIMATE}Gemini did not tell the tokens"
CACHED_UNTOLD = f"{ESTIMATE}Gemini did not tell which tokens were cached"
MEDIA_UNTOLD = f"{ESTIMATE}Gemini did not tell what of the prompt was media"


@dataclass(slots=True)
class Cost:
    """In US dollars, by list prices."""

    usd: float | None
    """None: unknown."""
    parts: dict[str, float] = field(default_factory=dict)
    """Of `NAMES`, those that there were; together they are `usd`."""
    note: str | None = None
    """Why it is unknown, or why an estimate."""


class PriceBook:
    """All prices: one's own before those of the table. What a model costs on a day is looked up once."""

    def __init__(self, own: OwnPrices | None = None) -> None:
        self._own = own or OwnPrices({})
        self._known: dict[tuple[str, float, str], Rates | str] = {}

    def cost(self, calls: Sequence[CallUsage], model: str, when: float, tier: str = "") -> Cost:
        """What calls have cost together. Raises nothing.

        `model` counts where a call did not say which one has answered, or said a name that has no price. `when` is in
        Unix seconds. `tier` is what was asked for, where a call did not say what it got.
        """
        try:
            if len(calls) == 1:  # as a rule
                call = calls[0]
                if (plain := _plain(call, self._rates(call, model, when, tier))) is not None:
                    return plain
            spent = dict.fromkeys(NAMES, 0)
            notes: dict[str, None] = {}
            looked_up = _LookedUp()
            for call in calls:
                rates = self._rates(call, model, when, tier)
                _spend(call, rates, spent, notes)
                if call.grounded:
                    looked_up.add(call, rates, call.model or model)
            if not calls:
                raise Unpriced(NO_TOKENS)
            if looked_up.calls:
                notes[looked_up.note()] = None
        except Unpriced as e:
            return Cost(None, note=str(e))
        total = sum(spent.values()) / PARTS
        return Cost(total, {name: paid / PARTS for name, paid in spent.items() if paid}, "; ".join(notes) or None)

    def _rates(self, call: CallUsage, model: str, when: float, tier: str) -> Rates:
        if words := call.words:
            tier = words.get("serviceTier") or words.get("trafficType") or tier
        tier = _TIERS.get(tier) or _TIERS.get(tier.lower(), tier.lower())
        key = call.model or model, when // 86400, tier
        found = self._known.get(key)
        if found is None:
            found = self._look_up(key)
        if isinstance(found, Rates):
            return found
        if call.model and call.model != model:
            found = self._look_up((model, *key[1:]))
            if isinstance(found, Rates):
                return found
        raise Unpriced(found)

    def _look_up(self, key: tuple[str, float, str]) -> Rates | str:
        """The rates of a model, on a day since 1970, with a tier; or why there are none."""
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            name, days, tier = key
            try:
                day = _EPOCH + timedelta(days=days)
                known = self._own.rates(name, tier) or table_rates(name, day, tier)
            except Unpriced as e:
                known = str(e)
            except (OverflowError, ValueError):  # a time that a damaged file tells
                known = "the day is not known"
            self._known[key] = known
        return known


class _LookedUp:
    """What was looked up at Google for an answer, and by list price."""

    def __init__(self) -> None:
        self.calls = 0
        self._searches = 0
        self._paid: int | None = 0

    def add(self, call: CallUsage, rates: Rates, model: str) -> None:
        """One more call that did."""
        self.calls += 1
        self._searches += call.searches
        charged = min(call.searches, 1) if _BY_PROMPT.match(model) else call.searches
        if rates.searches is None or not charged or self._paid is None:
            self._paid = None
        else:
            self._paid += charged * rates.searches.base

    def note(self) -> str:
        """For the note of a cost."""
        count = self._searches
        told = f"{count} search{'' if count == 1 else 'es'}" if count else "Google Maps"
        if self._paid is not None:
            told += f": {dollars(self._paid / SCALE / 1000)} by list price, less what is free"
        return f"{NOT_COUNTED}grounding ({told})"


def _plain(call: CallUsage, rates: Rates) -> Cost | None:
    """What a call has cost in which nothing but text went in and came out: the same as `_spend`, and quicker.

    None: it is another one, or has no cost that is known.
    """
    counts, details = call.counts, call.details
    for told in details.values():
        if len(told) != 1 or type(one := told[0]) is not dict or one.get("modality") != "TEXT":
            return None
    if call.estimated or call.grounded or (rates.apart_in and "promptTokensDetails" not in details):
        return None
    get = counts.get
    prompt = get("promptTokenCount", 0) + get("toolUsePromptTokenCount", 0)
    answer, thoughts, cached = (
        get("candidatesTokenCount", 0),
        get("thoughtsTokenCount", 0),
        get("cachedContentTokenCount", 0),
    )
    full, kept, out, thinking = rates.full[TEXT], rates.cached[TEXT], rates.out[TEXT], rates.thinking
    if (
        not prompt
        or cached > prompt
        or ("cacheTokensDetails" in details and not cached)
        or (answer and rates.apart_out and "candidatesTokensDetails" not in details)
        or full is None
        or kept is None
        or out is None
        or thinking is None
    ):
        return None
    parts: dict[str, float] = {}
    total = (prompt - cached) * (full.at(prompt) if full.tiers else full.base)
    if total:
        parts["input"] = total / PARTS
    if cached and (paid := cached * kept.at(prompt)):
        parts["cached"] = paid / PARTS
        total += paid
    if thoughts and (paid := thoughts * thinking.at(prompt)):
        parts["thinking"] = paid / PARTS
        total += paid
    if answer and (paid := answer * (out.at(prompt) if out.tiers else out.base)):
        parts["output"] = paid / PARTS
        total += paid
    return Cost(total / PARTS, parts)


def _spend(call: CallUsage, rates: Rates, spent: dict[str, int], notes: dict[str, None]) -> None:
    """Add what one call has cost, in parts of a dollar. Raises Unpriced."""
    counts = call.counts
    prompt = counts.get("promptTokenCount", 0) + counts.get("toolUsePromptTokenCount", 0)
    answer, thoughts = counts.get("candidatesTokenCount", 0), counts.get("thoughtsTokenCount", 0)
    if not (prompt or answer or thoughts):
        raise Unpriced(NO_TOKENS)
    if call.estimated:
        notes[TOKENS_UNTOLD] = None
    if prompt:
        _spend_input(prompt, call, rates, spent, notes)
    if answer:
        said = call.details.get("candidatesTokensDetails")
        if rates.apart_out and not said:
            raise Unpriced("Gemini did not tell what of the answer was media")
        media = _media(said)
        made = _split(answer + thoughts, media, rates.apart_out, "answer")
        for kind in rates.apart_out:
            spent["media_out"] += _price(made[kind], rates.out[kind], prompt)
        thoughts = min(thoughts, made[TEXT])  # they may hold media, too
        rest = made[TEXT] - thoughts
        alike = min(sum(media.values()) - sum(made[kind] for kind in rates.apart_out), rest)
        spent["media_out"] += _price(alike, rates.out[TEXT], prompt)
        spent["output"] += _price(rest - alike, rates.out[TEXT], prompt)
    spent["thinking"] += _price(thoughts, rates.thinking, prompt)


def _spend_input(prompt: int, call: CallUsage, rates: Rates, spent: dict[str, int], notes: dict[str, None]) -> None:
    """`prompt`: all that went in."""
    details, apart = call.details, rates.apart_in
    told = details.get("promptTokensDetails")
    if apart and not told:
        notes[MEDIA_UNTOLD] = None
    media = _media(told, details.get("toolUsePromptTokensDetails"))
    sent = _split(prompt, media, apart, "prompt")
    kept = _cached(call, sent, rates, notes)
    for kind, count in kept.items():
        spent["cached"] += _price(count, rates.cached[kind], prompt)
        sent[kind] -= count
    for kind in apart:
        spent["media_in"] += _price(sent[kind], rates.full[kind], prompt)
    unread = sum(media.values()) - sum(_media(details.get("cacheTokensDetails")).values())
    alike = min(max(unread - sum(sent[kind] for kind in apart), 0), sent[TEXT])
    spent["media_in"] += _price(alike, rates.full[TEXT], prompt)
    spent["input"] += _price(sent[TEXT] - alike, rates.full[TEXT], prompt)


def _cached(call: CallUsage, sent: Mapping[str, int], rates: Rates, notes: dict[str, None]) -> dict[str, int]:
    """How many of the tokens that were sent Gemini had already, by the same modalities. Raises Unpriced."""
    told, total = call.details.get("cacheTokensDetails"), call.counts.get("cachedContentTokenCount", 0)
    if not total and told:
        total = sum(entry["tokenCount"] for entry in _entries(told))
    if not total:
        return {}
    if told:
        found = _split(total, _media(told), rates.apart_in, "cached tokens")
    else:
        found, left = {}, total
        for kind, count in sent.items():  # the text is the first
            found[kind] = min(left, count)
            left -= found[kind]
        found[TEXT] += left
        if any(sent[kind] for kind in rates.apart_in):
            notes[CACHED_UNTOLD] = None
    if any(count > sent[kind] for kind, count in found.items()):
        raise Unpriced("Gemini's counts of cached tokens contradict those of the prompt")
    return found


def _split(total: int, media: Mapping[str, int], apart: Iterable[str], of: str) -> dict[str, int]:
    """Tokens by modalities that have prices of their own; all others are `TEXT`, the first. Raises Unpriced."""
    found = {TEXT: total}
    for kind in apart:
        found[kind] = media.get(kind, 0)
        found[TEXT] -= found[kind]
    if found[TEXT] < 0:
        raise Unpriced(f"Gemini's counts of the {of} contradict each other")
    return found


def _media(*details: list[Any] | None) -> dict[str, int]:
    """Modality -> tokens of what is no text. A document is read as images."""
    found: dict[str, int] = {}
    for entry in _entries(*details):
        if kind := _KINDS.get(entry["modality"]):
            found[kind] = found.get(kind, 0) + entry["tokenCount"]
    return found


_KINDS: Mapping[str, str] = {"AUDIO": "audio", "IMAGE": "image", "DOCUMENT": "image", "VIDEO": "video"}


def _entries(*details: list[Any] | None) -> Iterable[dict[str, Any]]:
    for entries in details:
        for entry in entries or ():
            if isinstance(entry, dict) and type(entry.get("tokenCount")) is int and type(entry.get("modality")) is str:
                yield entry


def _price(count: int, rate: Rate | None, prompt: int) -> int:
    if not count:
        return 0
    if rate is None:
        raise Unpriced("the table has no price for some of its tokens")
    return count * rate.at(prompt)
