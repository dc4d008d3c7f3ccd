"""Reading back what travelled through a client in sealed texts (`mapping.request.conversation.carrier`)."""

from __future__ import annotations

from mapping.notes import Notes
from mapping.request.conversation import carrier
from mapping.request.signatures import family, text_key
from mapping.values import JSON, RawTurn, Recall, Unseal


def nothing_sealed(text: str) -> JSON | None:
    """An `Unseal` for which everything is foreign."""
    return None


class CarriedSignatures:
    """The signatures of one request, as the client brings them along.

    `turns` is filled with whole turns, by call id or `text_key`, for the conversation's `recall`.
    """

    def __init__(self, model: str, *, unseal: Unseal, turns: dict[str, RawTurn], notes: Notes) -> None:
        """`model` is Gemini's, the one that is asked now."""
        self.of_calls: dict[str, str] = {}
        """Call id -> the signature of the call."""
        self._family = family(model)
        self._unseal = unseal
        self._turns = turns
        self._notes = notes

    def open(self, sealed: str | None, path: str) -> str | None:
        """Take in a sealed text, found at `path`; nothing carries nothing. Gives the signature of the turn's text."""
        if not sealed:
            return None
        payload = self._unseal(sealed)
        found = carrier.unpack(payload) if payload is not None else None
        if found is None:
            self._notes.add("reasoning-foreign", path)
            return None
        if found.turn is not None:
            keys = found.turn.call_ids or [text_key("".join(_texts(found.turn)))]
            self._turns.update(dict.fromkeys(keys, found.turn))
        if family(found.model) != self._family:
            self._notes.add("signature-foreign", path)
            return None
        self.of_calls.update(found.calls)
        return found.text


def carried_first(turns: dict[str, RawTurn], recall: Recall) -> Recall:
    """Remembers what the client brought along before what the gateway remembers."""

    def look(key: str) -> RawTurn | None:
        return turns.get(key) or recall(key)

    return look


def _texts(turn: RawTurn) -> list[str]:
    return [text for part in turn.parts if isinstance(text := part.get("text"), str) and not part.get("thought")]
