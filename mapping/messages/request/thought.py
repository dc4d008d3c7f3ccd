"""`thinking` and `output_config.effort` of a Messages request -> `generationConfig.thinkingConfig`.

Rules that this module keeps:

* A budget is what the client says most exactly, and wins over an effort. `disabled` wins over both.
* `adaptive` leaves it to the model; how much, the effort says. So does an effort alone.
* Without `thinking` the model thinks as it does by itself, and shows nothing of it.
* The effort of a system message (`output_config`) is that of the turn in which it stands.

Source: Anthropic's API reference (`ThinkingConfig`, `OutputConfig`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mapping.gemini.models import Model
from mapping.messages.plan import Display
from mapping.notes import Notes
from mapping.request import members
from mapping.request.settings import parameters
from mapping.request.settings.google_extensions import GoogleExtensions
from mapping.request.settings.thinking import DYNAMIC, show_thoughts, thinking_config
from mapping.values import JSON, Options

_TYPES = {"enabled": True, "adaptive": True, "disabled": False, "between_tools": False}
"""The values of `thinking.type` -> whether the model is to think. `between_tools` wants words about progress, which
Gemini does not write."""
_MEMBERS = ("type", "budget_tokens", "display", "block_binding")
_DISPLAYS: dict[str, Display] = {"summarized": "summarized", "omitted": "omitted", "updates": "summarized"}
_EFFORTS = ("low", "medium", "high", "xhigh", "max")


@dataclass(slots=True)
class Thought:
    """What a request says about thinking."""

    asked: bool = False
    """It asks for thinking, so that its answer may have thinking blocks."""
    display: Display = "summarized"
    effort: str | None = None
    effort_path: str = "output_config.effort"
    explicit: JSON | None = None
    """Members of `thinkingConfig`."""
    explicit_path: str = "thinking.budget_tokens"

    def config(self, model: Model, max_tokens: int | None, notes: Notes, options: Options) -> JSON | None:
        """`generationConfig.thinkingConfig`; None: nothing to say. `max_tokens` as sent. Raises Fault."""
        explicit = self.explicit
        if explicit is None and self.asked and self.effort is None and not model.thinks_by_default:
            explicit = {"thinking_budget": DYNAMIC}
        return thinking_config(
            model,
            effort=self.effort,
            explicit=explicit,
            show=show_thoughts(options, self.asked) if self.display == "summarized" else False,
            max_tokens=max_tokens,
            notes=notes,
            path=self.effort_path,
            explicit_path=self.explicit_path,
        )


def read_thought(body: JSON, google: GoogleExtensions, notes: Notes) -> Thought:
    """What a request says. Raises Fault."""
    found = Thought()
    thinking = parameters.json_object(body.get("thinking"), "thinking")
    found.effort, found.effort_path = _effort(body)
    if google.thinking:
        found.explicit, found.explicit_path = google.thinking, google.thinking_path
    if thinking is None:
        return found
    parameters.note_unknown(thinking, "thinking", _MEMBERS, notes)
    kind = parameters.one_of(members.string(thinking, "type", "thinking"), "thinking.type", _TYPES) or ""
    budget = parameters.integer(thinking.get("budget_tokens"), "thinking.budget_tokens", 1)
    display = parameters.one_of(thinking.get("display"), "thinking.display", _DISPLAYS)
    found.asked = _TYPES[kind]
    found.display = _DISPLAYS[display or "summarized"]
    if not found.asked:
        if found.effort is not None:
            notes.add("ignored", found.effort_path)
        found.effort, found.effort_path = "none", "thinking.type"
    elif kind == "enabled":
        budget = members.present(budget, "thinking.budget_tokens")
        if not google.thinking:
            found.explicit = {"thinking_budget": budget}
        else:
            notes.add("ignored", "thinking.budget_tokens")
    return found


def _effort(body: JSON) -> tuple[str | None, str]:
    """The effort of the request, and where it says so: in the turn's last system message that has one, or for all."""
    config = parameters.json_object(body.get("output_config"), "output_config") or {}
    whole = (config.get("effort"), "output_config.effort")
    found = whole
    messages = body.get("messages")
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        role = message.get("role") if isinstance(message, dict) else None
        if role == "user" and not _has_results(message.get("content")):
            found = whole
        elif role == "system":
            path = f"messages[{index}].output_config"
            turn = parameters.json_object(message.get("output_config"), path) or {}
            if turn.get("effort") is not None:
                found = (turn["effort"], f"{path}.effort")
    effort, path = found
    return parameters.one_of(effort, path, _EFFORTS), path


def _has_results(content: Any) -> bool:
    """Whether a message of the user's goes on with a turn: it has results of calls."""
    return isinstance(content, list) and any(
        isinstance(block, dict) and block.get("type") == "tool_result" for block in content
    )
