"""What a run says of the client: finished, retried, hung, crashed, lost text, ran a half tool call.

All from what is there to be seen: the exit status, the output beside that of runs without a fault, and the requests.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from scripts.drilling.faults import Drilled
from scripts.drilling.runs import DrillRun

_WORD = re.compile(r"\w{3,}")
_ERROR = re.compile(r"^(\w+\.)*\w*(Error|Exception)\b.*\w|^error\b.*\w", re.I)
_REPORTS = re.compile(r"error|invalid|malformed|pars(e|ing)|json|unexpected|incomplete|truncat|fail|missing", re.I)
"""Words by which a client tells the model that a call was no good."""
_KINDS = frozenset(("type", "role", "name", "status"))
"""Members that say what a thing is, and not what is in it."""


@dataclass(slots=True)
class DrillVerdict:
    """One row."""

    name: str
    fault: str
    met: bool
    """The fault has happened: without it the row says nothing."""
    outcome: str
    """`finished`, `failed` (it said so, and may), `crashed`, `hung`."""
    requests: int
    retries: list[float] = field(default_factory=list)
    """Seconds from one request to the next, where there are more of them than without the fault."""
    seconds: float = 0.0
    lost: list[str] = field(default_factory=list)
    """Words that are in the output of each run without a fault, and not in this one's."""
    half_call: str | None = None
    """What the client gave back as the result of a call that was broken."""
    ran_half: bool = False
    """That result tells of no fault: the call was run."""
    said: str = ""
    """How a run ended that did not finish: its last line."""

    @property
    def bad(self) -> bool:
        """The client does not survive this."""
        return self.met and (self.outcome in ("crashed", "hung") or bool(self.lost) or self.ran_half)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {name: getattr(self, name) for name in self.__slots__} | {"bad": self.bad}


def words_of(baselines: Sequence[DrillRun]) -> list[str]:
    """The words that the client prints each time, in their order."""
    first, *others = [list(dict.fromkeys(_WORD.findall(run.output))) for run in baselines]
    return [word for word in first if all(word in other for other in others)]


def judge(drilled: Drilled, run: DrillRun, baselines: Sequence[DrillRun]) -> DrillVerdict:
    """What a run says, beside those without a fault."""
    result = _result(run)
    seen = set(_WORD.findall(run.output))
    finished = run.status == 0
    lost = [word for word in words_of(baselines) if word not in seen] if finished and drilled.has_text else []
    return DrillVerdict(
        name=drilled.name,
        fault=drilled.fault,
        met=bool(run.met),
        outcome=_outcome(drilled, run),
        requests=len(run.requests),
        retries=_retries(run, max(len(one.requests) for one in baselines), max(1, drilled.turn)),
        seconds=run.seconds,
        lost=lost,
        half_call=result,
        ran_half=result is not None and not _REPORTS.search(result),
        said="" if finished else _last_line(run),
    )


def _outcome(drilled: Drilled, run: DrillRun) -> str:
    if run.status is None:
        return "hung"
    if run.status == 0:
        return "finished"
    return "failed" if drilled.may_fail and run.status > 0 else "crashed"


def _retries(run: DrillRun, usual: int, turn: int) -> list[float]:
    """The pauses before the requests that are more than usual, from the one on that met the fault."""
    times = [one.time for one in run.requests]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    return pauses[turn - 1 : turn - 1 + max(0, len(times) - usual)]


def _last_line(run: DrillRun) -> str:
    """The last line, or the last one that names an error: what stands behind it tells less."""
    lines = [line.strip() for line in (run.errors or run.output).splitlines() if line.strip()]
    told = [line for line in lines if _ERROR.search(line)] or lines
    return told[-1][:200] if told else ""


def _result(run: DrillRun) -> str | None:
    """What came back for a broken call; None: nothing.

    A result is the second thing in a request that has the call's id, or the only one where the conversation is kept by
    the gateway.
    """
    for request in run.requests:
        body = request.json
        for id in run.broken:
            found = _with_id(body, id)
            if len(found) > 1 or (found and isinstance(body, dict) and body.get("previous_response_id")):
                texts = [text for text in _texts(found[-1]) if not text.startswith(id)]
                return max(texts, key=len, default="")[:300]
    return None


def _with_id(value: Any, id: str) -> list[dict[str, Any]]:
    """The objects that have a member with this id, in their order."""
    if isinstance(value, list):
        return [one for item in value for one in _with_id(item, id)]
    if not isinstance(value, dict):
        return []
    own = [value] if any(isinstance(one, str) and one.startswith(id) for one in value.values()) else []
    return own + [one for item in value.values() for one in _with_id(item, id)]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for name, item in value.items() if name not in _KINDS for text in _texts(item)]
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else []
