"""Turns in the order that Gemini demands: the `contents` of a request.

Rules of the Gemini API that `Turns` keeps:

* user and model alternate, a user speaks first, and there is at least one turn;
* from Gemini 3 on, nothing of the user's stands beside function responses: beside text the model tends to answer
  nothing, and newer models refuse any such part;
* models that do not continue a given answer get a turn that asks them to;
* the first function call of every step of the current turn is signed ("Thought signatures" guide).

Parts are never merged: a signature stays on the part it came with.
"""

from __future__ import annotations

from mapping.notes import Notes
from mapping.request.signatures import DUMMY
from mapping.values import JSON

BLANK = " "
"""The text of a turn that has to be there and has nothing to say; Gemini refuses an empty one."""

BETWEEN = "OK."
"""What stands for the model between function responses and what the user says or shows next. It stays in the history,
where the model takes it for its own words: so it says nothing."""

CONTINUE = "Continue exactly where you stopped."
"""What asks a model to go on with an answer that the client began."""


class Turns:
    """Turns in, alternating contents out.

    `signed`: the model checks thought signatures (Gemini 3 and later).
    """

    def __init__(self, signed: bool, notes: Notes) -> None:
        self.contents: list[JSON] = []
        self._signed = signed
        self._notes = notes
        self._paths: list[str] = []
        """Of each content: where the model turn stands in the request; empty for user turns."""
        self._last = ""
        """What the last content is: user, model or results."""

    def user(self, parts: list[JSON]) -> None:
        """What the user says: Gemini parts, at least one. From Gemini 3 on the model speaks between it and results."""
        if self._last == "results" and self._signed:
            self._add("model", "model", [{"text": BETWEEN}])
            self._notes.add("turn-inserted", "model")
        if self._last in ("user", "results"):
            self._extend(parts)
        else:
            self._add("user", "user", parts)

    def model(self, parts: list[JSON], path: str) -> None:
        """What the model said: Gemini parts, at least one. `path`: where it stands in the request, for notes."""
        if not self.contents:
            self._notes.add("turn-inserted", "user")
            self._add("user", "user", [{"text": BLANK}])
        if self._last == "model":
            self._extend(parts)
        else:
            self._add("model", "model", parts, path)

    def results(self, parts: list[JSON]) -> None:
        """A `functionResponse` part for each call of the turn before, in their order: a turn of their own."""
        self._add("results", "user", parts)

    def finish(self, *, prefill: bool) -> None:
        """There is a turn, and the last one is the user's, unless the model continues a turn of its own."""
        if not self.contents:
            self._add("user", "user", [{"text": BLANK}])
            self._notes.add("turn-inserted", "user")
        if self._last == "model" and not prefill:
            self._notes.add("prefill", self._paths[-1])
            self._add("user", "user", [{"text": CONTINUE}])

    def sign_current_turn(self) -> None:
        """Every step since the user last spoke has a signature on its first function call."""
        for content, path in zip(reversed(self.contents), reversed(self._paths), strict=True):
            parts = content["parts"]
            if content["role"] == "user":
                if "functionResponse" not in parts[0]:
                    return
                continue
            at = next((at for at, part in enumerate(parts) if "functionCall" in part), None)
            if at is not None and "thoughtSignature" not in parts[at]:
                content["parts"] = [*parts[:at], {**parts[at], "thoughtSignature": DUMMY}, *parts[at + 1 :]]
                self._notes.add("signature-dummy", path)

    def _add(self, kind: str, role: str, parts: list[JSON], path: str = "") -> None:
        self.contents.append({"role": role, "parts": [*parts]})
        self._paths.append(path)
        self._last = kind

    def _extend(self, parts: list[JSON]) -> None:
        self.contents[-1]["parts"] += parts
