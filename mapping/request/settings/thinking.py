"""How much the model thinks, and whether its thoughts are shown: `generationConfig.thinkingConfig`.

Rules that this module keeps:

* A budget and a level never go together, a level never goes to a model with budgets, and a model that does not think
  gets no `thinkingConfig` at all: each of these is a 400 at Gemini.
* What the client says in Gemini's own terms (`thinking_config`) wins over `reasoning_effort`.
* What a model does not offer becomes the nearest that it does, with a note.
* Thoughts count against `maxOutputTokens`. When that is small, thinking is made small too, or no answer would be left.

Sources: the Gemini API reference (`ThinkingConfig`) and the table of efforts on its page about OpenAI compatibility.
"""

from __future__ import annotations

from dataclasses import dataclass

from mapping import faults
from mapping.gemini.models import EFFORTS, Model
from mapping.notes import Notes
from mapping.request.settings import parameters
from mapping.values import JSON, Options

DYNAMIC = -1
"""The budget with which a model decides by itself how much it thinks."""

SMALL_MAX_TOKENS = 1024
"""Below so many tokens of answer a model with thinking levels uses its lowest."""

# The least effort that gives at least the budget, by the numbers of Google's own table.
_EFFORT_OF_BUDGET = ((0, "none"), (1024, "low"), (8192, "medium"))

_AMOUNTS = ("thinking_budget", "thinkingBudget", "thinking_level", "thinkingLevel")

_ASKED = frozenset({"reasoning", "thinking", "thinking_budget", "reasoning_effort"})
"""Members of a chat request that say something about thinking."""
_REASONING_MEMBERS = frozenset(
    {"effort", "max_tokens", "enabled", "exclude", "summary", "generate_summary", "context", "mode"}
)
_THINKING_MEMBERS = frozenset({"type", "budget_tokens"})

# Anthropic's `thinking.type`.
_TYPES = ("enabled", "disabled", "adaptive")


@dataclass(slots=True)
class Reasoning:
    """What the client said about thinking, whatever spelling it used."""

    effort: str | None = None
    effort_path: str = "reasoning_effort"
    explicit: JSON | None = None
    """Members of `thinkingConfig`, in snake_case or camelCase."""
    explicit_path: str = "thinking_config"
    excluded: bool = False
    """The client does not want to see thoughts (`reasoning.exclude`, OpenRouter's)."""

    @property
    def asked(self) -> bool:
        """The client asked for reasoning, so it is ready to be shown some."""
        return not self.excluded and (self.explicit is not None or self.effort not in (None, "none"))


def read_reasoning(body: JSON, explicit: JSON | None, explicit_path: str, notes: Notes) -> Reasoning:
    """What a chat request says about thinking.

    `explicit` is the `thinking_config` among Google's extensions, found at `explicit_path`. Other spellings: a budget
    in `thinking_budget`, `thinking.budget_tokens` (Anthropic's) or `reasoning.max_tokens` (OpenRouter's); an effort
    in `reasoning_effort` (OpenAI's), `reasoning.effort` (the Responses API's), `thinking.type` or `reasoning.enabled`
    (OpenRouter's). Of several budgets or efforts the first named here wins, the others are noted; so are members of
    `reasoning` and `thinking` that mean nothing here. Raises 400 for wrong types.
    """
    if _ASKED.isdisjoint(body):  # as most requests
        return Reasoning(explicit=explicit or None, explicit_path=explicit_path)
    reasoning = parameters.json_object(body.get("reasoning"), "reasoning") or {}
    thinking = parameters.json_object(body.get("thinking"), "thinking") or {}
    parameters.note_unknown(reasoning, "reasoning", _REASONING_MEMBERS, notes)
    parameters.note_unknown(thinking, "thinking", _THINKING_MEMBERS, notes)
    kind = parameters.one_of(thinking.get("type"), "thinking.type", _TYPES)
    enabled = parameters.boolean(reasoning.get("enabled"), "reasoning.enabled")
    budgets = {
        "thinking_budget": body.get("thinking_budget"),
        "thinking.budget_tokens": None if kind == "disabled" else thinking.get("budget_tokens"),
        "reasoning.max_tokens": reasoning.get("max_tokens"),
    }
    efforts = {
        "reasoning_effort": body.get("reasoning_effort"),
        "reasoning.effort": reasoning.get("effort"),
        "thinking.type": "none" if kind == "disabled" else None,
        "reasoning.enabled": "none" if enabled is False else None,
    }
    budget, budget_path = _first(
        {path: parameters.integer(value, path, DYNAMIC) for path, value in budgets.items()}, notes
    )
    effort, effort_path = _first({path: parameters.string(value, path) for path, value in efforts.items()}, notes)
    if budget is None and effort is None and (kind is not None or enabled):
        budget, budget_path = DYNAMIC, "thinking.type" if kind is not None else "reasoning.enabled"
    excluded = parameters.boolean(reasoning.get("exclude"), "reasoning.exclude") is True
    found = Reasoning(effort, effort_path or "reasoning_effort", explicit or None, explicit_path, excluded)
    if budget is None:
        return found
    if any((explicit or {}).get(name) is not None for name in _AMOUNTS):
        notes.add("ignored", budget_path)
        return found
    for name in ("include_thoughts", "includeThoughts"):
        parameters.boolean((explicit or {}).get(name), f"{explicit_path}.{name}")
    found.explicit, found.explicit_path = {**(explicit or {}), "thinking_budget": budget}, budget_path
    return found


