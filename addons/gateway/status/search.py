"""Which exchanges the status page lists: by the query of its address, so that it works without JavaScript.

`?errors=1` lists those that did not go well, `?q=words` those that have the words in them, `?all=1` as many as are
kept rather than `FIRST`. They go together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from addons.gateway.exchange.summary import Summary

FIRST = 50
"""How many are listed unless all are asked for."""
_LONGEST = 200
"""Characters of what is looked for."""


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

    def fits(self, summary: Summary) -> bool:
        """Whether an exchange is one of those that are looked for: each word has to be found, in any case."""
        if self.errors and not went_wrong(summary):
            return False
        if not self.text:
            return True
        told = "\n".join(_texts(summary)).casefold()
        return all(word in told for word in self.text.casefold().split())

    def address(self, *, everything: bool) -> str:
        """The page that lists the same, cut or not."""
        query = {"errors": "1" if self.errors else "", "q": self.text, "all": "1" if everything else ""}
        return "/?" + urlencode({name: value for name, value in query.items() if value})


def went_wrong(summary: Summary) -> bool:
    """It failed, its client left, or its answer has no content."""
    return summary.failed or summary.left or any(code == "empty" for code, _ in summary.notes)


def _texts(summary: Summary) -> list[str]:
    texts = [summary.id, summary.method, summary.path, str(summary.status or ""), summary.outcome, *summary.finish]
    texts += [text for text in (summary.client_model, summary.model, summary.account, summary.message) if text]
    texts += [f"{attempt.account} {attempt.outcome}" for attempt in summary.attempts]
    texts += [f"{code}={detail}" for code, detail in summary.notes]
    return texts
