"""Links in a terminal (OSC 8): the request id of a line leads to the page of the exchange.

No terminal can be asked whether it takes them. Those that do are known by what they put into the environment; on others
the link would be rubbish on the screen, so there is none. `FORCE_HYPERLINK=1` and `=0` say so outright, as elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping

from addons.gateway.http.routes import PAGES

_PROGRAMS = frozenset(("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby", "rio"))
_TERMS = ("xterm-kitty", "xterm-ghostty", "alacritty", "foot", "wezterm", "contour")
_MARKS = ("KITTY_WINDOW_ID", "WT_SESSION", "KONSOLE_VERSION", "DOMTERM", "ALACRITTY_WINDOW_ID")
_OLDEST_VTE = 5000
"""0.50; GNOME's terminal and its kin."""


def taken(environ: Mapping[str, str]) -> bool:
    """Whether the terminal shows links, as far as its environment tells."""
    if forced := environ.get("FORCE_HYPERLINK"):
        return forced != "0"
    if environ.get("TMUX") or environ.get("TERM", "").startswith(("screen", "tmux", "dumb", "linux")):
        return False  # what is between the two would have to take them too
    vte = environ.get("VTE_VERSION", "")
    return (
        environ.get("TERM_PROGRAM") in _PROGRAMS
        or environ.get("TERM", "").startswith(_TERMS)
        or any(environ.get(name) for name in _MARKS)
        or (vte.isdigit() and int(vte) >= _OLDEST_VTE)
    )


def to_page(shown: str, root: str, id: str) -> str:
    """A text that leads to the page of an exchange. `root`: of the gateway, without a path; `id`: one of ours."""
    return f"\x1b]8;;{root}{PAGES}/{id}\x1b\\{shown}\x1b]8;;\x1b\\"
