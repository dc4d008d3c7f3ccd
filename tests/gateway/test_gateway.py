"""addons.gateway.gateway: what new settings change, and what they leave alone."""

from __future__ import annotations

from pathlib import Path

from addons.gateway.gateway import Gateway

FIRST = '[[accounts]]\nemail = "a"\napi_key = "k-1"\n[[accounts]]\nemail = "b"\napi_key = "k-2"\n'


def test_unchanged_accounts_stay_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "antigravity.toml"
    gateway = Gateway(environ={})
    file.write_text(FIRST)
    gateway.use(gateway.load(file))
    a, b = gateway.pool.accounts
    gateway.pool.set_aside(a, "its credential was refused")
    gateway.pool.cool(b, "gemini-2.5-flash", 30, "429")

    file.write_text(FIRST + "[retry]\nmax_attempts = 5\n")
    gateway.use(gateway.load(file))
    assert gateway.pool.accounts == [a, b]
    assert gateway.pool.accounts[0].unusable == "its credential was refused"
    assert gateway.pool.shortest_rest("gemini-2.5-flash") is not None

    file.write_text(FIRST.replace("k-1", "k-new"))
    gateway.use(gateway.load(file))
    again, same = gateway.pool.accounts
    assert again is not a
    assert again.unusable is None
    assert same is b
    gateway.close_store()
