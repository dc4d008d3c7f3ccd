"""addons.gateway.accounts.failover: which account next, after what pause, and when it is enough."""

from __future__ import annotations

import pytest

from addons.gateway.accounts import unavailable
from addons.gateway.accounts.account import Account
from addons.gateway.accounts.affinity import Conversation
from addons.gateway.accounts.cooldowns import DEFAULT_COOLDOWN, Cooldowns
from addons.gateway.accounts.credentials.credentials import ApiKey
from addons.gateway.accounts.failover import Failover, Wait
from addons.gateway.accounts.pool import Pool
from addons.gateway.settings.settings import RetrySettings
from mapping.faults import Fault
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError, from_http

MODEL = "gemini-2.5-flash"


def problem(kind: Kind, *, delay: float | None = None, per_day: bool = False, status: int = 500) -> UpstreamError:
    return UpstreamError(
        Fault(status, "what the upstream said"),
        kind,
        status=status,
        reason=kind.name,
        delay=delay,
        per_day=per_day,
    )


def failover(accounts: int, *, max_attempts: int = 3, max_wait: float = 10.0) -> Failover:
    pool = Pool([Account(f"account-{n}", ApiKey("k")) for n in range(accounts)], cooldowns=Cooldowns(lambda: 0.0))
    return Failover(pool, RetrySettings(max_attempts=max_attempts, max_wait=max_wait), MODEL, jitter=lambda: 0.0)


def run(subject: Failover, *problems: UpstreamError) -> list[object]:
    """Attempts that fail one after another: the account's label, then the pause, and so on."""
    told: list[object] = []
    pause: float | None = 0.0
    for one in problems:
        if pause is None:
            break
        account = subject.begin(paused=pause)
        assert isinstance(account, Account)
        pause = subject.failed(one)
        told += [account.label, pause]
    return told


ROWS = [
    # accounts, problems, what happens
    (1, [Kind.SERVER, Kind.SERVER], ["account-0", 0.5, "account-0", None]),
    (1, [Kind.CAPACITY, Kind.SERVER], ["account-0", 0.5, "account-0", None]),
    (1, [Kind.QUOTA], ["account-0", None]),
    (2, [Kind.REQUEST], ["account-0", None]),
    (2, [Kind.SCHEMA], ["account-0", None]),
    (2, [Kind.QUOTA, Kind.QUOTA], ["account-0", 0.0, "account-1", None]),
    (2, [Kind.ANSWER, Kind.ANSWER], ["account-0", 0.0, "account-1", None]),
    (1, [Kind.ANSWER, Kind.ANSWER], ["account-0", 0.0, "account-0", None]),
    (2, [Kind.SERVER] * 3, ["account-0", 0.5, "account-1", 1.0, "account-0", None]),
    (9, [Kind.CAPACITY] * 3, ["account-0", 0.5, "account-1", 1.0, "account-2", None]),
    (2, [Kind.AUTH, Kind.AUTH], ["account-0", 0.0, "account-1", None]),
    (1, [Kind.AUTH], ["account-0", None]),
    (3, [Kind.AUTH, Kind.QUOTA, Kind.REQUEST], ["account-0", 0.0, "account-1", 0.0, "account-2", None]),
    (2, [Kind.BILLING, Kind.BILLING], ["account-0", 0.0, "account-1", None]),
    (2, [Kind.CLOSED, Kind.CLOSED], ["account-0", 0.0, "account-1", None]),
    (5, [Kind.CLOSED] * 5, [x for n in range(4) for x in (f"account-{n}", 0.0)] + ["account-4", None]),
]


@pytest.mark.parametrize(("accounts", "kinds", "expected"), ROWS)
def test_rotation(accounts: int, kinds: list[Kind], expected: list[object]) -> None:
    assert run(failover(accounts), *map(problem, kinds)) == expected


def test_max_attempts() -> None:
    assert run(failover(9, max_attempts=1), problem(Kind.QUOTA)) == ["account-0", None]
    many = run(failover(9, max_attempts=5), *[problem(Kind.ANSWER)] * 9)
    assert len(many) == 10


def test_each_account_is_asked_twice_at_most() -> None:
    assert len(run(failover(1, max_attempts=9), *[problem(Kind.SERVER)] * 9)) == 2 * 2
    assert len(run(failover(3, max_attempts=9), *[problem(Kind.CAPACITY)] * 9)) == 6 * 2
    assert run(failover(1, max_attempts=1), problem(Kind.SERVER)) == ["account-0", None]


