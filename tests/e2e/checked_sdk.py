"""OpenAI's Python SDK over a wire that checks every answer, and what its tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from openai import AsyncOpenAI, ContentFilterFinishReasonError, LengthFinishReasonError, OpenAI

from tests.e2e.answer_checks import Wire

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion

    from tests.e2e.conftest import Gateway, Upstream

BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def user(text: str = "Hello!") -> list[Any]:
    """A conversation that begins."""
    return [{"role": "user", "content": text}]


def complete(client: OpenAI, stream: bool, **body: Any) -> ChatCompletion:
    """The completion as the SDK has it in the end, by `create` or by its stream helper."""
    if not stream:
        return client.chat.completions.create(**body)
    try:
        with client.chat.completions.stream(**body) as events:
            return events.get_final_completion()
    except (LengthFinishReasonError, ContentFilterFinishReasonError) as e:  # the helper's way to tell of them
        return e.completion


def sent(upstream: Upstream) -> dict[str, Any]:
    """The body of the last request that reached the upstream."""
    body: dict[str, Any] = upstream.requests[-1].body
    return body


def config(upstream: Upstream) -> dict[str, Any]:
    """Its `generationConfig`."""
    return dict(sent(upstream).get("generationConfig", {}))


@contextmanager
def checked_client(gateway: Gateway, **options: Any) -> Iterator[OpenAI]:
    """A client whose answers are all checked when it closes. No retries, unless `options` ask for them."""
    wire = Wire()
    options = {"api_key": "any", "max_retries": 0, **options}
    with OpenAI(
        base_url=gateway.base_url, http_client=httpx2.Client(transport=CheckedTransport(wire)), **options
    ) as client:
        yield client
    wire.verify()


@asynccontextmanager
async def checked_async_client(gateway: Gateway) -> AsyncIterator[AsyncOpenAI]:
    """The same, asynchronous."""
    wire = Wire()
    http = httpx2.AsyncClient(transport=CheckedAsyncTransport(wire))
    async with AsyncOpenAI(base_url=gateway.base_url, api_key="any", max_retries=0, http_client=http) as client:
        yield client
    wire.verify()


class CheckedTransport(httpx2.HTTPTransport):
    """Reports each answer to a wire, as it came."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = super().handle_request(request)
        response.stream = _Tap(response.stream, _report(self._wire, request, response))
        return response


class CheckedAsyncTransport(httpx2.AsyncHTTPTransport):
    """The same, asynchronous."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        response.stream = _AsyncTap(response.stream, _report(self._wire, request, response))
        return response


def _report(wire: Wire, request: httpx2.Request, response: httpx2.Response) -> Callable[[bytes], None]:
    return lambda body: wire.take(
        request.url.path, response.status_code, response.headers.get("content-type", ""), body
    )


class _Collector:
    """Reports once, when the client is done with the body; not at all if it did not want to see it."""

    def __init__(self, stream: Any, report: Callable[[bytes], None]) -> None:
        self._stream = stream
        self._report: Callable[[bytes], None] | None = report
        self._data = bytearray()
        self._begun = False

    def _done(self) -> None:
        report, self._report = self._report, None
        if report and self._begun:
            report(bytes(self._data))


class _Tap(_Collector, httpx2.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        self._begun = True
        for data in self._stream:
            self._data += data
            yield data

    def close(self) -> None:
        self._stream.close()
        self._done()


class _AsyncTap(_Collector, httpx2.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._begun = True
        async for data in self._stream:
            self._data += data
            yield data

    async def aclose(self) -> None:
        await self._stream.aclose()
        self._done()
