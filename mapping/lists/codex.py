"""What Codex CLI wants to know of models: the member `models` of the list that its `model_catalog_url` names.

Codex (0.171) asks for it with `?client_version=`, and only if its provider has a credential to show. For a model that
is not in it, it warns and sends no thinking level. Found by trying: it refuses a list in which one entry lacks
`display_name`, `supported_reasoning_levels`, `shell_type`, `visibility`, `supported_in_api`, `priority`,
`support_verbosity`, `truncation_policy`, `experimental_supported_tools`, or `base_instructions`; the last takes the
place of the prompt that Codex has for models it does not know, so it must be one. The tools stay those that Codex gives
to such models.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mapping.gemini.models import Model, model_info
from mapping.values import JSON

_EFFORTS = {
    "minimal": "Hardly any thinking",
    "low": "Little thinking, quick answers",
    "medium": "A balance of thinking and speed",
    "high": "Thorough thinking",
    "xhigh": "The most thinking, for the hardest tasks",
}
_DEFAULT = "medium"

INSTRUCTIONS = """\
You are a coding agent in the Codex CLI. You work on the user's machine, in the folder where they started you, with \
the tools that you are given.

How to work
- Go on until the task is done: look, change, check. Ask only when something that you cannot find out decides what to \
do.
- Look before you change: search with `rg` and read the files that matter, several at once where tools can be called \
in parallel. Do not guess what a file holds.
- Follow AGENTS.md files, and the style of the code around. Change what the task needs and no more; mend causes, not \
symptoms.
- Change files with the patch tool if there is one, else with the shell. Do not print whole files to change a line.
- Leave alone what the user has changed. Do not commit, make branches, reset or delete unless you are asked to.
- Check your work: run the tests, the type checker or the program, those parts first that you touched. Say what you \
could not check.
- Keep a plan for long tasks if there is a tool for it, with one step in progress at a time.
- Commands run in a sandbox. Where one needs more rights, ask for them as the permissions say.

How to answer
- Before a group of tool calls, say in a sentence what you are about to do.
- At the end say briefly what you did, where (`path:line`), and what is left to do. Plain text, short lists, no \
headings for small things; commands, paths and names in backticks.
"""


class Entry(NamedTuple):
    """A model of the list that Codex CLI shows."""

    name: str
    """As clients name it."""
    target: str
    """The Gemini model behind it."""
    title: str
    inputs: int | None
    """Its input limit in tokens."""


def catalog(entries: Iterable[Entry]) -> list[JSON]:
    """The member `models`. The order is that of Codex's menu."""
    return [_entry(entry, priority) for priority, entry in enumerate(entries)]


def _entry(entry: Entry, priority: int) -> JSON:
    levels = _levels(model_info(entry.target))
    made: JSON = {
        "slug": entry.name,
        "display_name": entry.title,
        "supported_reasoning_levels": [{"effort": level, "description": _EFFORTS[level]} for level in levels],
        "shell_type": "unified_exec",
        "visibility": "list",
        "supported_in_api": True,
        "priority": priority,
        "support_verbosity": False,
        "truncation_policy": {"mode": "tokens", "limit": 10_000},
        "input_modalities": ["text", "image"],
        "experimental_supported_tools": [],
        "base_instructions": INSTRUCTIONS,
    }
    if levels:
        made["default_reasoning_level"] = _DEFAULT if _DEFAULT in levels else levels[-1]
    if entry.inputs:
        made["context_window"] = entry.inputs
    return made


def _levels(model: Model) -> list[str]:
    """The efforts that make a difference, lowest first."""
    if model.thinking == "none":
        return []
    if model.thinking == "budget":
        return ["low", "medium", "high"]
    return [effort for effort in _EFFORTS if effort.upper() in model.levels]
