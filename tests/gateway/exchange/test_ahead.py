"""What takes long is done in a thread before the answer is finished: nobody else waits for it."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from addons.gateway.endpoints.answer_job import AnswerJob
from mapping.images import convert
from mapping.notes import Notes
from mapping.values import GeminiCall
from tests.mapping.images.samples import answer, blob, picture, understood

FIRST, OTHER = (json.dumps(answer(blob(picture(colour=colour)))).encode() for colour in ("red", "blue"))


async def ask(call: GeminiCall, check: Any) -> bytes:
    check(OTHER)
    return OTHER


async def finished(*, stream: bool) -> bytes:
    job = AnswerJob(understood({"output_format": "webp", "n": 2, "stream": stream}), Notes(), ask, strict=False)
    job.begin()
    if not stream:
        assert job.take(FIRST)
        return job.finish(await job.others())
    translator = job.stream()
    translator.feed(b"data: " + FIRST + b"\n\n")
    for other in await job.others():
        translator.add_answer(other)
    return translator.end()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_images_are_converted_in_a_thread(monkeypatch: pytest.MonkeyPatch, stream: bool) -> None:
    threads = []
    inner = convert.converted

    def converted(*args: Any) -> str | None:
        threads.append(threading.current_thread())
        return inner(*args)

    monkeypatch.setattr(convert, "converted", converted)
    assert asyncio.run(finished(stream=stream)).count(b'"b64_json":"UklGR') == 2
    assert len(threads) == 2
    assert threading.main_thread() not in threads
