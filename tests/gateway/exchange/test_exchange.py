"""addons.gateway.exchange.exchange: the order in which a client's stream is made."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.test import tflow

from addons.gateway.endpoints.generate import LARGE_COMPRESSED
from addons.gateway.exchange.exchange import Exchange
from addons.gateway.exchange.summary import Summary, line
from addons.gateway.gateway import Gateway
from addons.gateway.models.model_map import MAX_NAME
from addons.gateway.wire import bodies
from addons.gateway.wire.direct import messages
from addons.gateway.wire.stream import GatewayStream

EVENT = (
    b'data: {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]}\r\n\r\n'
)
ACCOUNT = '[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "http://127.0.0.1:9"\n'


async def exchange_of(gateway: Gateway, body: dict[str, Any], *, compressed: bool = False) -> Exchange:
    """An exchange whose request is on its way to the upstream."""
    flow = tflow.tflow()
    flow.client_conn.peername = ("127.0.0.1", 1)
    flow.request.method = "POST"
    flow.request.path = "/v1/responses" if "input" in body else "/v1/chat/completions"
    flow.request.headers["host"] = "localhost"
    flow.request.raw_content = json.dumps({"model": "gemini-2.5-flash", "stream": True, **body}).encode()
    if compressed:
        flow.request.headers["content-encoding"] = "gzip"
        flow.request.raw_content = gzip.compress(flow.request.raw_content)
    exchange = gateway.open(flow, flow.request)
    waiting = exchange.on_request()
    if waiting is not None:
        await waiting
    return exchange


async def answer_after_a_sign_of_life(gateway: Gateway, body: dict[str, Any]) -> str:
    """What the client gets when a sign of life was made, and the answer comes before it could be sent."""
    exchange = await exchange_of(gateway, body)
    exchange.flow.response = tflow.tresp(status_code=200)
    exchange.on_response_headers()
    exchange._show_life()
    sent = exchange.feed(EVENT)
    assert exchange.pending() == b""
    exchange.stream_head()
    exchange.judge()
    await exchange.on_response()
    return (sent + exchange.tail).decode()


@pytest.mark.parametrize(
    "body", [{"input": "hi"}, {"messages": [{"role": "user", "content": "hi"}]}], ids=["responses", "chat"]
)
def test_a_sign_of_life_is_not_overtaken(body: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "antigravity.toml"
    file.write_text(ACCOUNT)
    gateway = Gateway(environ={})
    gateway.use(gateway.load(file))
    sent = asyncio.run(answer_after_a_sign_of_life(gateway, body))
    gateway.close_store()
    life = ": keep-alive" if "messages" in body else "event: response.in_progress"
    assert sent.count(life) == (1 if "messages" in body else 2)
    assert sent.rindex(life) < sent.index("Hi")
    numbers = [int(number) for number in re.findall(r'"sequence_number":(\d+)', sent)]
    assert numbers == list(range(len(numbers)))
    if "messages" in body:
        assert sent.index('"role":"assistant"') < sent.index("Hi")
        assert sent.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize(("keep_alive", "timers"), [("'15s'", 1), ("0", 0), ("'0s'", 0)])
def test_signs_of_life_can_be_switched_off(tmp_path: Path, keep_alive: str, timers: int) -> None:
    file = tmp_path / "antigravity.toml"
    file.write_text(f"[proxy]\nkeep_alive = {keep_alive}\n{ACCOUNT}")
    gateway = Gateway(environ={})
    gateway.use(gateway.load(file))

    async def silences() -> int:
        exchange = await exchange_of(gateway, {"messages": [{"role": "user", "content": "hi"}]})
        made = int(exchange._silence is not None)
        exchange.client_left()
        return made

    assert asyncio.run(silences()) == timers
    gateway.close_store()


def test_what_a_request_waits_for_ends_when_its_client_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`GET /v1/responses/{id}` waits for a response of the background, for instance."""
    file = tmp_path / "antigravity.toml"
    file.write_text(ACCOUNT)
    gateway = Gateway(environ={})
    gateway.use(gateway.load(file))

    async def leave() -> None:
        never, waits = asyncio.Event(), asyncio.Event()

        async def wait() -> None:
            waits.set()
            await never.wait()

        monkeypatch.setattr(gateway, "begin", lambda exchange, match: wait())
        waiting = asyncio.ensure_future(exchange_of(gateway, {"input": "hi"}))
        await waits.wait()
        [exchange] = gateway.exchanges.values()
        exchange.client_left()
        await asyncio.wait_for(waiting, 10)

    asyncio.run(leave())
    gateway.close_store()


