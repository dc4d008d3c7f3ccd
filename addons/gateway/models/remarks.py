"""What is wrong with the models that the settings name, told once each."""

from __future__ import annotations

import logging
from collections.abc import Callable

logger = logging.getLogger("antigravity")


class ModelRemarks:
    """See the module."""

    def __init__(self, now: Callable[[], list[str]]) -> None:
        self.now = now
        """What there is to say now, a sentence each."""
        self._told: set[str] = set()

    def tell(self) -> None:
        """Log what has not been said before."""
        for remark in self.now():
            if remark not in self._told:
                self._told.add(remark)
                logger.warning(remark)
