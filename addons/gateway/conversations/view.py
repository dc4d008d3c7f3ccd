"""A conversation as a whole: all its turns, what was said and which tools were called in each, and what it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from addons.gateway.cases.exchanges import TakenExchange, when_of
from addons.gateway.conversations.finding import by_thread
from addons.gateway.conversations.prompts import cache_report, prompt_turn
from addons.gateway.grouping.beginnings import chain
from addons.gateway.grouping.known import CONVERSING
from mapping.inspect.printable import one_line
from mapping.inspect.prompt_cache.report import TurnReport
from mapping.inspect.transcript import base64_media, elements, members, number_of, string
from mapping.prices.shown import dollars
from mapping.values import JSON

_TEXT = 2000
"""Characters of a text that are kept for JSON."""
_LINE = 160
"""Of one that stands in a line."""
_COUNTED = ("prompt", "completion", "cached", "reasoning")


@dataclass(slots=True)
class TurnPart:
    """A text, a call of a tool, or what it gave back."""

    kind: str
    """`text`, `call`, `result`, `media`."""
    text: str
    name: str = ""
    """Of the tool."""

    def plain(self) -> JSON:
        """For JSON."""
        made = {"kind": self.kind, "text": self.text}
        return made | {"name": self.name} if self.name else made

    def line(self, mark: str) -> str:
        """`> What is in the file?`, `→ read({"path":"a"})`, `← read: ...`."""
        text = one_line(self.text, _LINE)
        if self.kind == "call":
            return f"→ {one_line(self.name, 60)}({text})"
        return f"← {one_line(self.name, 60)}: {text}" if self.kind == "result" else f"{mark} {text}"


@dataclass(slots=True)
class ConversationTurn:
    """One exchange of a conversation."""

    taken: TakenExchange
    number: int
    """In its thread, from 1 on."""
    agent: str
    asked: Sequence[TurnPart]
    """What is new in it."""
    answered: Sequence[TurnPart]
    cache: TurnReport | None
    """None: Gemini was asked for nothing that is a prompt."""

    def plain(self) -> JSON:
        """For JSON."""
        record = self.taken.record
        return {
            "number": self.number,
            "id": self.taken.id,
            "agent": self.agent or None,
            **{key: record.get(key) for key in ("time", "total", "first", "endpoint", "client_model", "model")},
            **{key: record.get(key) for key in ("account", "status", "error", "outcome", "finish", "tokens", "cost")},
            "attempts": len(elements(record.get("attempts"))),
            "asked": [one.plain() for one in self.asked],
            "answered": [one.plain() for one in self.answered],
            "cache": {"outcome": self.cache.outcome, "why": self.cache.why} if self.cache else None,
        }

    def head(self) -> str:
        """One line: model, how it failed, time, tokens, cost."""
        record = self.taken.record
        tokens = members(record.get("tokens"))
        head = [f"turn {self.number}", self.taken.id, string(record.get("model"))]
        if record.get("error") or (record.get("status") or 200) >= 400:
            head.append(f"{string(record.get('status'))} {string(record.get('error'))}".strip())
        if isinstance(total := record.get("total"), int | float):
            head.append(f"{total:.2f} s")
        if tokens:
            cached = f" ({tokens['cached']:,} cached)" if tokens.get("cached") else ""
            head.append(f"{tokens.get('prompt', 0):,}{cached} + {tokens.get('completion', 0):,} tokens")
        if (usd := number_of(record.get("cost"))) is not None:
            head.append(dollars(usd))
        return one_line(" · ".join(part for part in head if part))

    def lines(self) -> list[str]:
        """The head, and below it what was said."""
        made = [self.head()]
        made += [f"    {one.line('>')}" for one in self.asked]
        made += [f"    {one.line('<')}" for one in self.answered]
        if self.cache and (why := self.cache.why) and self.cache.broken:
            made.append(f"    cache: {self.cache.outcome}, {one_line(why[0], _LINE)}")
        return made


@dataclass(slots=True)
class ConversationView:
    """See the module."""

    id: str
    client: str | None
    turns: Sequence[ConversationTurn]
    """Those of the main thread first, then those of each helper, each in order of time."""

    def plain(self) -> JSON:
        """For JSON."""
        times = self._times()
        return {
            "id": self.id,
            "client": self.client,
            "agents": [agent for agent in self._agents() if agent],
            "models": self._each("model"),
            "accounts": self._each("account"),
            "begun": min(times, default=None),
            "last": max(times, default=None),
            "tokens": self._tokens(),
            "cost": self._cost(),
            "tools": self._tools(),
            "turns": [turn.plain() for turn in self.turns],
        }

    def head(self) -> str:
        """One line: the client, how many turns, since when, models, tokens, cost."""
        tokens, cost, count = self._tokens(), self._cost(), len(self.turns)
        head = [
            self.client or "",
            f"{count} turn{'s' if count != 1 else ''}",
            f"from {begun}" if (begun := when_of(min(self._times(), default=None))) else "",
            ", ".join(self._each("model")),
            f"{tokens['prompt']:,} ({tokens['cached']:,} cached) + {tokens['completion']:,} tokens",
            dollars(cost) if cost is not None else "",
        ]
        return one_line(" · ".join(part for part in head if part))

    def lines(self) -> list[str]:
        """As text."""
        made = [f"conversation {self.id} · {self.head()}"]
        if tools := self._tools():
            made.append(one_line("tools: " + ", ".join(f"{name} {times} x" for name, times in tools.items())))
        for agent, turns in groupby(self.turns, key=lambda turn: turn.agent):
            made += ["", f"── {agent or 'main thread'} ──"] if agent or len(self._agents()) > 1 else [""]
            made += [line for turn in turns for line in turn.lines()]
        return made

    def _times(self) -> list[float]:
        return [time for turn in self.turns if (time := number_of(turn.taken.record.get("time"))) is not None]

    def _each(self, member: str) -> list[str]:
        """The texts that the records have for a member, each once."""
        values = [turn.taken.record.get(member) for turn in self.turns]
        return list(dict.fromkeys(value for value in values if isinstance(value, str)))

    def _agents(self) -> list[str]:
        return list(dict.fromkeys(turn.agent for turn in self.turns))

    def _tokens(self) -> JSON:
        each = [members(turn.taken.record.get("tokens")) for turn in self.turns]
        return {name: sum(one.get(name) or 0 for one in each) for name in _COUNTED}

    def _cost(self) -> float | None:
        """Of all turns; None where one's is not known."""
        costs = [number_of(turn.taken.record.get("cost")) for turn in self.turns if turn.taken.record.get("tokens")]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if known and len(known) == len(costs) else None

    def _tools(self) -> dict[str, int]:
        made: dict[str, int] = {}
        for turn in self.turns:
            for one in turn.answered:
                if one.kind == "call":
                    made[one.name] = made.get(one.name, 0) + 1
        return made