def _first[T](spellings: dict[str, T | None], notes: Notes) -> tuple[T | None, str]:
    """The first spelling that is present, with its path; the others are noted."""
    present = [(value, path) for path, value in spellings.items() if value is not None]
    for _, path in present[1:]:
        notes.add("ignored", path)
    return present[0] if present else (None, "")


def show_thoughts(options: Options, asked: bool) -> bool | None:
    """The `show` of `thinking_config`: what the settings say, and for `auto` whether the client asked."""
    if options.thoughts == "always":
        return True
    if options.thoughts == "never":
        return False
    return True if asked else None


def thinking_config(
    model: Model,
    *,
    effort: str | None,
    explicit: JSON | None = None,
    show: bool | None = None,
    max_tokens: int | None = None,
    notes: Notes,
    path: str,
    explicit_path: str = "thinking_config",
) -> JSON | None:
    """`generationConfig.thinkingConfig`, or None when there is nothing to say.

    `effort` is OpenAI's, found at `path`; `explicit` holds Gemini's own members in snake_case or camelCase, found at
    `explicit_path`, and wins. `show` asks for thought summaries: True unless `explicit` says no, False never, None
    only if `explicit` says so. `max_tokens` is the length of the answer that the client allows, thoughts included.
    Raises 400 for an effort or level that does not exist, and for wrong types.
    """
    config, include = _read_explicit(explicit, model, notes, explicit_path) if explicit else ({}, None)
    # The effort is read even when it does not win, so that a wrong one is always an error.
    amount = _from_effort(effort, model, notes, path, used=not config)
    if model.thinking == "none":
        for given, where in ((effort, path), (explicit, explicit_path)):
            if given is not None and given != "none":
                notes.add("model-refuses", where)
        return None
    if config and effort is not None:
        notes.add("ignored", path)
    if not config:
        config = _fit(amount, model, max_tokens, notes)
    if include is None or show is False:
        include = bool(show)
    if include and _thinks(config, model):
        config["includeThoughts"] = True
    return config or None


def _thinks(config: JSON, model: Model) -> bool:
    """Asking for the thoughts of a model that does not think is an error at Gemini."""
    return config.get("thinkingBudget") != 0 and (bool(config) or model.thinks_by_default)


def _from_effort(effort: str | None, model: Model, notes: Notes, path: str, *, used: bool) -> int | str | None:
    """The budget or level of an effort."""
    if parameters.one_of(effort, path, EFFORTS) is None or model.thinking == "none":
        return None
    assert effort is not None
    amount = model.efforts[effort]
    if used and not _exact(effort, amount):
        notes.add("thinking", path)
    return amount