def gateway_of(folder: Path) -> Gateway:
    file = folder / "antigravity.toml"
    file.write_text(ACCOUNT)
    gateway = Gateway(environ={})
    gateway.use(gateway.load(file))
    return gateway


CHAT = {"messages": [{"role": "user", "content": "hi"}]}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
PART = EVENT.replace(b', "finishReason": "STOP"', b"")


@pytest.mark.parametrize(
    ("body", "stream", "said"),
    [
        (CHAT, PART * 3, "200 client left after"),
        (CHAT, b"", "client left after"),
        ({**CHAT, "stream": False}, b"", "client left after"),
        ({"input": "hi"}, PART, "200 client left after"),
    ],
    ids=["in the stream", "before the stream", "a whole answer", "responses"],
)
def test_a_client_that_left_is_told_of_as_that(body: dict[str, Any], stream: bytes, said: str, tmp_path: Path) -> None:
    gateway = gateway_of(tmp_path)
    told: list[Summary] = []
    gateway.log.write = told.append  # type: ignore[method-assign]

    async def run() -> None:
        exchange = await exchange_of(gateway, body)
        exchange.flow.response = tflow.tresp(status_code=200)
        exchange.on_response_headers()
        if stream and exchange.feed(stream):
            exchange.stream_head()
        exchange.client_left()
        exchange.client_left()  # the layer and the hook both tell

    asyncio.run(run())
    gateway.close_store()
    [summary] = told
    assert summary.left
    assert not summary.failed
    assert (summary.outcome, summary.error) == ("client_left", None)
    assert summary.status == (200 if stream else None)
    assert f" · {said} " in line(summary)
    assert summary.attempts[0].outcome == "client left"
    events = summary.events
    assert (events or 0) >= 3 if "messages" in body and stream else True
    assert (f", {events} events" in line(summary)) == bool(stream)
    [minute] = [minute for minute in gateway.statistics.minutes() if minute.requests]
    assert (minute.requests, minute.errors) == (1, 0)
    assert gateway.statistics.accounts["a"].failures == 0


@pytest.mark.parametrize(
    ("model", "code"), [("gpt-9", "model_not_found"), ("x" * 1_000_000, "string_above_max_length")], ids=["9", "long"]
)
def test_what_was_asked_for_is_told_and_bounded(model: str, code: str, tmp_path: Path) -> None:
    gateway = gateway_of(tmp_path)
    told: list[Summary] = []
    gateway.log.write = told.append  # type: ignore[method-assign]

    async def run() -> None:
        exchange = await exchange_of(gateway, {**CHAT, "model": model})
        await exchange.on_response()

    asyncio.run(run())
    gateway.close_store()
    [summary] = told
    assert (summary.error, summary.outcome, summary.model) == (code, code, None)
    assert summary.client_model == model[:MAX_NAME]
    assert summary.message
    assert len(summary.message) <= 200
    assert f"{model[:50]}" in line(summary)
    assert line(summary).endswith(summary.id)
    assert gateway.model_map._known.cache_info().currsize == 0