@pytest.mark.parametrize("status", [408, 504])
def test_a_timeout_has_cost_enough(status: int) -> None:
    assert run(failover(1), problem(Kind.SERVER, status=status)) == ["account-0", None]
    assert run(failover(2), *[problem(Kind.SERVER, status=status)] * 2)[2:] == ["account-1", None]


def test_those_who_failed_together_do_not_come_back_together() -> None:
    subject = failover(1)
    subject.jitter = iter([0.5]).__next__
    assert run(subject, problem(Kind.CAPACITY)) == ["account-0", 0.625]


def test_a_pause_is_no_longer_than_the_person_waits() -> None:
    assert run(failover(1, max_wait=0.4), problem(Kind.CAPACITY)) == ["account-0", None]


def test_the_upstream_says_how_long() -> None:
    assert run(failover(2), problem(Kind.CAPACITY, delay=3.0)) == ["account-0", 3.0]
    assert run(failover(2), problem(Kind.CAPACITY, delay=11.0)) == ["account-0", None]


def test_the_only_other_account_rests_shortly() -> None:
    subject = failover(2)
    subject.pool.cool(subject.pool.accounts[1], MODEL, 5.0, "429")
    assert run(subject, problem(Kind.QUOTA, delay=30.0)) == ["account-0", 5.0]
    assert subject.begin(paused=5.0) == Wait(pytest.approx(5.01))


def test_with_cooldown_off_the_same_account_may_be_asked_again() -> None:
    pool = Pool([Account("a", ApiKey("k")), Account("b", ApiKey("k"))], cooldown=False)
    subject = Failover(pool, RetrySettings(), MODEL)
    assert run(subject, problem(Kind.QUOTA), problem(Kind.QUOTA)) == ["a", 0.0, "b", None]


def test_all_resting_is_waited_for_once() -> None:
    subject = failover(1, max_wait=6.0)
    subject.pool.cool(subject.pool.accounts[0], MODEL, 4.0, "429")
    assert isinstance(subject.begin(paused=0.0), Wait)
    with pytest.raises(Fault, match=r"Rate limit reached for gemini-2.5-flash: try again in 4 s"):
        subject.begin(paused=4.0)


DAY = 20 * 3600.0
RESTS: list[tuple[UpstreamError, float | None]] = [
    (problem(Kind.QUOTA, delay=12.5), 12.5),
    (problem(Kind.QUOTA), DEFAULT_COOLDOWN),
    (problem(Kind.QUOTA, delay=0.0), DEFAULT_COOLDOWN),
    (problem(Kind.QUOTA, per_day=True), DAY),
    (problem(Kind.QUOTA, per_day=True, delay=35.0), DAY),
    (problem(Kind.QUOTA, per_day=True, delay=3 * 3600.0), 3 * 3600.0),
    (problem(Kind.CLOSED), 3600.0),
    (problem(Kind.CAPACITY), None),
    (problem(Kind.CAPACITY, delay=60.0), None),
    (problem(Kind.SERVER), None),
    (problem(Kind.ANSWER), None),
    (problem(Kind.REQUEST), None),
]


@pytest.mark.parametrize(
    ("failure", "rest"), RESTS, ids=lambda value: repr(value) if isinstance(value, UpstreamError) else None
)
def test_what_cools_an_account_and_for_how_long(
    monkeypatch: pytest.MonkeyPatch, failure: UpstreamError, rest: float | None
) -> None:
    monkeypatch.setattr("addons.gateway.accounts.failover.seconds_to_reset", lambda: DAY)
    subject = failover(1)
    run(subject, failure)
    assert subject.pool.shortest_rest(MODEL) == rest


def test_a_limit_that_all_share_is_not_asked_again_at_once() -> None:
    subject = failover(4, max_attempts=9)
    told = run(subject, *[problem(Kind.QUOTA)] * 9)
    assert told == ["account-0", 0.0, "account-1", 0.0, "account-2", 0.0, "account-3", None]
    assert [account.label for account, _, _ in subject.pool.resting(MODEL)] == ["account-0", "account-1", "account-2"]
    again = Failover(subject.pool, RetrySettings(), MODEL, jitter=lambda: 0.0)
    assert run(again, *[problem(Kind.QUOTA)] * 3) == ["account-3", 0.5, "account-3", 1.0, "account-3", None]


def test_a_conversation_goes_where_its_attempts_go() -> None:
    subject = failover(3)
    subject.conversation = Conversation(account="account-2")
    assert run(subject, problem(Kind.QUOTA, delay=30.0), problem(Kind.SERVER))[::2] == ["account-2", "account-0"]
    assert subject.conversation.account == "account-0"