def _exact(effort: str, amount: int | str) -> bool:
    """Whether the model does just what the effort says. Budgets have no names, but `none` is none."""
    if isinstance(amount, str):
        return amount.lower() == effort
    return (amount == 0) == (effort == "none")


def _fit(amount: int | str | None, model: Model, max_tokens: int | None, notes: Notes) -> JSON:
    """The budget or level as the member of a config, lowered so that `max_tokens` leaves room for an answer."""
    if model.thinking == "level":
        if max_tokens is not None and max_tokens < SMALL_MAX_TOKENS and amount != model.levels[0]:
            notes.add("thinking", "max_tokens")
            amount = model.levels[0]
        return {} if amount is None else {"thinkingLevel": amount}
    if max_tokens is None or not (isinstance(amount, int) or model.thinks_by_default):
        return {} if amount is None else {"thinkingBudget": amount}
    room = max_tokens // 2
    if amount is None and room >= model.max_budget:
        return {}
    budget = _budget(room, model) if amount is None else min(int(amount), _budget(room, model))
    if budget != amount:
        notes.add("thinking", "max_tokens")
    return {"thinkingBudget": budget}


def _budget(wanted: int, model: Model) -> int:
    """The largest budget of the model that is not above `wanted`, else its smallest."""
    if wanted < model.min_budget:
        return 0 if model.thinking_off else model.min_budget
    return min(wanted, model.max_budget)


def _read_explicit(explicit: JSON, model: Model, notes: Notes, path: str) -> tuple[JSON, bool | None]:
    """Gemini's own members as the model takes them: the amount as a config, and whether to show thoughts."""

    def member(snake: str, camel: str) -> tuple[object, str]:
        name = camel if explicit.get(snake) is None else snake
        # A budget given in another dialect's spelling has no member name to add to its path.
        return explicit.get(name), f"{path}.{name}" if path.endswith(("thinking_config", "thinkingConfig")) else path

    include = parameters.boolean(*member("include_thoughts", "includeThoughts"))
    value, budget_path = member("thinking_budget", "thinkingBudget")
    budget = parameters.integer(value, budget_path, DYNAMIC)
    value, level_path = member("thinking_level", "thinkingLevel")
    level = parameters.string(value, level_path)
    if budget is not None and level is not None:
        raise faults.bad_value(level_path, f"Only one of '{budget_path}' and '{level_path}' may be given.")
    if level is not None:
        return _from_level(level, model, notes, level_path), include
    if budget is not None and model.thinking != "none":
        return _from_budget(budget, model, notes, budget_path), include
    return {}, include


def _from_level(level: str, model: Model, notes: Notes, path: str) -> JSON:
    effort = level.lower()
    if effort == "thinking_level_unspecified":
        return {}
    if effort == "none" or effort not in EFFORTS:
        raise faults.bad_value(path, f"Invalid value: '{level}'. Supported values are: {_supported_levels(model)}.")
    if model.thinking == "none":
        return {}
    amount = model.efforts[effort]
    if model.thinking == "level" and _exact(effort, amount):
        return {"thinkingLevel": amount}
    notes.add("thinking", path)
    return {"thinkingLevel" if model.thinking == "level" else "thinkingBudget": amount}


def _supported_levels(model: Model) -> str:
    return parameters.quoted(model.levels or ("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"))


def _from_budget(budget: int, model: Model, notes: Notes, path: str) -> JSON:
    if model.thinking == "level":
        if budget == DYNAMIC:
            return {}
        notes.add("thinking", path)
        effort = next((effort for limit, effort in _EFFORT_OF_BUDGET if budget <= limit), "high")
        return {"thinkingLevel": model.efforts[effort]}
    if budget == DYNAMIC:
        return {"thinkingBudget": DYNAMIC}
    if budget == 0 and model.thinking_off:
        return {"thinkingBudget": 0}
    fitting = min(max(budget, model.min_budget), model.max_budget)
    if fitting != budget:
        notes.add("clamped", path)
    return {"thinkingBudget": fitting}