def test_an_answer_without_content_is_told_of(tmp_path: Path) -> None:
    gateway = gateway_of(tmp_path)
    told: list[Summary] = []
    gateway.log.write = told.append  # type: ignore[method-assign]
    spent = b'{"candidates": [{"finishReason": "MAX_TOKENS"}], "usageMetadata": {"thoughtsTokenCount": 100}}'

    async def run() -> None:
        exchange = await exchange_of(gateway, {**CHAT, "max_tokens": 100})
        exchange.flow.response = tflow.tresp(status_code=200)
        exchange.on_response_headers()
        assert exchange.feed(b"data: " + spent + b"\r\n\r\n") == b""
        exchange.judge()
        assert "empty=max_tokens: all 100" in exchange.stream_head().headers["x-antigravity-notes"]
        await exchange.on_response()

    asyncio.run(run())
    gateway.close_store()
    assert " · 200 · finish length · " in line(told[0])
    assert "empty=max_tokens: all 100 tokens were thoughts; raise max_tokens" in line(told[0])


@pytest.mark.parametrize("reused", [False, True])
def test_when_what_happened_is_told_in_its_order(reused: bool, tmp_path: Path) -> None:
    gateway = gateway_of(tmp_path)
    told: list[Summary] = []
    gateway.log.write = told.append  # type: ignore[method-assign]
    thought = PART.replace(b'"text": "Hi"', b'"text": "Hm", "thought": true')

    async def run() -> None:
        exchange = await exchange_of(gateway, CHAT)
        exchange.connecting()
        exchange.outgoing(reused=reused)
        exchange.flow.response = tflow.tresp(status_code=200)
        exchange.on_response_headers()
        exchange.feed(thought)
        assert not exchange.spoke
        exchange.feed(PART)
        exchange.feed(EVENT)
        exchange.judge()
        await exchange.on_response()

    asyncio.run(run())
    gateway.close_store()
    [summary] = told
    [attempt] = summary.attempts
    times = [summary.received, attempt.began, attempt.connecting, attempt.sent, attempt.answered, summary.spoke]
    known = [at for at in (*times, summary.total) if at is not None]
    assert known == sorted(known)
    assert [at is None for at in times] == [False, False, reused, False, False, False]
    assert (attempt.reused, attempt.token) == (reused, 0.0)


def test_a_client_that_leaves_while_others_look_at_its_request_ends_the_attempt(tmp_path: Path) -> None:
    """Another addon's hook may take its time; nothing goes up then, and the layer waits for the event that says so."""
    gateway = gateway_of(tmp_path)

    async def run() -> None:
        exchange = await exchange_of(gateway, CHAT)
        assert exchange.wants_upstream
        exchange.client_left()
        stream = GatewayStream.__new__(GatewayStream)
        stream.exchange, stream.flow = exchange, exchange.flow
        exchange.flow.response = None
        assert list(stream.proceed()) == []

    asyncio.run(run())
    gateway.close_store()


BASE64 = "iVBORw0K" * 2**18


@pytest.mark.parametrize(
    ("content", "part", "turns_at_least"),
    [
        ("x, " * 2**19, {"text": "x, " * 2**19}, 6),
        (
            [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + BASE64 + BASE64}}],
            {"inlineData": {"mimeType": "image/png", "data": BASE64 + BASE64}},
            12,
        ),
    ],
    ids=["text", "image"],
)
def test_others_have_their_turn_while_a_large_body_is_understood(
    content: Any, part: dict[str, Any], turns_at_least: int, tmp_path: Path
) -> None:
    gateway = gateway_of(tmp_path)
    large = {"messages": [{"role": "user", "content": content}]}
    turns: list[int] = []
    written: list[bool] = []

    async def others() -> None:
        while True:
            turns.append(gateway.busy)
            written.append(any(e.flow.request.path.startswith("/v1beta") for e in gateway.exchanges.values()))
            await asyncio.sleep(0)

    async def run() -> None:
        task = asyncio.ensure_future(others())
        alone = await exchange_of(gateway, large)
        assert any(written)  # before it is sent
        alone.client_left()
        turns.clear()
        first, second = await asyncio.gather(exchange_of(gateway, large), exchange_of(gateway, large))
        assert (first.wants_upstream, second.wants_upstream) == (True, True)
        assert len(turns) > turns_at_least
        for exchange in (first, second):
            assert json.loads(exchange.flow.request.content or b"")["contents"][0]["parts"] == [part]
        left = asyncio.ensure_future(exchange_of(gateway, large))
        await asyncio.sleep(0)  # it begins
        third = list(gateway.exchanges.values())[-1]
        assert third not in (first, second)
        third.client_left()
        assert await left is third
        assert not third.wants_upstream
        task.cancel()

    asyncio.run(run())
    gateway.close_store()