def test_staying_on_an_account() -> None:
    subject = failover(3)
    subject.begin(paused=0.0)
    subject.succeeded()
    account = subject.begin(paused=0.0, stay=True)
    assert isinstance(account, Account)
    assert account.label == "account-0"
    assert subject.failed(problem(Kind.SERVER), stay=True) == 0.5
    assert subject.begin(paused=0.5, stay=True) is account


def test_what_is_waited_for_has_its_time() -> None:
    one = failover(1)
    assert one.start(paused=0.0) is None
    with pytest.raises(ValueError, match="no token"), one.waiting_for_token():
        raise ValueError("no token")
    waited = one.attempts[0].token
    with one.waiting_for_token():
        pass
    assert one.attempts[0].token >= waited > 0
    one.sent(reused=True)
    assert (one.attempts[0].reused, one.attempts[0].sent > 0) == (True, True)


def test_a_stale_connection_does_not_count() -> None:
    subject = failover(1)
    subject.begin(paused=0.0)
    subject.discount("idle connection closed", 0)
    assert subject.begin(paused=0.0, stay=True) is subject.pool.accounts[0]
    assert [attempt.outcome for attempt in subject.attempts] == ["idle connection closed", ""]


def test_a_mended_request_leaves_the_other_accounts_their_turn() -> None:
    subject = failover(2)
    subject.begin(paused=0.0)
    subject.discount("400 INVALID_ARGUMENT", 400)
    subject.begin(paused=0.0, stay=True)
    assert subject.failed(problem(Kind.ANSWER)) == 0.0
    account = subject.begin(paused=0.0)
    assert isinstance(account, Account)
    assert account.label == "account-1"


def test_looking_does_not_skip_a_turn() -> None:
    subject = failover(3)
    for expected in ("account-0", "account-1", "account-2"):
        one = Failover(subject.pool, RetrySettings(), MODEL)
        account = one.begin(paused=0.0)
        assert isinstance(account, Account)
        assert account.label == expected
        one.failed(problem(Kind.REQUEST))
        one.error(problem(Kind.REQUEST))


def test_the_last_error() -> None:
    subject = failover(2)
    run(subject, problem(Kind.QUOTA, delay=7.0), problem(Kind.QUOTA, delay=9.0))
    error = subject.error(problem(Kind.QUOTA, delay=9.0))
    assert (error.status, error.retry_after) == (429, 7.0)
    assert error.message == f"Rate limit reached for {MODEL}: try again in 7 s. It was reached on all 2 accounts."
    assert failover(1).error(problem(Kind.SERVER)).message == "what the upstream said"


def test_a_refused_key_reads_as_geminis_and_comes_back() -> None:
    subject = failover(1)
    refusal = from_http(400, b'{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key."}}')
    run(subject, refusal)
    told = subject.error(refusal)
    assert (told.status, told.code) == (401, "invalid_api_key")
    assert told.message.startswith("Gemini refused the key of account account-0: API key not valid.")
    assert "another key" in told.message
    later = Failover(subject.pool, RetrySettings(), MODEL)
    with pytest.raises(Fault, match=r"account-0: its credential was refused .*API key not valid.* another key"):
        later.begin(paused=0.0)


def test_no_money_is_told_each_time() -> None:
    subject = failover(2)
    depleted = from_http(429, b'{"error": {"code": 429, "message": "Your prepayment credits are depleted."}}')
    assert run(subject, depleted, depleted) == ["account-0", 0.0, "account-1", None]
    with pytest.raises(Fault) as raised:
        Failover(subject.pool, RetrySettings(), "another-model").begin(paused=0.0)
    for told in (subject.error(depleted), raised.value):
        assert (told.status, told.code, told.should_retry) == (429, "insufficient_quota", False)
        assert told.message.count("Your prepayment credits are depleted.") == 2
        assert told.retry_after is None


def test_404_only_where_the_model_is_closed_to_all() -> None:
    subject = failover(2)
    closed = from_http(404, b'{"error": {"code": 404, "message": "This model is closed to new users."}}')
    assert run(subject, closed)[0] == "account-0"
    assert [subject.pool.choose(MODEL), subject.pool.choose(MODEL)] == [subject.pool.accounts[1]] * 2
    assert subject.pool.choose("another-model", [subject.pool.accounts[1]]) is subject.pool.accounts[0]
    subject.pool.cool(subject.pool.accounts[1], MODEL, 20.0, "429")
    assert unavailable.error(subject.pool, MODEL).status == 429
    subject.pool.release(subject.pool.accounts[1])
    run(Failover(subject.pool, RetrySettings(), MODEL), closed)
    told = unavailable.error(subject.pool, MODEL)
    assert (told.status, told.code, told.message) == (404, "model_not_found", "This model is closed to new users.")
