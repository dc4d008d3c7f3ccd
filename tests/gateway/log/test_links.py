"""addons.gateway.log.links: which terminals take links."""

from __future__ import annotations

import pytest

from addons.gateway.log import links


@pytest.mark.parametrize(
    ("environ", "taken"),
    [
        ({}, False),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "vscode"}, True),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, False),
        ({"TERM": "xterm-256color", "VTE_VERSION": "6003"}, True),
        ({"TERM": "xterm-256color", "VTE_VERSION": "4205"}, False),
        ({"TERM": "xterm-256color", "WT_SESSION": "x"}, True),
        ({"TERM": "screen-256color", "TERM_PROGRAM": "iTerm.app"}, False),
        ({"TERM": "xterm-256color", "TMUX": "/tmp/x", "KITTY_WINDOW_ID": "1"}, False),
        ({"TERM": "dumb", "FORCE_HYPERLINK": "1"}, True),
        ({"TERM": "xterm-kitty", "FORCE_HYPERLINK": "0"}, False),
    ],
)
def test_taken(environ: dict[str, str], taken: bool) -> None:
    assert links.taken(environ) is taken