@pytest.mark.parametrize("text", ["x" * 2**20, "".join(map(str, range(50_000)))], ids=["small", "large"])
def test_a_large_compressed_body_is_decompressed_beside_the_loop(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = gateway_of(tmp_path)
    threads: list[int] = []
    gunzip = bodies._gzip
    monkeypatch.setitem(bodies._DECODERS, "gzip", lambda *a: threads.append(threading.get_ident()) or gunzip(*a))

    async def run() -> None:
        exchange = await exchange_of(gateway, {"messages": [{"role": "user", "content": text}]}, compressed=True)
        assert json.loads(exchange.flow.request.content or b"")["contents"][0]["parts"] == [{"text": text}]

    asyncio.run(run())
    is_large = len(gzip.compress(text.encode())) >= LARGE_COMPRESSED
    assert [thread != threading.get_ident() for thread in threads] == [is_large]
    gateway.close_store()


async def serve(gateway: Gateway, path: str, body: dict[str, Any]) -> None:
    """A request and its answer, from the beginning to the end."""
    # Made as the quick wire makes them: mitmproxy's constructors leave circles of their own.
    flow = http.HTTPFlow(tflow.tclient_conn(), tflow.tserver_conn())
    flow.request = messages.request(b"POST", path.encode(), "1.1", [(b"host", b"localhost")])
    flow.request.data.content = json.dumps({"model": "gemini-2.5-flash", **body}).encode()
    exchange = gateway.open(flow, flow.request)
    waiting = exchange.on_request()
    if waiting is not None:
        await waiting
    flow.response = messages.response(200, b"OK", "1.1", [])
    exchange.on_response_headers()
    if exchange.streaming:
        given = exchange.feed(EVENT)
        exchange.stream_head()
    else:
        given = b""
        flow.response.data.content = EVENT.removeprefix(b"data: ")
    exchange.judge()
    await exchange.on_response()
    assert b"Hi" in given + (flow.response.raw_content or b"")


def left_by(gateway: Gateway, path: str, body: dict[str, Any]) -> list[object]:
    """Objects of ours that are left for the garbage collector by a request and its answer."""

    async def left() -> list[object]:
        await serve(gateway, path, body)
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            await serve(gateway, path, body)
            gc.collect()
            return [found for found in gc.garbage if type(found).__module__.startswith(("addons.", "mapping."))]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()

    found = asyncio.run(left())
    gateway.close_store()
    return found


@pytest.mark.parametrize("further", [{}, {"tools": [TOOL]}], ids=["text", "tools"])
def test_what_is_over_is_freed_without_the_garbage_collector(further: dict[str, Any], tmp_path: Path) -> None:
    """A circle of references would keep the conversation and the answer until it comes, and make it come often."""
    assert left_by(gateway_of(tmp_path), "/v1/chat/completions", {**CHAT, **further}) == []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_no_request_waits_for_the_garbage_collector(path: str, stream: bool, tmp_path: Path) -> None:
    """Its body may be large. What writes an answer may have circles."""
    asked = {"input": "hi", "tools": [{"type": "custom", "name": "run"}]} if path.endswith("responses") else CHAT
    left = {type(found).__name__ for found in left_by(gateway_of(tmp_path), path, {**asked, "stream": stream})}
    assert left.isdisjoint({"AnswerJob", "Conversation", "EarlierTurn", "GeminiCall", "ItemReader", "Machine"})