def told_conversation(id: str, exchanges: Sequence[TakenExchange]) -> tuple[JSON, list[str]]:
    """All turns of a conversation: for JSON, and as text."""
    made = conversation(id, exchanges)
    return made.plain(), made.lines()


def conversation(id: str, exchanges: Sequence[TakenExchange]) -> ConversationView:
    """Of the exchanges of one conversation, in order of time."""
    turns: list[ConversationTurn] = []
    for agent, all in by_thread(exchanges).items():
        cached = iter(cache_report(all).turns)
        seen: set[bytes] = set()
        for number, taken in enumerate(all, 1):
            cache = next(cached) if prompt_turn(taken) is not None else None
            turns.append(ConversationTurn(taken, number, agent, _asked(taken, seen), _answered(taken), cache))
    client = next((client for taken in exchanges if (client := taken.record.get("client"))), None)
    return ConversationView(id, client, turns)


def _asked(taken: TakenExchange, seen: set[bytes]) -> list[TurnPart]:
    """What the user said since the turns before; at least the last of it. `seen` learns of it."""
    call = taken.last_call
    request = members(call.request) if call else {}
    said = [content for content in elements(request.get("contents")) if members(content).get("role") != "model"]
    digests = chain(b"", request) if taken.endpoint in CONVERSING else []
    new = [content for content, digest in zip(said, digests, strict=False) if digest not in seen]
    seen.update(digests)
    return [one for content in (new or said[-1:]) for one in _said(content)]


def _answered(taken: TakenExchange) -> list[TurnPart]:
    call = taken.last_call
    candidates = elements(members(call.answer if call else None).get("candidates"))
    return [one for candidate in candidates[:1] for one in _said(members(candidate).get("content"))]


def _said(content: Any) -> list[TurnPart]:
    made: list[TurnPart] = []
    for part in elements(members(content).get("parts")):
        told = members(part)
        if told.get("thought") is True:
            continue
        call, result, media = (members(told.get(kind)) for kind in ("functionCall", "functionResponse", "inlineData"))
        if isinstance(text := told.get("text"), str):
            if made and made[-1].kind == "text":
                made[-1].text = (made[-1].text + text)[:_TEXT]
            elif text:
                made.append(TurnPart("text", text[:_TEXT]))
        elif call:
            made.append(TurnPart("call", string(call.get("args"))[:_TEXT], string(call.get("name"))))
        elif result:
            made.append(TurnPart("result", _shown(result.get("response"))[:_TEXT], string(result.get("name"))))
        elif media:
            made.append(TurnPart("media", base64_media("file", media.get("mimeType"), media.get("data"))))
        elif told:
            made.append(TurnPart("media", f"[{', '.join(told)}]"))
    return made


def _shown(response: Any) -> str:
    """What a tool gave back: of an object with one member that member."""
    values = list(members(response).values())
    return string(values[0] if len(values) == 1 else response)
