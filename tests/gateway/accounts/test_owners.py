"""addons.gateway.accounts.owners: which account has what."""

from __future__ import annotations

from typing import Any, cast

import pytest

from addons.gateway.accounts.account import Account
from addons.gateway.accounts.credentials.credentials import ApiKey
from addons.gateway.accounts.owners import HOME, MOST, PARTS, Owners
from addons.gateway.accounts.pool import Pool
from addons.gateway.storage.state import StateStore
from mapping.faults import Fault

POOL = Pool([Account(label, ApiKey("k")) for label in "ab"])


class State:
    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def keep(self, name: str, value: Any) -> None:
        self.kept[name] = value


def labels(pool: Pool) -> list[str]:
    return [account.label for account in pool.accounts]


@pytest.mark.parametrize(
    ("tenant", "names", "found"),
    [
        ("t", ["files/1"], ["a"]),
        ("t", ["files/2"], ["b"]),
        ("t", ["files/1", "files/1", "files/none"], ["a"]),
        ("t", ["files/none"], ["a", "b"]),
        ("t", [], ["a", "b"]),
        ("u", ["files/1"], ["a", "b"]),
    ],
)
def test_narrowed(tenant: str, names: list[str], found: list[str]) -> None:
    owners = Owners()
    owners.made("t", ["files/1", HOME], "a")
    owners.made("t", ["files/2"], "b")
    assert labels(owners.narrowed(POOL, tenant, names)) == found


@pytest.mark.parametrize(("names", "status"), [(["files/1", "files/2"], 400), (["files/3"], 404)])
def test_what_can_not_be_asked(names: list[str], status: int) -> None:
    owners = Owners()
    for name, account in (("files/1", "a"), ("files/2", "b"), ("files/3", "gone")):
        owners.made("", [name], account)
    with pytest.raises(Fault) as e:
        owners.narrowed(POOL, "", names)
    assert e.value.status == status


def test_a_home() -> None:
    owners = Owners()
    assert owners.home("t").account is None
    owners.made("t", ["files/1", HOME], "a")
    assert (owners.home("t").account, owners.home("u").account) == ("a", None)
    owners.made("t", [HOME], "b")
    assert owners.home("t").account == "b"


def test_it_is_kept() -> None:
    state, owners = State(), Owners()
    owners.keep_in(cast(StateStore, state), [None] * PARTS)
    owners.made("t", ["files/1"], "a")
    owners.made("t", ["files/1"], "a")
    assert len(state.kept) == 1
    assert "files/1" not in str(state.kept)
    again = Owners()
    again.keep_in(cast(StateStore, State()), [state.kept.get(f"owners-{number}") for number in range(PARTS)])
    assert again.of("t", "files/1") == "a"
    again.keep_in(cast(StateStore, State()), [7, {"x": 7}, *[None] * (PARTS - 2)])


def test_it_is_bounded() -> None:
    owners = Owners()
    owners.made("", (str(number) for number in range(MOST * 2)), "a")
    known = sum(owners.of("", str(number)) is not None for number in range(MOST * 2))
    assert known <= MOST
    assert owners.of("", str(MOST * 2 - 1)) == "a"
