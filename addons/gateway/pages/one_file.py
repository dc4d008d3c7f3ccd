"""The page of an exchange as one file: it can be opened anywhere, without a network, and given to others.

It has no credential and no label of an account, and masked nothing that was said. Another thing than the transcript
that `copies` writes as HTML: that is for reading what was said, this for seeing what became of it on the way.
"""

from __future__ import annotations

from dataclasses import replace

from addons.gateway.cases import copies
from addons.gateway.cases.exchanges import TakenExchange
from addons.gateway.cases.export import without_accounts
from addons.gateway.pages.drawn import IN_FILE
from addons.gateway.pages.sections import Reading
from mapping.inspect.transcript import elements, members
from mapping.values import JSON

_LABEL = 5
"""Characters of a label that no other text is taken for."""


def html(taken: TakenExchange, *, mask: bool = False) -> bytes:
    """The file."""
    shown = nameless(copies.masked(taken) if mask else taken)
    reading = Reading(shown.record, shown, everything=True, masked=mask, in_file=True)
    return IN_FILE.render(reading)


def nameless(taken: TakenExchange) -> TakenExchange:
    """The same without what tells of accounts."""
    labels = dict.fromkeys(str(one["account"]) for one in _attempts(taken) if one.get("account"))
    names = {label: f"account {number}" for number, label in enumerate(labels, 1)}
    return replace(
        copies.anonymous(taken),
        record=_without(taken.record, names),
        calls=[replace(call, record=_without(call.record, names)) for call in taken.calls],
    )


def _attempts(taken: TakenExchange) -> list[JSON]:
    told = elements(list(taken.record.get("attempts") or ()))
    return [*map(members, told), *(call.record for call in taken.calls), taken.record]


def _without(record: JSON, names: dict[str, str]) -> JSON:
    made = {**record, "account": names.get(str(record.get("account")))}
    if attempts := record.get("attempts"):
        made["attempts"] = [_without(one, names) for one in attempts]
    if notes := record.get("notes"):
        made["notes"] = [(code, _renamed(detail, names)) for code, detail in notes]
    if message := record.get("message"):
        made["message"] = without_accounts(_renamed(message, names))
    return made


def _renamed(text: str, names: dict[str, str]) -> str:
    """A text with other names, but for labels that are as short as words are."""
    for label, name in names.items():
        if len(label) >= _LABEL:
            text = text.replace(label, name)
    return text
