"""How the toy is tried."""

from __future__ import annotations

from collections.abc import Sequence

from mapping import jsonio
from mapping.trial import Ask, Wrong
from mapping.values import JSON


class ToyTrial:
    """See `mapping.trial.Trial`."""

    def samples(self) -> Sequence[JSON]:
        """Two."""
        return [{"model": "m", "say": "Hi", "stream": True}, {"model": "m", "say": "Hi", "loud": True}]

    def request(self, ask: Ask) -> JSON:
        """Say it."""
        return {"model": ask.model, "say": ask.text, "stream": ask.stream}

    def check_whole(self, request: JSON, answer: bytes) -> None:
        """It is a toy."""
        if request.get("stream") or set(jsonio.loads(answer)) != {"toy"}:
            raise Wrong("no toy")

    def check_stream(self, request: JSON, answer: bytes) -> bool:
        """It ends."""
        last = answer.split(b"\n\n")[-2]
        if not last.startswith((b"data: oops ", b"data: end")):
            raise Wrong("no end")
        return last == b"data: end"

    def check_error(self, answer: bytes) -> None:
        """Oops."""
        if not jsonio.loads(answer)["oops"]:
            raise Wrong("no oops")


TRIALS = {"toy": ToyTrial()}
