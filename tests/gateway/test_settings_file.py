"""addons.gateway.settings_file: the file while the gateway runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from addons.gateway import settings_file
from addons.gateway.gateway import Gateway


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - files and logs tell nobody
        await asyncio.sleep(0.001)


def test_a_file_that_is_gone_is_told_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(settings_file, "LOOK_EVERY", 0.001)
    file = tmp_path / "antigravity.toml"
    file.write_text("[retry]\nmax_attempts = 7\n")
    gateway = Gateway(environ={})
    watched = settings_file.SettingsFile(gateway)

    async def watch() -> None:
        assert watched.use(str(file))
        watched.watch()
        file.unlink()
        await until(lambda: "is gone" in caplog.text)
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert gateway.settings.retry.max_attempts == 7
        file.write_text("[retry]\nmax_attempts = 8\n")
        await until(lambda: gateway.settings.retry.max_attempts == 8)
        watched.unwatch()

    with caplog.at_level(logging.INFO):
        asyncio.run(asyncio.wait_for(watch(), 10))
    assert caplog.text.count("is gone") == 1
    gateway.close_store()
