"""The addon's options of mitmproxy, with what they can't be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Starter

REFUSED = {
    "antigravity_trace=yes": "The option antigravity_trace can't be 'yes'. It can be 'auto', 'on', 'off'.",
    "antigravity_cassette_record=some": "The option antigravity_cassette_record can't be 'some'.",
    "antigravity_list_model=false": "There is no option antigravity_list_model; did you mean antigravity_list_models?",
}


@pytest.mark.parametrize("option", REFUSED)
def test_what_an_option_can_not_be_stops_the_start(starter: Starter, option: str) -> None:
    gateway = starter(None, "--set", option, wait=False)
    assert gateway.process.wait(60) == 1
    assert REFUSED[option] in gateway.log
    assert "Traceback" not in gateway.log
