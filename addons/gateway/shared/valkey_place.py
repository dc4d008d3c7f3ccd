"""Shared state in Valkey or Redis: one for gateways on as many machines as there are.

Keys begin with the settings' prefix and the version of what they hold; each has a life time. A thing is a string, a
board is a hash. What must be one step is a script. See `valkey_address` for what is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import uuid4

from redis.exceptions import RedisError

from addons.gateway.shared import valkey_address
from addons.gateway.shared.contract import FINAL, MISSED, Away, Change, Claim, Drop, Heard, Put, Revise, Swap
from addons.gateway.shared.valkey_address import MOST_CONNECTIONS

logger = logging.getLogger("antigravity")

VERSION = 1
"""Of the keys and what they hold."""
AGAIN_AFTER = 0.5
"""Seconds after which a lost subscription is tried again."""
MOST_UNSAID = 1000
"""Messages that wait for the server; the oldest are lost."""

_REVISE = f"""
local first = redis.call('GETRANGE', KEYS[1], 0, {len(FINAL) - 1})
if first == '{FINAL.decode()}' then return redis.call('GET', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
"""
_REVISE_AWAY = f"""
local first = redis.call('GETRANGE', KEYS[1], 0, {len(FINAL) - 1})
if first == '{FINAL.decode()}' then return redis.call('GET', KEYS[1]) end
redis.call('DEL', KEYS[1])
return false
"""
_CLAIM = """
local found = redis.call('GET', KEYS[1])
if not found then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return found
"""
_DROP = """
local found = redis.call('GET', KEYS[1])
if found and found ~= ARGV[1] then return found end
redis.call('DEL', KEYS[1])
return false
"""
_SWAP = """
local found = redis.call('HGET', KEYS[1], ARGV[1])
if ARGV[2] == '' and found then return {1, found} end
if ARGV[2] ~= '' and found ~= string.sub(ARGV[2], 2) then return {1, found} end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], string.sub(ARGV[3], 2))
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {0}
"""
"""Before and after: empty for none, else the value behind a character. The answer: whether it is otherwise, and how."""


class ValkeyPlace:
    """See the module. `url` has no `valkey_address.problem`."""

    gathers = 0.01
    reads_every = 60.0

    def __init__(self, url: str, prefix: str = "antigravity") -> None:
        self._url = url
        self._start = f"{prefix}:{VERSION}:"
        self._channel = f"{self._start}said"
        self._me = uuid4().bytes[:8]
        self._client: Any = None
        self._turns = asyncio.Semaphore(MOST_CONNECTIONS - 2)
        self._listening: asyncio.Task[None] | None = None
        self._saying: asyncio.Task[None] | None = None
        self._unsaid: list[bytes] = []

    async def open(self, heard: Heard) -> None:
        """See `SharedPlace`."""
        if self._client is None:
            self._client = valkey_address.client(self._url)
        await self._run(lambda pipe: pipe.get(self._thing("")))
        if self._listening is None:
            subscribed = asyncio.Event()
            self._listening = asyncio.create_task(self._listen(heard, subscribed), name="listening to the shared state")
            await subscribed.wait()

    async def close(self) -> None:
        """See `SharedPlace`."""
        for task in (self._listening, self._saying):
            if task is not None:
                task.cancel()
        self._listening = self._saying = None
        client, self._client = self._client, None
        if client is not None:
            try:
                await client.aclose()
            except (RedisError, OSError):
                pass

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """See `SharedPlace`."""

        def ask(pipe: Any) -> None:
            for key in keys:
                pipe.get(self._thing(key))

        return await self._run(ask) if keys else []

    async def write(self, changes: Sequence[Change]) -> list[bytes | None]:
        """See `SharedPlace`."""

        def ask(pipe: Any) -> None:
            for change in changes:
                _ASK[type(change)](self, pipe, change)

        answers = await self._run(ask) if changes else []
        return [_READ[type(change)](change, answer) for change, answer in zip(changes, answers, strict=True)]

    async def board(self, name: str) -> dict[str, bytes]:
        """See `SharedPlace`."""
        (fields,) = await self._run(lambda pipe: pipe.hgetall(self._board(name)))
        return {field.decode(): value for field, value in fields.items()}

    def say(self, message: bytes) -> None:
        """See `SharedPlace`."""
        self._unsaid.append(self._me + message)
        del self._unsaid[:-MOST_UNSAID]
        if self._saying is None and self._client is not None:
            self._saying = asyncio.create_task(self._say(), name="telling the other gateways")

    # --- inside

    def _thing(self, key: str) -> str:
        return f"{self._start}t:{key}"

    def _board(self, name: str) -> str:
        return f"{self._start}b:{name}"

    async def _run(self, ask: Callable[[Any], object]) -> list[Any]:
        """Send some commands at once. Raises Away."""
        client = self._client
        if client is None:
            raise Away("it is closed")
        try:
            async with self._turns:
                pipe = client.pipeline(transaction=False)
                ask(pipe)
                answers: list[Any] = await pipe.execute()
                return answers
        except (RedisError, OSError) as e:
            raise Away(f"{valkey_address.shown(self._url)}: {e}") from None

    async def _say(self) -> None:
        try:
            while self._unsaid:
                waiting, self._unsaid = self._unsaid, []
                try:
                    await self._run(partial(self._publish, waiting))
                except Away:
                    return  # boards are read again when it is back
        finally:
            self._saying = None

    def _publish(self, messages: Sequence[bytes], pipe: Any) -> None:
        for message in messages:
            pipe.publish(self._channel, message)

    async def _listen(self, heard: Heard, subscribed: asyncio.Event) -> None:
        """Hear what the others say; whenever something may have been lost, `MISSED`."""
        while True:
            try:
                async with self._client.pubsub(ignore_subscribe_messages=False) as listening:
                    await listening.subscribe(self._channel)
                    async for message in listening.listen():
                        data = message["data"]
                        if message["type"] == "subscribe":
                            subscribed.set()
                            heard(MISSED)
                        elif isinstance(data, bytes) and not data.startswith(self._me):
                            heard(data[len(self._me) :])
            except (RedisError, OSError):
                pass
            subscribed.set()  # what is not heard is read
            await asyncio.sleep(AGAIN_AFTER)


def _ms(life: float) -> int:
    return max(1, int(life * 1000))


def _put(place: ValkeyPlace, pipe: Any, put: Put) -> None:
    if put.life > 0:
        pipe.set(place._thing(put.key), put.value, px=_ms(put.life))
    else:
        pipe.delete(place._thing(put.key))


def _revise(place: ValkeyPlace, pipe: Any, put: Put) -> None:
    script = _REVISE if put.life > 0 else _REVISE_AWAY
    pipe.eval(script, 1, place._thing(put.key), put.value, _ms(put.life))


def _claim(place: ValkeyPlace, pipe: Any, put: Put) -> None:
    if put.life > 0:
        pipe.eval(_CLAIM, 1, place._thing(put.key), put.value, _ms(put.life))
    else:
        pipe.get(place._thing(put.key))


def _drop(place: ValkeyPlace, pipe: Any, drop: Drop) -> None:
    if drop.holds is None:
        pipe.delete(place._thing(drop.key))
    else:
        pipe.eval(_DROP, 1, place._thing(drop.key), drop.holds)


def _swap(place: ValkeyPlace, pipe: Any, swap: Swap) -> None:
    before, after = (b"" if value is None else b"=" + value for value in (swap.before, swap.after))
    pipe.eval(_SWAP, 1, place._board(swap.board), swap.field, before, after, _ms(swap.life))


_ASK: dict[type, Callable[[ValkeyPlace, Any, Any], None]] = {
    Put: _put,
    Revise: _revise,
    Claim: _claim,
    Drop: _drop,
    Swap: _swap,
}


def _wanted(put: Put) -> bytes | None:
    return put.value if put.life > 0 else None


_READ: dict[type, Callable[[Any, Any], bytes | None]] = {
    Put: lambda put, answer: _wanted(put),
    Revise: lambda put, answer: _wanted(put) if answer is None else answer,
    Claim: lambda put, answer: _wanted(put) if answer is None else answer,
    Drop: lambda drop, answer: answer if drop.holds is not None else None,
    Swap: lambda swap, answer: (answer[1] if len(answer) > 1 else None) if answer[0] else swap.after,
}
"""What is there after a change, of the server's answer to it."""
