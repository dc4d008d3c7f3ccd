"""Why an answer ended: OpenAI's words, and what is known beside them -> Anthropic's `stop_reason`.

Rules of this module (Anthropic's API reference, "Handling stop reasons"):

* Only Anthropic's own values go out.
* Gemini does not tell which stop sequence ended an answer, so the gateway looks for them itself (`StopWatch`).
"""

from __future__ import annotations

from collections.abc import Sequence

from mapping.answer import finish
from mapping.gemini import catalogue
from mapping.totals import Totals

END_TURN = "end_turn"
MAX_TOKENS = "max_tokens"
STOP_SEQUENCE = "stop_sequence"
TOOL_USE = "tool_use"
PAUSE_TURN = "pause_turn"
REFUSAL = "refusal"
COMPACTION = "compaction"
WINDOW_EXCEEDED = "model_context_window_exceeded"

_REASONS = {
    finish.STOP: END_TURN,
    finish.LENGTH: MAX_TOKENS,
    finish.TOOL_CALLS: TOOL_USE,
    finish.CONTENT_FILTER: REFUSAL,
}


_WINDOWS = {model.name: model.inputs for model in catalogue.KNOWN}
_USUAL_WINDOW = 1_048_576
"""Both: how many tokens a model reads."""


def fills_window(model: str, totals: Totals, allowed: int | None) -> bool:
    """Whether an answer that was cut short ran out of the model's window, not of the length that was `allowed`."""
    if allowed is not None and totals.completion >= allowed:
        return False
    return totals.prompt + totals.completion >= (_WINDOWS.get(model) or _USUAL_WINDOW)


def stop_reason(reason: str, ended_by: str | None, *, stopped: bool, calls: bool) -> str:
    """`reason`: one of OpenAI's; `ended_by`: Gemini's; `stopped`: a stop sequence was found; `calls`: some came before.

    Those are to be run, whatever came behind them.
    """
    if stopped:
        return TOOL_USE if calls else STOP_SEQUENCE
    if ended_by == finish.CONTINUATION:
        return TOOL_USE if calls else PAUSE_TURN
    return _REASONS[reason]


class StopWatch:
    """Looks for stop sequences in a text that comes in pieces. `add` and `end` give what is to go out."""

    __slots__ = ("_held", "_keep", "_stops", "found")

    def __init__(self, stops: Sequence[str]) -> None:
        self.found: str | None = None
        """The sequence that came. Nothing goes out any more."""
        self._stops = stops
        self._keep = max(map(len, stops)) - 1
        self._held = ""
        """What may be the beginning of one."""

    def add(self, text: str) -> str:
        """Take a piece, and give what can be shown now; may be empty."""
        if self.found is not None:
            return ""
        text = self._held + text
        places = [(at, stop) for stop in self._stops if (at := text.find(stop)) >= 0]
        if places:
            at, self.found = min(places, key=lambda place: (place[0], -len(place[1])))
            self._held = ""
            return text[:at]
        begun = self._begun(text)
        self._held = text[begun:]
        return text[:begun]

    def end(self) -> str:
        """What was held back: nothing that belongs to it comes any more."""
        held, self._held = self._held, ""
        return held

    def _begun(self, text: str) -> int:
        """Where what may be a beginning begins; the end of the text if nothing does."""
        for at in range(max(0, len(text) - self._keep), len(text)):
            tail = text[at:]
            if any(stop.startswith(tail) for stop in self._stops):
                return at
        return len(text)
