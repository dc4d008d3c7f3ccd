"""addons.gateway.settings_file: the file while the gateway runs."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from addons.gateway import settings_file
from addons.gateway.gateway import Gateway
from addons.gateway.storage.opened import OpenStore, StorePlace
from tests.patience import PATIENCE


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


GOOD = "[retry]\nmax_attempts = 7\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[retry]\nmax_attempts = 8\n[responses]\nstore = '~nobody-here/kept.db'\n", "responses.store"),
        ("[retry]\nmax_attempts = 8\n[log]\nfile = '~nobody-here/log'\n", "log.file"),
        ("[retry]\nmax_attempts = 8\n[responses]\nstore = 'antigravity.toml/kept.db'\n", "can't be opened"),
        ("[retry]\nmax_attempts = 8\n[proxy]\nauth_mod = 'off'\n", "did you mean 'auth_mode'?"),
    ],
)
def test_new_settings_are_taken_wholly_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, text: str, said: str
) -> None:
    monkeypatch.setattr(settings_file, "LOOK_EVERY", 0.001)
    monkeypatch.setattr(settings_file, "SETTLES_IN", 0.001)
    file = tmp_path / "antigravity.toml"
    file.write_text(GOOD)
    gateway = Gateway(environ={})
    watched = settings_file.SettingsFile(gateway)

    async def watch() -> None:
        assert watched.use(str(file))
        watched.watch()
        before = (gateway.settings, gateway.gatekeeper, gateway.pool, gateway.store)
        file.write_text(text)
        await until(lambda: said in caplog.text)
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert (gateway.settings, gateway.gatekeeper, gateway.pool, gateway.store) == before
        file.write_text("[retry]\nmax_attempts = 9\n")
        await until(lambda: gateway.settings.retry.max_attempts == 9)
        watched.unwatch()

    with caplog.at_level(logging.INFO):
        asyncio.run(asyncio.wait_for(watch(), 10))
    assert caplog.text.count(said) == 1
    assert caplog.text.count("stay in force") == 1
    gateway.close_store()


def test_the_watcher_outlives_what_it_meets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(settings_file, "LOOK_EVERY", 0.001)
    monkeypatch.setattr(settings_file, "SETTLES_IN", 0.001)
    file = tmp_path / "antigravity.toml"
    file.write_text(GOOD)
    gateway = Gateway(environ={})
    watched = settings_file.SettingsFile(gateway)
    looks = 0

    def fail() -> None:
        nonlocal looks
        looks += 1
        raise RuntimeError("made up")

    monkeypatch.setattr(gateway, "look_at_credentials", fail)

    async def watch() -> None:
        assert watched.use(str(file))
        watched.watch()
        await until(lambda: looks > 3)
        file.write_text("[retry]\nmax_attempts = 9\n")
        await until(lambda: gateway.settings.retry.max_attempts == 9)
        watched.unwatch()

    asyncio.run(asyncio.wait_for(watch(), 10))
    assert caplog.text.count("could not be looked at") == 1
    gateway.close_store()


def test_what_is_read_on_a_thread_holds_up_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a store is being opened the loop goes on, and what was in force serves."""
    monkeypatch.setattr(settings_file, "LOOK_EVERY", 0.001)
    monkeypatch.setattr(settings_file, "SETTLES_IN", 0.001)
    file = tmp_path / "antigravity.toml"
    file.write_text(GOOD)
    gateway = Gateway(environ={})
    watched = settings_file.SettingsFile(gateway)
    opening, go_on = threading.Event(), threading.Event()
    open_now = OpenStore.open

    def open_slowly(place: StorePlace) -> OpenStore:
        opening.set()
        assert go_on.wait(PATIENCE)
        return open_now(place)

    async def watch() -> None:
        assert watched.use(str(file))
        monkeypatch.setattr(OpenStore, "open", open_slowly)
        watched.watch()
        file.write_text("[retry]\nmax_attempts = 9\n[responses]\nstore = 'kept.db'\n")
        await until(opening.is_set)
        assert gateway.settings.retry.max_attempts == 7
        assert gateway.database.path is None
        go_on.set()
        await until(lambda: gateway.settings.retry.max_attempts == 9)
        assert gateway.database.path == tmp_path / "kept.db"
        watched.unwatch()

    asyncio.run(asyncio.wait_for(watch(), 10))
    gateway.close_store()
