"""addons.gateway.storage.sealing: what only this gateway can make and open."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.gateway.storage.sealing import Sealer, new_key

SEALER = Sealer(new_key())


def test_there_and_back() -> None:
    sealed = SEALER.seal({"v": 1, "calls": {"call_1": "sig"}})
    assert "call_1" not in sealed
    assert SEALER.unseal(sealed) == {"v": 1, "calls": {"call_1": "sig"}}


def test_another_key_opens_nothing() -> None:
    assert Sealer(new_key()).unseal(SEALER.seal({"v": 1})) is None


@pytest.mark.parametrize(
    "change",
    [lambda s: s[:-2], lambda s: s[:20] + ("B" if s[20] == "A" else "A") + s[21:], lambda s: s[4:], lambda s: ""],
)
def test_what_was_changed_is_foreign(change) -> None:  # type: ignore[no-untyped-def]
    assert SEALER.unseal(change(SEALER.seal({"v": 1}))) is None


@given(st.text())
def test_any_text(text: str) -> None:
    assert SEALER.unseal(text) is None
    assert SEALER.unseal("gw1." + text) is None
