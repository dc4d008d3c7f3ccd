"""Which exchanges a page lists: by the query of its address, so that it works without JavaScript.

Exchanges are the plain values of summaries (`Summary.plain`, or the client's record of a flow).

`?errors=1` lists those that did not go well, `?q=words` those that have the words in them, `?all=1` as many as are
kept rather than `FIRST`. They go together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from addons.gateway.exchange.summary import CLIENT_LEFT
from mapping.values import JSON

FIRST = 50
"""How many are listed unless all are asked for."""
_LONGEST = 200
"""Characters of what is looked for."""

_NAMED = ("client_model", "model", "account", "message", "client", "conversation")


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for among the latest exchanges: those with errors, words, or as many as there are."""

    errors: bool = False
    text: str = ""
    everything: bool = False

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Search:
        """Of an address's query; what it lacks or has too much is no error."""
        return cls(
            errors=query.get("errors", "0") not in ("", "0"),
            text=query.get("q", "").strip()[:_LONGEST],
            everything=query.get("all", "0") not in ("", "0"),
        )

    def __bool__(self) -> bool:
        return self.errors or bool(self.text)

    def fits(self, exchange: JSON) -> bool:
        """Whether an exchange is one of those that are looked for: each word has to be found, in any case."""
        return not (self.errors and not went_wrong(exchange)) and self.told_of(exchange)

    def told_of(self, exchange: JSON) -> bool:
        """Whether all words are in what is told of an exchange."""
        told = "\n".join(_texts(exchange)).casefold()
        return all(word in told for word in self.words())

    def words(self) -> list[str]:
        """What is looked for, without the difference of small and capital letters."""
        return self.text.casefold().split()

    def address(self, *, everything: bool) -> str:
        """The page that lists the same, cut or not."""
        query = {"errors": "1" if self.errors else "", "q": self.text, "all": "1" if everything else ""}
        return "/?" + urlencode({name: value for name, value in query.items() if value})


def went_wrong(exchange: JSON) -> bool:
    """It failed, its client left, or its answer has no content."""
    status = exchange["status"]
    failed = bool(exchange["error"]) or status is None or status >= 400
    left = exchange["outcome"] == CLIENT_LEFT
    return failed or left or any(code == "empty" for code, _ in exchange["notes"])


def _texts(exchange: JSON) -> list[str]:
    texts = [exchange["id"], exchange["method"], exchange["path"], str(exchange["status"] or ""), exchange["outcome"]]
    texts += [str(exchange[name]) for name in _NAMED if exchange.get(name)]
    texts += exchange["finish"]
    texts += [f"{attempt['account']} {attempt['outcome']}" for attempt in exchange["attempts"]]
    texts += [f"{code}={detail}" for code, detail in exchange["notes"]]
    return texts
