"""addons.gateway.observers: who is told of an exchange that has ended."""

from __future__ import annotations

import logging
from typing import Any
from unittest.mock import Mock

import pytest

from addons.gateway.exchange.steps import Steps
from addons.gateway.observers import Observers


def test_one_that_fails_is_reported_and_the_next_is_told(caplog: pytest.LogCaptureFixture) -> None:
    observers, told = Observers(Steps()), Mock()
    observers.put("telling one", Mock(side_effect=BrokenPipeError(32, "Broken pipe")))
    observers.put("telling another", told)
    exchange: Any = object()
    summary: Any = object()
    with caplog.at_level(logging.WARNING, "antigravity"):
        observers.tell(exchange, summary)
        observers.tell(exchange, summary)
    assert told.call_args_list == [((exchange, summary),)] * 2
    assert caplog.messages == ["There is trouble with telling one: BrokenPipeError: [Errno 32] Broken pipe"]


def test_one_takes_the_place_of_another_and_goes() -> None:
    observers, first, second = Observers(Steps()), Mock(), Mock()
    observers.put("telling", first)
    observers.put("telling", second)
    told: Any = object()
    observers.tell(told, told)
    observers.put("telling", None)
    observers.tell(told, told)
    assert (first.call_count, second.call_count) == (0, 1)
