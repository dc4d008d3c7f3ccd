"""addons.gateway.accounts.pool: whose turn it is."""

from __future__ import annotations

from datetime import datetime

import pytest

from addons.gateway.accounts import unavailable
from addons.gateway.accounts.account import Account
from addons.gateway.accounts.address import Address
from addons.gateway.accounts.affinity import Conversation
from addons.gateway.accounts.cooldowns import Cause, Cooldowns
from addons.gateway.accounts.credentials.credentials import ApiKey
from addons.gateway.accounts.pool import LONGEST_ASIDE, MIN_ASIDE, Pool, Strategy

MODEL = "gemini-2.5-flash"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def pool(*labels: str, cooldown: bool = True, strategy: Strategy = "round_robin") -> tuple[Pool, Clock]:
    clock = Clock()
    accounts = [Account(label, ApiKey(f"key-{label}")) for label in labels]
    return Pool(accounts, strategy=strategy, cooldown=cooldown, cooldowns=Cooldowns(clock)), clock


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


def test_who_rests_has_no_turn() -> None:
    accounts, clock = pool("a", "b")
    accounts.cool(accounts.accounts[0], MODEL, 30, "429")
    assert [label(accounts.choose(MODEL)) for _ in range(3)] == ["b", "b", "b"]
    assert label(accounts.choose("other-model")) == "a"
    clock.now += 29.9
    assert label(accounts.choose(MODEL)) == "b"
    clock.now += 0.2
    assert {label(accounts.choose(MODEL)) for _ in range(2)} == {"a", "b"}


class Tokenless(ApiKey):
    """Its token server is silent."""

    trouble = "no answer"


@pytest.mark.parametrize("strategy", ["round_robin", "fill_first", "sticky"])
def test_who_has_no_token_serves_only_where_nobody_else_can(strategy: Strategy) -> None:
    accounts, clock = pool("a", "b", strategy=strategy)
    a, b = accounts.accounts
    a.credential = Tokenless("")
    conversation = Conversation("a") if strategy == "sticky" else None
    assert [label(accounts.choose(MODEL, (), conversation)) for _ in range(3)] == ["b", "b", "b"]
    assert accounts.choose(MODEL, [b]) is None
    accounts.cool(b, MODEL, 30, "429")
    assert label(accounts.choose(MODEL, (), conversation)) == "a"
    clock.now += 31
    a.credential = ApiKey("key")
    assert {label(accounts.choose(MODEL)) for _ in range(2)} == ({"a"} if strategy == "fill_first" else {"a", "b"})


def test_fill_first_takes_the_first_that_can() -> None:
    accounts, clock = pool("a", "b", "c", strategy="fill_first")
    a, b, _ = accounts.accounts
    accounts.accounts[2].weight = 9
    order = [label(accounts.choose(MODEL)) for _ in range(3)]
    accounts.cool(a, MODEL, 30, "429")
    order += [label(accounts.choose(MODEL)), label(accounts.choose("other-model"))]
    accounts.set_aside(b, "its credential was refused")
    order += [label(accounts.choose(MODEL))]
    clock.now += 31
    order += [label(accounts.choose(MODEL)), label(accounts.choose(MODEL, [a]))]
    assert order == ["a", "a", "a", "b", "a", "c", "a", "c"]


def test_a_sticky_conversation_stays() -> None:
    accounts, _ = pool("a", "b", "c", strategy="sticky")
    first, second = Conversation(), Conversation()
    turns = [(first, second)[n % 2] for n in range(6)]
    assert [label(accounts.choose(MODEL, (), one)) for one in turns] == ["a", "b"] * 3
    assert label(accounts.choose(MODEL, (), Conversation())) == "c"


def test_a_sticky_conversation_moves_for_good() -> None:
    accounts, clock = pool("a", "b", "c", strategy="sticky")
    one = Conversation()
    assert label(accounts.choose(MODEL, (), one)) == "a"
    accounts.cool(accounts.accounts[0], MODEL, 30, "429")
    assert [label(accounts.choose(MODEL, (), one)) for _ in range(3)] == ["b", "b", "b"]
    clock.now += 31
    assert label(accounts.choose(MODEL, (), one)) == "b"
    assert label(accounts.choose(MODEL, [accounts.accounts[1]], one)) in ("a", "c")
    assert label(accounts.choose(MODEL, (), one)) in ("a", "c")


def test_the_account_of_a_conversation_has_vanished() -> None:
    accounts, _ = pool("a", "b", strategy="sticky")
    one = Conversation(account="gone")
    assert label(accounts.choose(MODEL, (), one)) == "a"
    assert one.account == "a"


def test_nobody_ready_leaves_the_conversation_where_it_is() -> None:
    accounts, _ = pool("a", strategy="sticky")
    one = Conversation(account="a")
    accounts.cool(accounts.accounts[0], MODEL, 30, "429")
    assert accounts.choose(MODEL, (), one) is None
    assert one.account == "a"


def test_held_for_one_model_or_all_and_released() -> None:
    accounts, _ = pool("a", "b")
    a, b = accounts.accounts
    accounts.hold(a, MODEL, 60)
    accounts.hold(b, "", 60)
    assert accounts.choose(MODEL) is None
    assert {label(accounts.choose("other-model")) for _ in range(3)} == {"a"}
    assert accounts.all_resting() == [("a", MODEL, 60.0), ("b", "*", 60.0)]
    accounts.set_aside(b, "its credential was refused")
    accounts.release(b)
    assert label(accounts.choose(MODEL)) == "b"


def test_rests_of_accounts_that_are_gone_are_not_shown() -> None:
    cooldowns = Cooldowns()
    cooldowns.rest("gone", MODEL, 30, "429")
    assert Pool([], cooldowns=cooldowns).all_resting() == []


