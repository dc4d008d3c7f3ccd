"""JSON that comes in Markdown fences, because it was asked for by a sentence only: taken out of them, as it comes.

Rules of this module:

* Only an answer that begins with a fence is changed; any other goes through as it is.
* What may be the closing fence is held back until the next piece, or the end, tells. Inside JSON there are backticks in
  strings only, so nothing of the JSON is lost.
"""

from __future__ import annotations

_FENCE = "```"
_BLANK = " \t\r\n"
_OPENING = 64
"""Characters that the opening line may have."""


class Unfence:
    """Takes the text of one answer in pieces. `add` and `end` give what is to go out; it may be empty."""

    __slots__ = ("_fenced", "_held")

    def __init__(self) -> None:
        self._held = ""
        self._fenced: bool | None = None
        """None: not known yet."""

    def add(self, text: str) -> str:
        """Take a piece of the answer, and give what can be shown now; may be empty."""
        if self._fenced is False:
            return text
        text = self._held + text
        if self._fenced is None:
            self._held = text
            opened = self._opened(text)
            if opened is None:
                return ""
            text = opened
            if not self._fenced:
                self._held = ""
                return text
        kept = len(text.rstrip("`" + _BLANK))
        self._held = text[kept:]
        return text[:kept]

    def end(self) -> str:
        """What was held back, without the closing fence."""
        held, self._held = self._held, ""
        if not self._fenced:
            return held
        return held.rpartition(_FENCE)[0].rstrip(_BLANK) if _FENCE in held else held

    def _opened(self, text: str) -> str | None:
        """The text behind the opening line, or all of it where there is none; None: that can't be told yet."""
        begun = text.lstrip(_BLANK)
        if not begun.startswith(_FENCE[: len(begun)]) or (len(begun) > _OPENING and "\n" not in begun[:_OPENING]):
            self._fenced = False
            return text
        line, end, rest = begun.partition("\n")
        if len(begun) < len(_FENCE) or not end:
            return None
        self._fenced = line[len(_FENCE) :].strip().isalnum() or line.strip() == _FENCE
        return rest if self._fenced else text
