"""scripts/cases.py cassette: what mitmproxy saved, as recordings that answer offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.conftest import KEYS, TWO_ACCOUNTS, ScriptedUpstream, http_answer
from tests.e2e.test_cases import cases
from tests.e2e.test_upstreams import account

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Starter, Upstream


def test_a_saved_file_becomes_a_cassette(starter: Starter, upstream: Upstream, tmp_path: Path) -> None:
    """Whatever kind of account was asked, and however often."""
    tape = tmp_path / "tape"
    kinds = "".join(account(kind) for kind in ("gemini", "vertex", "code-assist"))
    recording = starter(f"[retry]\ncooldown = false\n{kinds}{TWO_ACCOUNTS}", "-w", "saved.flow")
    asks = [(model, stream) for model in ("gpt-4o", "demo-503-first-flows") for stream in (False, True)] * 5
    said = {(model, stream): recording.chat(model, "Hello!", stream=stream).status for model, stream in asks}
    twice = recording.chat("gpt-4o", "two", n=2).status
    recording.stop()
    made = cases("cassette", recording.folder / "saved.flow", tape)
    assert made.returncode == 0, made.stderr
    assert not made.stderr
    texts = [path.read_text() for path in tape.iterdir()]
    assert not [key for key in (*KEYS, "example.com", "session_id") if any(key in text for text in texts)]

    counting = ScriptedUpstream(http_answer(b"{}"))
    try:
        gateway = starter(
            None, "--set", f"antigravity_cassette={tape}", "--set", "antigravity_cassette_record=none",
            upstream=counting.url,
        )  # fmt: skip
        for (model, stream), status in said.items():
            assert gateway.chat(model, "Hello!", stream=stream).status == status == 200
        assert gateway.chat("gpt-4o", "two", n=2).status == twice == 200
        assert gateway.chat("gpt-4o", "another").status == 400
        assert counting.connections == 0
    finally:
        counting.close()
    names = sorted(path for path in tape.iterdir() if path.name.startswith("gemini"))
    shown = cases("diff", names[0], names[-1])
    assert "Gemini's request" in shown.stdout, shown.stderr
    assert cases("copy", "markdown", names[0]).stdout
