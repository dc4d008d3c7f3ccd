"""A case with fillers in the place of what was said: what the translation reads is masked, and what it makes follows.

Where a recorded value is what the translation gives now, the masked case has what it gives for the masked exchange.
Where it is not, the recorded value is masked by itself. So a case that passes still passes, one that fails still fails,
and nothing that was said is left either way.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import Any

from addons.gateway.cases.files import Case, CaseError, UpstreamCall
from addons.gateway.cases.rerun import Outcome, rerun
from addons.gateway.record.flow_record import digest
from mapping import dialects, jsonio
from mapping.inspect import fillers, masking
from mapping.inspect.masking import Structure

_DATA = b"data: "
SHORTEST = 8
"""Characters. Shorter texts of the request are not looked for in errors, whose meaning is in their words."""


def masked(case: Case) -> Case:
    """The masked case. Raises CaseError where the translation would go another way for it."""
    about = dialects.bodies(case.endpoint, case.request)
    request = masking.mask_request(case.request, about.structure)
    texts = sorted(_changed(case.request, request), key=len, reverse=True)
    made = replace(
        case,
        request=request,
        given=masking.mask_given(case.given, case.request, digest, about.structure, about.mask_sealed),
        seeds={**case.seeds, "sealed": [fillers.mask_opaque(text) for text in case.seeds.get("sealed", ())]},
        calls=[replace(call, answer=_answer(call, texts)) for call in case.calls],
        ended=None if case.ended is None else {**case.ended, "message": _scrubbed(case.ended["message"], texts)},
        masked=True,
    )
    before, after = rerun(case), rerun(made)
    if _way(before) != _way(after):
        raise CaseError(
            "This exchange can't be masked: its translation depends on what the texts say "
            f"({_way(before)} becomes {_way(after)})."
        )
    calls = [
        replace(call, request=_carry(call.request, masking.mask_request(call.request, about.structure), first, second))
        for call, first, second in zip(made.calls, before.requests, after.requests, strict=True)
    ]
    return replace(made, calls=calls, answer=_carry_bytes(case, before.answer, after.answer, about.structure))


def _way(outcome: Outcome) -> tuple[int, list[str]]:
    return outcome.status, sorted({code for code, _ in outcome.notes}) + outcome.crash.splitlines()[-1:]


def _answer(call: UpstreamCall, texts: list[str]) -> bytes:
    if call.status is not None and 200 <= call.status < 300:
        return masking.mask_answer(call.answer)
    return _scrubbed(call.answer.decode("utf-8", "surrogateescape"), texts).encode("utf-8", "surrogateescape")


def _scrubbed(error: str, texts: list[str]) -> str:
    """An error without what it quotes of the request."""
    for text in texts:
        if len(text) >= SHORTEST:
            error = error.replace(text, fillers.mask_text(text))
    return error


def _changed(value: Any, made: Any) -> set[str]:
    """The texts that are others now."""
    if isinstance(value, str):
        return {value} if value != made else set()
    if isinstance(value, dict):
        return set().union(*(_changed(member, made[name]) for name, member in value.items()))
    if isinstance(value, list):
        return set().union(*(_changed(item, other) for item, other in zip(value, made, strict=True)))
    return set()


def _carry(recorded: Any, masked_alone: Any, before: Any, after: Any) -> Any:
    """The masked form of a recorded value; `before` and `after` is what the translation gives in its place."""
    if recorded == before:
        return after
    if isinstance(recorded, dict) and isinstance(before, dict) and isinstance(after, dict):
        return {
            name: _carry(value, masked_alone[name], before[name], after[name])
            if name in before and name in after
            else masked_alone[name]
            for name, value in recorded.items()
        }
    if isinstance(recorded, list) and isinstance(before, list) and isinstance(after, list):
        met = min(len(before), len(after))
        return [
            _carry(value, alone, before[at], after[at]) if at < met else alone
            for at, (value, alone) in enumerate(zip(recorded, masked_alone, strict=True))
        ]
    return masked_alone


def _carry_bytes(case: Case, before: bytes, after: bytes, structure: Structure) -> bytes:
    """The same for the client's answer."""
    recorded = case.steady
    if recorded == before:
        return after
    if not case.streamed:
        return _carry_data(recorded, before, after, structure)
    events = [stream.split(b"\n\n") for stream in (recorded, before, after)]
    made = {event.rpartition(_DATA)[2] for event in events[2]}
    carried = []
    for one, first, second in zip_longest(*events, fillvalue=b""):
        head, mark, data = one.rpartition(_DATA)  # the last line of an event holds its data
        if one == first:
            carried.append(second)
        elif data in made:  # what the masked exchange gives too, elsewhere: it marks the end, say
            carried.append(one)
        else:
            other = _carry_data(data, first.rpartition(_DATA)[2], second.rpartition(_DATA)[2], structure)
            carried.append(head + mark + other)
    return b"\n\n".join(carried[: len(events[0])])


def _carry_data(recorded: bytes, before: bytes, after: bytes, structure: Structure) -> bytes:
    """A whole answer, or the data of an event."""
    value, first, second = map(_loaded, (recorded, before, after))
    if isinstance(value, dict):
        return jsonio.dumps(_carry(value, masking.mask_request(value, structure), first, second))
    return fillers.mask_text(recorded.decode()).encode()


def _loaded(data: bytes) -> Any:
    try:
        return jsonio.loads(data)
    except ValueError:
        return None
