"""Which model it is that answers: Google serves newer ones under older names, and says when one is to be retired."""

from __future__ import annotations

from mapping.gemini.models import is_same, strip_prefixes
from mapping.notes import Notes
from mapping.values import JSON

MAX_NAME = 128
"""Characters of a model's name."""
_ENDING = ("LEGACY", "DEPRECATED", "RETIRED")
"""Values of `modelStatus.modelStage` that tell of an end."""


class Version:
    """Reads it from the responses of one answer. `asked` is the model that was asked."""

    __slots__ = ("_asked", "_notes", "is_read", "name")

    def __init__(self, asked: str, notes: Notes) -> None:
        self._asked = asked
        self._notes = notes
        self.is_read = False
        """Nothing more is to be read."""
        self.name: str | None = None
        """The model that answers, as it says itself."""

    def read(self, response: JSON) -> str | None:
        """The model, if this response tells and it is another one than was asked. That is noted, too."""
        status = response.get("modelStatus")
        if type(status) is dict:
            self._read_status(status)
        version = response.get("modelVersion")
        if type(version) is not str or not version:
            return None
        self.is_read = True
        self.name = served = bare(version)
        if not served or is_same(self._asked, served):
            return None
        self._notes.add("served", served)
        return served

    def _read_status(self, status: JSON) -> None:
        """A model that is to be retired says so itself."""
        when = status.get("retirementTime")
        stage = status.get("modelStage")
        if any(code == "retires" for code, _ in self._notes):
            return
        if type(when) is str and when:
            self._notes.add("retires", when[:10])
        elif stage in _ENDING:
            self._notes.add("retires", stage.lower())


def bare(version: str) -> str:
    """The name of a `modelVersion`, without where the model is."""
    return strip_prefixes(version).rpartition("/")[2][:MAX_NAME]
