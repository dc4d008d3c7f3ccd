"""`-S`: while recordings are loaded they answer, and nothing goes up that nobody asked for by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mitmproxy import http, io

from tests.e2e.conftest import TWO_ACCOUNTS, ScriptedUpstream, http_answer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Gateway, Starter, Upstream


def recorded(starter: Starter, *arguments: str, settings: str | None = TWO_ACCOUNTS, stream: bool = False) -> Path:
    """A file with one exchange."""
    recording = starter(settings, "-w", "saved.flow", *arguments)
    assert recording.chat("gpt-4o", "once", stream=stream).status == 200
    recording.stop()
    return recording.folder / "saved.flow"


def refused(gateway: Gateway, status: int = 404) -> None:
    """Neither dialect, neither form of answer, nor one in several parts gets anything but the error."""
    user = [{"role": "user", "content": "another"}]
    for path, body in (
        ("chat/completions", {"messages": user}),
        ("chat/completions", {"messages": user, "stream": True}),
        ("chat/completions", {"messages": user, "n": 2}),
        ("completions", {"prompt": ["a", "b"]}),
        ("responses", {"input": "another"}),
    ):
        answer = gateway.call("POST", f"/v1/{path}", {"model": "gpt-4o", **body})
        assert answer.status == status
        assert answer.json["error"]["code"] == "no_recording"
        assert answer.json["error"]["message"].startswith("No recording matches this request")
        assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    ("extra", "status"),
    [((), 404), (("--set", "server_replay_extra=404"), 404), (("--set", "server_replay_extra=500"), 500)],
    ids=["unset", "404", "500"],
)
def test_what_was_not_recorded_is_refused(
    starter: Starter, upstream: Upstream, extra: tuple[str, ...], status: int
) -> None:
    """Also when all recordings are used up, where mitmproxy would let everything through."""
    file = recorded(starter)
    upstream.forget()
    gateway = starter(TWO_ACCOUNTS, "-S", str(file), *extra)
    refused(gateway, status)
    assert gateway.chat("gpt-4o", "once").status == 200
    refused(gateway, status)
    assert gateway.chat("gpt-4o", "once").status == status
    assert not upstream.requests
    assert gateway.call("GET", "/healthz").status == 200
    assert "non-replay" not in gateway.log, "mitmproxy speaks of paths that the gateway serves itself"


def test_a_person_may_ask_for_more_by_name(starter: Starter, upstream: Upstream) -> None:
    """While there are recordings; and what is asked again and again has them as often as the person says."""
    file = recorded(starter)
    upstream.forget()
    reuse = ("--set", "server_replay_reuse=true")
    gateway = starter(TWO_ACCOUNTS, "-S", str(file), "--set", "server_replay_extra=forward", *reuse)
    assert [gateway.chat("gpt-4o", text).status for text in ("once", "another", "once")] == [200, 200, 200]
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("extra", ["forward", "kill", "204", "400"])
def test_nothing_goes_up_once_all_is_used_up(starter: Starter, extra: str) -> None:
    """Not even a connection is opened, whatever the option says. The upstream of the recording is not there any more:
    in its place somebody counts."""
    counting = ScriptedUpstream(http_answer(b"{}"))
    try:
        file = recorded(starter)
        settings = TWO_ACCOUNTS.replace("UPSTREAM", counting.url)
        ignored = [arg for name in ("host", "port") for arg in ("--set", f"server_replay_ignore_{name}=true")]
        gateway = starter(settings, "-S", str(file), "--set", f"server_replay_extra={extra}", *ignored)
        assert gateway.chat("gpt-4o", "once").status == 200
        for stream in (False, True):
            if extra == "kill":
                with pytest.raises(ConnectionError):
                    gateway.chat("gpt-4o", "once", stream=stream)
                continue
            answer = gateway.chat("gpt-4o", "once", stream=stream)
            assert answer.status == (400 if extra == "400" else 404)
            assert answer.json["error"]["code"] == "no_recording"
            assert answer.json["error"]["message"].startswith(
                "All recordings" if extra == "forward" else "No recording"
            )
            assert answer.headers["x-should-retry"] == "false"
        message = {"model": "gpt-4o", "max_tokens": 9, "messages": [{"role": "user", "content": "once"}]}
        if extra == "forward":
            told = gateway.call("POST", "/v1/messages", message).json
            assert (told["type"], told["error"]["type"]) == ("error", "not_found_error")
        assert counting.connections == 0
    finally:
        counting.close()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_demo_is_the_same_after_a_restart(starter: Starter, stream: bool) -> None:
    demo = ("--set", "antigravity_demo=true")
    recording = starter(None, "-w", "saved.flow", *demo)
    body = recording.chat("gpt-4o", "once", stream=stream).body
    recording.stop()
    file = recording.folder / "saved.flow"
    replaying = starter(None, "-S", str(file), "--set", "server_replay_extra=404", *demo)
    assert replaying.chat("gpt-4o", "once", stream=stream).body == body


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_recording_without_a_body_is_never_used(
    starter: Starter, upstream: Upstream, tmp_path: Path, stream: bool
) -> None:
    """mitmproxy keeps no body of what it streams; such a flow holds no answer."""
    bodiless = tmp_path / "bodiless.flow"
    with recorded(starter, stream=stream).open("rb") as file, bodiless.open("wb") as out:
        for flow in io.FlowReader(file).stream():
            assert isinstance(flow, http.HTTPFlow)
            if flow.response:
                flow.response.data.content = None
            io.FlowWriter(out).add(flow)
    upstream.forget()
    gateway = starter(TWO_ACCOUNTS, "-S", str(bodiless), "--set", "server_replay_reuse=true")
    assert gateway.chat("gpt-4o", "once", stream=stream).json["error"]["code"] == "no_recording"
    assert not upstream.requests
