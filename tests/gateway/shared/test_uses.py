"""What comes of two workers who tell the same thing differently: the same for everybody, in whatever order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.gateway.accounts.account import Account, PoolNews
from addons.gateway.accounts.cooldowns import Cooldowns
from addons.gateway.accounts.credentials.credentials import ApiKey
from addons.gateway.accounts.pool import Pool
from addons.gateway.grouping.introduction import Introduction
from addons.gateway.grouping.known import KnownConversations
from addons.gateway.shared.hub import Hub
from addons.gateway.shared.uses import asides, conversations, costs, labels, rests, rotation
from mapping.values import JSON
from tests.gateway.shared.test_hub import Weather

NOW = 1_800_000_000.0
TIMES = st.integers(0, 5).map(float)
RESTS = st.fixed_dictionaries(
    {"began": TIMES, "ends": TIMES, "strikes": st.integers(0, 3), "reason": st.sampled_from(["a", "b"])}
)
ASIDES = st.fixed_dictionaries({"began": TIMES, "ends": TIMES, "asked": TIMES, "strikes": st.integers(1, 3)})
MERGES: dict[str, tuple[Callable[[JSON, JSON], JSON], st.SearchStrategy[JSON]]] = {
    "rests": (rests.merged, st.fixed_dictionaries({"rest": st.none() | RESTS, "served": TIMES, "until": TIMES})),
    "labels": (labels.later, st.fixed_dictionaries({"account": st.sampled_from("ab"), "at": TIMES, "until": TIMES})),
    "costs": (costs.later, st.fixed_dictionaries({"day": st.sampled_from("ab"), "usd": TIMES, "until": TIMES})),
    "asides": (asides.merged, st.fixed_dictionaries({"aside": st.none() | ASIDES, "ended": TIMES, "until": TIMES})),
}


@pytest.mark.parametrize("name", MERGES)
@given(data=st.data())
def test_merges_do_not_depend_on_who_merges_what_first(name: str, data: Any) -> None:
    merge, values = MERGES[name]
    one, two, three = (merge(value, value) for value in (data.draw(values), data.draw(values), data.draw(values)))
    assert merge(one, one) == one
    assert merge(one, two) == merge(two, one)
    assert merge(merge(one, two), merge(one, two)) == merge(one, two)
    left, right = merge(merge(one, two), three), merge(one, merge(two, three))
    assert left == right


def test_two_that_meet_the_same_limit_cool_the_account_once() -> None:
    async def run() -> None:
        weather = Weather()
        workers = []
        for _ in range(2):
            hub, cooldowns = Hub(weather.access()), Cooldowns()
            rests.share(hub, cooldowns)
            await hub.start()
            workers.append((hub, cooldowns))
        for _, cooldowns in workers:
            cooldowns.rest("a", "m", None, "429")
        boards = [hub._boards["rests"] for hub, _ in workers]
        while boards[0].waits or boards[1].waits or boards[0].values() != boards[1].values():  # noqa: ASYNC110
            await asyncio.sleep(0)
        for _, cooldowns in workers:
            rest = cooldowns.rest_of("a", "m")
            assert rest
            assert rest.strikes == 1
            assert 29 < cooldowns.left(rest) <= 30
        workers[0][1].served("a", "m")
        while workers[1][1].rests():  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert workers[1][1].rest_of("a", "m") is None
        for hub, _ in workers:
            await hub.stop()

    asyncio.run(run())


@pytest.mark.parametrize("weights", [(1, 1), (1, 1, 1), (3, 1)])
@given(order=st.lists(st.integers(0, 2), max_size=40))
def test_turns_that_all_count_are_those_of_one_rotation(weights: tuple[int, ...], order: list[int]) -> None:
    """Three workers choose in whatever order, each after it has heard of the turn before: as one worker would."""

    def pool(news: PoolNews | None = None) -> Pool:
        return Pool([Account(str(n), ApiKey("k"), weight=weight) for n, weight in enumerate(weights)], news=news)

    async def run() -> None:
        weather = Weather()
        hubs = [Hub(weather.access()) for _ in range(3)]
        pools = []
        for hub in hubs:
            news = PoolNews()
            pools.append(pool(news))
            rotation.SharedRotation(hub, news, partial(getattr, pools[-1], "accounts"))
            await hub.start()
        alone = pool()
        for worker in order:
            chosen, expected = pools[worker].choose("m"), alone.choose("m")
            assert chosen
            assert expected
            assert chosen.label == expected.label
            for _ in range(50):
                await asyncio.sleep(0)
            credits = [account.credit for account in alone.accounts]
            assert all([account.credit for account in one.accounts] == credits for one in pools)
        for hub in hubs:
            await hub.stop()

    asyncio.run(run())


def test_what_all_have_spent_today() -> None:
    """Each counts its own, in whatever order they hear of it; one that has ended stays in the sum for the day."""

    async def run() -> None:
        weather, clock = Weather(), [NOW]
        hubs = [Hub(weather.access()) for _ in range(3)]
        first, second, third = (
            costs.SharedCosts(hub, 1.0 if not n else 0.0, lambda: clock[0]) for n, hub in enumerate(hubs)
        )
        for hub in hubs:
            await hub.start()
        first.spent(2.0, NOW)
        second.spent(0.5, NOW)
        second.spent(0.25, NOW - 86400)  # began yesterday
        assert first.today() >= 3.0
        for one in (first, second):
            one.flush()
        while not all(one.today() == 3.5 for one in (first, second, third)):  # noqa: ASYNC110
            await asyncio.sleep(0)
        await hubs[0].stop()
        third.spent(1.0, NOW)
        assert third.today() == 4.5
        clock[0] += 86400
        assert [one.today() for one in (second, third)] == [0.0, 0.0]
        second.spent(0.5, clock[0])
        second.flush()
        while third.today() != 0.5:  # noqa: ASYNC110
            await asyncio.sleep(0)
        for hub in hubs[1:]:
            await hub.stop()

    asyncio.run(run())


def test_workers_tell_each_other_of_conversations() -> None:
    async def run() -> None:
        weather = Weather()
        hubs = [Hub(weather.access()) for _ in range(2)]
        one, two = KnownConversations(), KnownConversations()
        for hub, known in zip(hubs, (one, two), strict=True):
            conversations.share(hub, known)
            await hub.start()
        turns = [{"role": role, "parts": [{"text": role}]} for role in ("user", "model", "user")]
        id = one.of("tenant", Introduction(responses=["resp_a"]), "chat", {"contents": turns[:1]})
        said: asyncio.Queue[object] = asyncio.Queue()
        hubs[1].on("last", said.put_nowait)
        hubs[0].say("last", 1)
        await said.get()
        assert len(two) == 2
        assert two.of("tenant", Introduction(), "chat", {"contents": turns}) == id
        assert two.of("tenant", Introduction(previous="resp_a"), "responses", None) == id
        assert two.of("another", Introduction(), "chat", {"contents": turns}) != id
        for hub in hubs:
            await hub.stop()

    asyncio.run(run())
