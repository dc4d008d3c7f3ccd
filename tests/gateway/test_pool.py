"""addons.gateway.pool: whose turn it is, and who rests."""

from __future__ import annotations

import pytest

from addons.gateway.accounts import Account
from addons.gateway.address import Address
from addons.gateway.credentials import ApiKey
from addons.gateway.pool import DEFAULT_COOLDOWN, Pool

MODEL = "gemini-2.5-flash"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def pool(*labels: str, cooldown: bool = True) -> tuple[Pool, Clock]:
    clock = Clock()
    return Pool([Account(label, ApiKey(f"key-{label}")) for label in labels], cooldown=cooldown, clock=clock), clock


def label(account: Account | None) -> str | None:
    return account.label if account else None


def test_round_robin() -> None:
    accounts, _ = pool("a", "b", "c")
    assert [label(accounts.choose(MODEL)) for _ in range(7)] == ["a", "b", "c", "a", "b", "c", "a"]


@pytest.mark.parametrize(
    ("weights", "order"), [((3, 1), "aabaaaba"), ((2, 1, 1), "abcaabca"), ((1, 5), "bbabbb"), ((1, 1), "abab")]
)
def test_weights(weights: tuple[int, ...], order: str) -> None:
    accounts, _ = pool(*"abc"[: len(weights)])
    for account, weight in zip(accounts.accounts, weights, strict=True):
        account.weight = weight
    assert "".join(str(label(accounts.choose(MODEL))) for _ in order) == order


def test_tried_ones_are_skipped() -> None:
    accounts, _ = pool("a", "b")
    first = accounts.choose(MODEL)
    assert first
    assert label(accounts.choose(MODEL, [first])) == "b"
    assert accounts.choose(MODEL, accounts.accounts) is None


def test_cooldown_is_per_model_and_ends() -> None:
    accounts, clock = pool("a", "b")
    accounts.cool(accounts.accounts[0], MODEL, 30, "429")
    assert [label(accounts.choose(MODEL)) for _ in range(3)] == ["b", "b", "b"]
    assert label(accounts.choose("other-model")) == "a"
    clock.now += 29.9
    assert label(accounts.choose(MODEL)) == "b"
    clock.now += 0.2
    assert {label(accounts.choose(MODEL)) for _ in range(2)} == {"a", "b"}


def test_without_a_delay_the_default_counts() -> None:
    accounts, _ = pool("a")
    accounts.cool(accounts.accounts[0], MODEL, None, "429")
    assert accounts.shortest_rest(MODEL) == DEFAULT_COOLDOWN


def test_longer_each_time_in_a_row_until_it_serves() -> None:
    accounts, clock = pool("a")
    [account] = accounts.accounts
    rests = []
    for _ in range(7):
        accounts.cool(account, MODEL, None, "429")
        rests.append(accounts.shortest_rest(MODEL))
        clock.now += 2000
    assert rests == [30, 60, 120, 240, 480, 960, 960]
    accounts.served(account, MODEL)
    accounts.cool(account, MODEL, None, "429")
    assert accounts.shortest_rest(MODEL) == 30


def test_an_answer_ends_a_cooldown() -> None:
    accounts, _ = pool("a")
    [account] = accounts.accounts
    accounts.cool(account, MODEL, 500, "429")
    accounts.served(account, MODEL)
    assert accounts.shortest_rest(MODEL) is None


def test_cooldown_switched_off() -> None:
    accounts, _ = pool("a", cooldown=False)
    accounts.cool(accounts.accounts[0], MODEL, 30, "429")
    assert label(accounts.choose(MODEL)) == "a"


def test_exhausted_names_all_and_the_shortest_wait() -> None:
    accounts, _ = pool("a", "b")
    accounts.cool(accounts.accounts[0], MODEL, 28, "429")
    accounts.cool(accounts.accounts[1], MODEL, 12.2, "429")
    error = accounts.none_error(MODEL)
    assert (error.status, error.code) == (429, "rate_limit_exceeded")
    assert error.retry_after == pytest.approx(12.2)
    assert "a for 28 s" in error.message
    assert "b for 13 s" in error.message
    assert error.message.endswith("Please try again in 13s.")
    assert "key-a" not in error.message
    assert error.should_retry is None


def test_a_long_rest_is_not_to_be_waited_for() -> None:
    accounts, _ = pool("a")
    accounts.cool(accounts.accounts[0], MODEL, 7200, "429")
    error = accounts.none_error(MODEL)
    assert error.should_retry is False
    assert "120 min" in error.message


def test_no_account_says_how_to_add_one() -> None:
    error = Pool([]).none_error(MODEL)
    assert error.status == 503
    assert "GEMINI_API_KEY" in error.message


def test_set_aside_and_models() -> None:
    accounts, _ = pool("a", "b")
    accounts.accounts[1].models = ("gemini-3*",)
    accounts.set_aside(accounts.accounts[0], "its credential was refused")
    assert accounts.choose(MODEL) is None
    error = accounts.none_error(MODEL)
    assert error.status == 503
    assert "a: its credential was refused" in error.message
    assert f"b: may not serve {MODEL}" in error.message


@pytest.mark.parametrize(
    ("url", "address", "host_header"),
    [
        ("https://example.com", Address("https", "example.com", 443), "example.com"),
        ("http://127.0.0.1:9000/base/", Address("http", "127.0.0.1", 9000, "/base"), "127.0.0.1:9000"),
        ("http://[::1]:9000", Address("http", "::1", 9000), "[::1]:9000"),
    ],
)
def test_addresses(url: str, address: Address, host_header: str) -> None:
    parsed = Address.parse(url)
    assert parsed == address
    assert parsed.host_header == host_header
