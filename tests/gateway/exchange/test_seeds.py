"""Ids of requests."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.gateway.exchange import seeds


@given(st.binary(min_size=16, max_size=16))
def test_no_digit_stands_in_the_id_of_a_request(drawn: bytes) -> None:
    """Clients look for "500" and "429" anywhere in an error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seeds.os, "urandom", lambda size: drawn[:size])
        id = seeds.new_id()
    assert re.fullmatch("req_[a-p]{32}", id)
    letters = id.removeprefix("req_").translate(str.maketrans("ghijklmnop", "0123456789"))
    assert bytes.fromhex(letters) == drawn
