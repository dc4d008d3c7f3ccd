"""What a gateway knows after it was killed and started again: which accounts are exhausted, and until when."""

from __future__ import annotations

import json
import signal
import sqlite3
import stat
import uuid
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import KEYS, TWO_ACCOUNTS, wait_until
from tests.e2e.sdk_tools import WEATHER, first_calls, is_genuine
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter, Upstream


def stored_in(file: Path | str) -> str:
    return f'[responses]\nstore = "{file}"\n{TWO_ACCOUNTS}'


def kill(gateway: Gateway, file: Path, cooldowns: int) -> None:
    """End it suddenly, as soon as its cooldowns are in the file: an answer does not wait for the disk."""
    wait_until(lambda: kept(file) == cooldowns)
    gateway.process.send_signal(signal.SIGKILL)
    gateway.process.wait(PATIENCE)


def kept(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        (count,) = connection.execute("select count(*) from rests").fetchone()
        return int(count)


def asked(upstream: Upstream) -> list[str]:
    """The keys that were shown since this was called last, in order."""
    keys = [request.headers["x-goog-api-key"] for request in upstream.requests]
    upstream.forget()
    return keys


def test_an_exhausted_account_is_not_asked_after_a_restart(
    starter: Starter, upstream: Upstream, tmp_path: Path
) -> None:
    model = f"demo-429-first-{uuid.uuid4()}"
    gateway = starter(stored_in(tmp_path / "state.db"))
    assert gateway.chat(model).status == 200
    kill(gateway, tmp_path / "state.db", cooldowns=1)
    assert asked(upstream) == [*KEYS]
    again = starter(stored_in(tmp_path / "state.db"))
    for _ in range(2):
        answer = again.chat(model)
        assert (answer.status, answer.headers["x-account-email"]) == (200, "bravo@example.com")
    assert asked(upstream) == [KEYS[1]] * 2
    assert again.chat("gemini-2.5-flash").headers["x-account-email"] == "alpha@example.com"


def test_when_all_are_exhausted_the_client_is_still_told_when_to_come_back(
    starter: Starter, upstream: Upstream, tmp_path: Path
) -> None:
    model = f"demo-429-all-{uuid.uuid4()}"
    settings = stored_in(tmp_path / "state.db")
    gateway = starter(settings)
    assert gateway.chat(model).status == 429
    kill(gateway, tmp_path / "state.db", cooldowns=2)
    upstream.forget()
    answer = starter(settings).chat(model)
    assert (answer.status, answer.error["code"]) == (429, "rate_limit_exceeded")
    assert 1 <= int(answer.headers["retry-after"]) <= 30
    assert "It was reached on all 2 accounts" in answer.error["message"]
    assert asked(upstream) == []


def test_a_daily_quota_lasts_over_restarts(starter: Starter, upstream: Upstream, tmp_path: Path) -> None:
    model = f"demo-429-day-all-{uuid.uuid4()}"
    settings = stored_in(tmp_path / "state.db")
    for _ in range(3):
        gateway = starter(settings)
        answer = gateway.chat(model)
        assert answer.status == 429
        assert answer.headers["x-should-retry"] == "false"
        gateway.stop()
    assert asked(upstream) == [*KEYS]


def test_who_was_set_aside_gets_another_chance(starter: Starter, upstream: Upstream, tmp_path: Path) -> None:
    settings = stored_in(tmp_path / "state.db").replace(KEYS[0], "invalid-key-one")
    for _ in range(2):
        gateway = starter(settings)
        for _ in range(2):
            assert gateway.chat("gemini-2.5-flash").status == 200
        assert asked(upstream) == ["invalid-key-one", KEYS[1], KEYS[1]]
        kill(gateway, tmp_path / "state.db", cooldowns=0)


def test_the_file_is_the_owners_and_holds_no_key(starter: Starter, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    gateway = starter(stored_in(folder / "state.db"))
    assert gateway.chat(f"demo-429-all-{uuid.uuid4()}").status == 429
    assert gateway.call("POST", "/v1/responses", {"model": "gemini-2.5-flash", "input": "hi"}).status == 200
    kill(gateway, folder / "state.db", cooldowns=2)
    files = list(folder.iterdir())
    assert folder / "state.db" in files
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    content = b"".join(file.read_bytes() for file in files)
    assert b"alpha@example.com" in content
    assert not any(key.encode() in content for key in KEYS)


def test_a_relative_path_begins_at_the_settings_file(starter: Starter, tmp_path: Path) -> None:
    elsewhere = tmp_path / "settings"
    elsewhere.mkdir()
    file = elsewhere / "antigravity.toml"
    file.write_text('[responses]\nstore = "kept/state.db"\n[[accounts]]\nemail = "a"\napi_key = "k"\n')
    gateway = starter(None, "--set", f"antigravity_config={file}")
    assert (elsewhere / "kept" / "state.db").exists()
    assert not (gateway.folder / "kept").exists()


def test_without_a_store_nothing_is_written(starter: Starter, upstream: Upstream) -> None:
    model = f"demo-429-first-{uuid.uuid4()}"
    gateway = starter()
    assert gateway.chat(model).status == 200
    assert not list(gateway.folder.rglob("*.db*"))


def test_two_gateways_share_a_file(starter: Starter, upstream: Upstream, tmp_path: Path) -> None:
    settings = stored_in(tmp_path / "state.db")
    one, two = starter(settings), starter(settings)
    for number in range(10):
        for gateway in (one, two):
            assert gateway.chat(f"demo-429-first-{uuid.uuid4()}").status == 200
            created = gateway.call("POST", "/v1/responses", {"model": "gemini-2.5-flash", "input": f"hi {number}"})
            other = two if gateway is one else one
            assert gateway.call("GET", f"/v1/responses/{created.json['id']}").status == 200
            assert other.call("GET", f"/v1/responses/{created.json['id']}").status == 200
    for gateway in (one, two):
        assert "stored" not in gateway.log
        assert "Traceback" not in gateway.log


@pytest.mark.parametrize("switched", ["cooldown = false", "cooldown = true"])
def test_without_cooldown_what_is_kept_does_not_count(
    starter: Starter, upstream: Upstream, tmp_path: Path, switched: str
) -> None:
    model = f"demo-429-first-{uuid.uuid4()}"
    settings = stored_in(tmp_path / "state.db")
    kill_me = starter(settings)
    assert kill_me.chat(model).status == 200
    kill(kill_me, tmp_path / "state.db", cooldowns=1)
    upstream.forget()
    gateway = starter(f"[retry]\n{switched}\n{settings}")
    for _ in range(2):
        gateway.chat(model)
    assert (KEYS[0] in asked(upstream)) is (switched == "cooldown = false")


def test_statistics_are_kept(starter: Starter, tmp_path: Path) -> None:
    """They are written every few seconds, and when the gateway ends."""
    settings = stored_in(tmp_path / "state.db")
    gateway = starter(settings)
    assert gateway.chat("gemini-2.5-flash").status == 200
    gateway.stop()
    status = starter(settings).call("GET", "/status.json").json
    assert [model["requests"] for model in status["models"]] == [1]
    assert [account["attempts"] for account in status["accounts"]] == [1, 0]
    assert [exchange["model"] for exchange in status["exchanges"]] == ["gemini-2.5-flash"]


# ---- thought signatures, of clients that know of texts and calls only

ASKED: dict[str, Any] = {"role": "user", "content": "Hello!"}
STREAMED = {
    "messages": ("/v1/messages", {"model": "gemini-3-flash", "max_tokens": 500, "thinking": {"type": "adaptive"}}),
    "chat": ("/v1/chat/completions", {"model": "gemini-3-flash"}),
}


def streamed_text(events: list[Any]) -> str:
    """All text of a stream of either dialect."""
    deltas = [choice["delta"] for event in events if event != "[DONE]" for choice in event.get("choices", ())]
    deltas += [event["delta"] for event in events if event != "[DONE]" and event.get("type") == "content_block_delta"]
    return "".join(delta.get("content") or delta.get("text") or "" for delta in deltas)


def answer_events(body: bytes) -> list[Any]:
    data = [line[6:] for line in body.decode().splitlines() if line.startswith("data: ")]
    return [one if one == "[DONE]" else json.loads(one) for one in data]


def last_body(upstream: Upstream) -> Any:
    return upstream.requests[-1].body


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(("path", "body"), STREAMED.values(), ids=STREAMED)
def test_the_signature_of_a_text_that_was_streamed(
    starter: Starter, upstream: Upstream, tmp_path: Path, path: str, body: dict[str, Any], workers: int
) -> None:
    settings = stored_in(tmp_path / "state.db")
    before = starter(settings, workers=workers)
    answer = before.call("POST", path, {**body, "messages": [ASKED], "stream": True})
    text = streamed_text(answer_events(answer.body))
    before.stop()
    turns = [ASKED, {"role": "assistant", "content": text}, {"role": "user", "content": "Go on."}]
    after = starter(settings, workers=workers)
    for _ in range(2):
        assert after.call("POST", path, {**body, "messages": turns}).status == 200
        said = last_body(upstream)["contents"][1]["parts"]
        assert "".join(part["text"] for part in said) == text
        assert is_genuine(said[-1])


def test_the_signature_of_a_call(starter: Starter, upstream: Upstream, tmp_path: Path) -> None:
    settings = stored_in(tmp_path / "state.db")
    before = starter(settings)
    asked_for = {"role": "user", "content": 'call get_weather {"city": "Rome", "days": 3}'}
    body = {"model": "gemini-3-flash", "tools": [WEATHER]}
    answer = before.call("POST", "/v1/chat/completions", {**body, "messages": [asked_for]})
    (call,) = answer.json["choices"][0]["message"]["tool_calls"]
    before.stop()
    said = {"role": "assistant", "content": None, "tool_calls": [{k: call[k] for k in ("id", "type", "function")}]}
    result = {"role": "tool", "tool_call_id": call["id"], "content": "rain"}
    again = starter(settings).call("POST", "/v1/chat/completions", {**body, "messages": [asked_for, said, result]})
    assert again.status == 200
    (part,) = first_calls(last_body(upstream))
    assert is_genuine(part)
    assert part["functionCall"]["args"] == {"city": "Rome", "days": 3}
    file = (tmp_path / "state.db").read_bytes()
    assert b"Rome" not in file
