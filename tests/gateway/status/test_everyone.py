"""addons.gateway.status.everyone: what is made before a worker serves."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from addons.gateway.status import everyone, statistics
from addons.gateway.status.statistics import Statistics


def test_a_worker_can_tell_its_numbers_without_making_what_that_needs() -> None:
    gateway: Any = SimpleNamespace(kept_statistics=SimpleNamespace(), statistics=Statistics())
    answers: dict[str, Any] = {}
    worker: Any = SimpleNamespace(answer=answers.__setitem__)
    statistics._state.cache_clear()
    everyone.Everyone(gateway, worker)
    made = statistics._state.cache_info().misses
    assert answers["counts"](None)["version"] == 1
    assert statistics._state.cache_info().misses == made == 1
