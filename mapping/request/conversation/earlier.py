"""What was said before, as the client has it: turns, and the calls in them with their results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mapping.request.conversation.tool_results import fits, within
from mapping.values import JSON, RawTurn


@dataclass(slots=True)
class EarlierCall:
    """A function call of a model turn."""

    client_id: str | None
    part: JSON
    signature: str | None
    path: str
    response: JSON | None = None
    """The members of its functionResponse, id and name apart: the call may get others yet."""
    beside: list[JSON] = field(default_factory=list)
    """Files of the result that the function response does not hold."""

    @property
    def name(self) -> str:
        """Of the function, as Gemini is told it."""
        name: str = self.part["functionCall"]["name"]
        return name

    def attach(self, files: Sequence[JSON], *, inside: bool) -> None:
        """Add files to the result; `inside`: the model takes them in function responses."""
        assert self.response is not None
        held = [within(part) for part in files if inside and fits(part)]
        if held:
            self.response.setdefault("parts", []).extend(held)
        other = [part for part in files if not (inside and fits(part))]
        if other:
            self.beside += [{"text": f"[files of the result of {self.name}]"}, *other]

    def function_response(self) -> JSON:
        """The part that answers the call, with the call's own id and name."""
        assert self.response is not None
        call = self.part["functionCall"]
        head = {"name": call["name"]} if call.get("id") is None else {"id": call["id"], "name": call["name"]}
        return {"functionResponse": head | self.response}


@dataclass(slots=True)
class EarlierTurn:
    """What one side said, as the client has it."""

    role: str
    path: str
    parts: list[JSON] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    """The visible text of a model turn."""
    calls: list[EarlierCall] = field(default_factory=list)
    signature: str | None = None
    """The signature that belongs to the text."""
    answered: int = 0
    """How many of the calls have their result."""
    raw: RawTurn | None = None
    """The turn as Gemini made it, where it is remembered."""
    thoughts: bool = True
    """False: the client wants its thoughts to be left out, whoever has kept them."""


@dataclass(slots=True)
class CallsOfId:
    """The calls of one turn that go by the same id: one, unless the client is careless."""

    turn: EarlierTurn
    calls: list[EarlierCall] = field(default_factory=list)
    answered: int = 0


def call_key(call_id: str | None, name: str) -> tuple[str | None, str]:
    """What a result finds its call by: the id, or the function's name where the client gave no id."""
    return (call_id, "") if call_id is not None else (None, name)


def sign_text(turn: EarlierTurn) -> None:
    """The signature of a text goes onto its last part (Gemini puts it there)."""
    for part in reversed(turn.parts):
        if "text" in part:
            part["thoughtSignature"] = turn.signature
            return