def test_cooldown_switched_off() -> None:
    accounts, _ = pool("a", cooldown=False)
    accounts.cool(accounts.accounts[0], MODEL, 30, "429")
    assert label(accounts.choose(MODEL)) == "a"


def test_exhausted_names_all_and_the_shortest_wait() -> None:
    accounts, _ = pool("a", "b")
    accounts.cool(accounts.accounts[0], MODEL, 28, "429")
    accounts.cool(accounts.accounts[1], MODEL, 12.2, "429")
    error = unavailable.error(accounts, MODEL)
    assert (error.status, error.code) == (429, "rate_limit_exceeded")
    assert error.retry_after == pytest.approx(12.2)
    assert error.message == f"Rate limit reached for {MODEL}: try again in 13 s. It was reached on all 2 accounts."
    assert "key-a" not in error.message
    assert error.should_retry is None


def test_a_long_rest_is_not_to_be_waited_for() -> None:
    accounts, _ = pool("a")
    accounts.cool(accounts.accounts[0], MODEL, 7200, "429")
    error = unavailable.error(accounts, MODEL, now=lambda: datetime(2026, 11, 29, 22, 20))
    assert error.should_retry is False
    assert error.message == f"Rate limit reached for {MODEL} until 00:20 (2 h 0 min)."


def test_the_quota_of_a_day_comes_before_googles_words_which_are_long() -> None:
    accounts, _ = pool("a")
    accounts.cool(accounts.accounts[0], MODEL, 34764, "429", Cause.DAY, "You exceeded your current quota.")
    error = unavailable.error(accounts, MODEL, now=lambda: datetime(2026, 11, 28, 22, 20, 36))
    told = f"The quota for {MODEL} is used up until 08:00 (9 h 40 min). You exceeded your current quota."
    assert (error.code, error.should_retry, error.message) == ("insufficient_quota", False, told)


def refused(*labels: str, longest: float = LONGEST_ASIDE) -> tuple[Pool, Clock]:
    """A pool whose first account is set aside."""
    clock = Clock()
    made = [Account(label, ApiKey("k")) for label in labels]
    accounts = Pool(made, cooldowns=Cooldowns(clock), longest_aside=longest, clock=clock)
    accounts.set_aside(made[0], "refused", clock.now)
    return accounts, clock


def test_a_refused_account_is_asked_again_later_each_time() -> None:
    accounts, clock = refused("a", "b")
    a, b = accounts.accounts
    waits = []
    for _ in range(7):
        began = clock.now
        while label(accounts.choose(MODEL, [b])) is None:
            clock.now += 1
        waits.append(clock.now - began)
        assert [label(accounts.choose(MODEL)) for _ in range(3)] == ["b"] * 3, "one request is enough to see"
        accounts.set_aside(a, "refused", clock.now)
    assert waits == [30, 60, 120, 240, 480, 600, 600]
    clock.now += 600
    assert accounts.choose(MODEL, [b]) is a
    accounts.served(a, MODEL, clock.now)
    assert a.aside is None


def test_where_no_other_is_left_it_is_asked_but_not_all_the_time() -> None:
    accounts, clock = refused("a")
    asked = 0
    for _ in range(100):
        clock.now += 0.25
        if account := accounts.choose(MODEL):
            accounts.set_aside(account, "refused", clock.now)
            asked += 1
    assert asked == 25 // MIN_ASIDE


def test_the_demos_accounts_come_back_in_seconds() -> None:
    accounts, clock = refused("a", "b", longest=5.0)
    for _ in range(5):
        accounts.set_aside(accounts.accounts[0], "refused", clock.now)
        clock.now += 5
        assert label(accounts.choose(MODEL, [accounts.accounts[1]])) == "a"


def test_requests_that_were_refused_at_once_count_once() -> None:
    accounts, clock = refused("a")
    clock.now += 1
    for _ in range(5):
        accounts.set_aside(accounts.accounts[0], "refused", clock.now - 2)
    aside = accounts.accounts[0].aside
    assert aside
    assert (aside.strikes, aside.until) == (1, 1030)
    accounts.served(accounts.accounts[0], MODEL, clock.now - 2)
    assert accounts.accounts[0].aside is aside, "what was asked for before says nothing"


def test_no_account_says_how_to_add_one() -> None:
    error = unavailable.error(Pool([]), MODEL)
    assert error.status == 503
    assert "GEMINI_API_KEY" in error.message


def test_set_aside_and_models() -> None:
    accounts, _ = pool("a", "b")
    accounts.accounts[1].models = ("gemini-3*",)
    accounts.set_aside(accounts.accounts[0], "its credential was refused")
    assert accounts.choose(MODEL) is None
    error = unavailable.error(accounts, MODEL)
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


def test_calls_that_no_quota_counts_have_rests_of_their_own() -> None:
    accounts, clock = pool("a", "b", "c", "d", strategy="sticky")
    causes = (Cause.RATE, Cause.DAY, Cause.CLOSED, Cause.TOLD)
    for account, cause in zip(accounts.accounts, causes, strict=True):
        accounts.cool(account, MODEL, 60.0, "rests", cause)
    rests = Cooldowns(clock)
    counting = accounts.beside(MODEL, rests)
    assert [account.label for account in counting.accounts] == ["a", "b"]
    assert (accounts.ready(MODEL), counting.ready(MODEL), counting.sticky) == (0, 2, False)
    counting.cool(counting.accounts[0], MODEL, 60.0, "counts no more")
    assert accounts.beside(MODEL, rests).ready(MODEL) == 1
    assert len(accounts.resting(MODEL)) == 4
