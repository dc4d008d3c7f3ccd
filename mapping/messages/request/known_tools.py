"""Tools that Anthropic's models know by heart, and that the client runs: a request names them without a schema.

Gemini does not know them, so it is told what they take. Versions of a tool differ in what is not sent here.

Source: Anthropic's documentation of the bash, text editor, memory and computer use tools, and the types of its SDK.
"""

from __future__ import annotations

from dataclasses import dataclass

from mapping.values import JSON

_STRING: JSON = {"type": "string"}
_INTEGER: JSON = {"type": "integer"}
_RANGE: JSON = {
    "type": "array",
    "items": _INTEGER,
    "description": "First and last line to show, both counted from 1; -1 for the end of the file.",
}
_POINT: JSON = {"type": "array", "items": _INTEGER, "description": "[x, y] in pixels from the upper left."}


@dataclass(frozen=True, slots=True)
class KnownTool:
    """What such a tool is."""

    name: str
    description: str
    schema: JSON


def _schema(required: str, **properties: JSON) -> JSON:
    return {"type": "object", "properties": properties, "required": required.split()}


def _commands(*names: str) -> JSON:
    return {"type": "string", "enum": [*names]}


_KNOWN: dict[str, KnownTool] = {
    "bash": KnownTool(
        "bash",
        "Runs a command in a bash session that lasts: working directory, variables and jobs stay.",
        _schema(
            "",
            command={"type": "string", "description": "The command. Required unless the session is to be restarted."},
            restart={"type": "boolean", "description": "Starts the session anew."},
        ),
    ),
    "text_editor": KnownTool(
        "str_replace_based_edit_tool",
        "Shows, creates and edits text files.",
        _schema(
            "command path",
            command=_commands("view", "create", "str_replace", "insert"),
            path={"type": "string", "description": "Of the file, or of a folder to view."},
            file_text={"type": "string", "description": "The content, for create."},
            old_str={"type": "string", "description": "What is replaced by str_replace; it must be in the file once."},
            new_str={"type": "string", "description": "What stands in its place, for str_replace."},
            insert_line={"type": "integer", "description": "The line after which insert puts the text; 0: in front."},
            insert_text={"type": "string", "description": "The text, for insert."},
            view_range=_RANGE,
        ),
    ),
    "memory": KnownTool(
        "memory",
        "Files below /memories that outlast this conversation. View /memories before a task, and note down there what "
        "is to be remembered.",
        _schema(
            "command",
            command=_commands("view", "create", "str_replace", "insert", "delete", "rename"),
            path={"type": "string", "description": "For all commands but rename."},
            view_range=_RANGE,
            file_text={"type": "string", "description": "The content, for create."},
            old_str=_STRING,
            new_str=_STRING,
            insert_line=_INTEGER,
            insert_text=_STRING,
            old_path={"type": "string", "description": "For rename."},
            new_path={"type": "string", "description": "For rename."},
        ),
    ),
    "computer": KnownTool(
        "computer",
        "Uses the screen, mouse and keyboard of a computer. Take a screenshot first, and after what you do.",
        _schema(
            "action",
            action=_commands(
                *("key", "type", "mouse_move", "left_click", "left_click_drag", "right_click", "middle_click"),
                *("double_click", "triple_click", "left_mouse_down", "left_mouse_up", "scroll", "hold_key", "wait"),
                *("screenshot", "cursor_position", "zoom"),
            ),
            coordinate=_POINT,
            start_coordinate=_POINT,
            text={"type": "string", "description": "The text to type, or the keys, such as ctrl+s."},
            duration={"type": "number", "description": "Seconds, for hold_key and wait."},
            scroll_direction=_commands("up", "down", "left", "right"),
            scroll_amount=_INTEGER,
            region={"type": "array", "items": _INTEGER, "description": "[x0, y0, x1, y1], for zoom."},
        ),
    ),
}
"""The type of a tool without its date -> what it is."""


def known_tool(kind: str) -> KnownTool | None:
    """The tool of a type such as `bash_20250124`."""
    name, _, date = kind.rpartition("_")
    return _KNOWN.get(name) if date.isdigit() else None
