"""Tools that OpenAI's models know without being told: here are the declarations that tell Gemini of them.

The arguments are the members of the item that the client gets: of `action` for `local_shell_call` and `shell_call`, of
the item itself for `apply_patch_call` (OpenAI API reference: `LocalShellToolCall`, `FunctionShellCall`,
`ApplyPatchToolCall`; guides "Local shell", "Shell" and "Apply patch").
"""

from __future__ import annotations

from mapping.values import JSON

_TIMEOUT = {"type": "integer", "description": "Stop after so many milliseconds."}

LOCAL_SHELL: JSON = {
    "name": "local_shell",
    "description": "Runs one program on the user's machine and returns what it prints.",
    "parameters": {
        "type": "object",
        "properties": {
            "command": {
                "type": "array",
                "items": {"type": "string"},
                "description": 'The program and its arguments, such as ["bash", "-lc", "ls -la"].',
            },
            "working_directory": {"type": "string", "description": "The directory to run it in."},
            "timeout_ms": _TIMEOUT,
            "env": {
                "type": "object",
                "description": "Environment variables to set.",
                "additionalProperties": {"type": "string"},
            },
        },
        "required": ["command"],
    },
}

SHELL: JSON = {
    "name": "shell",
    "description": "Runs shell commands on the user's machine and returns what each of them prints and its exit code.",
    "parameters": {
        "type": "object",
        "properties": {
            "commands": {
                "type": "array",
                "items": {"type": "string"},
                "description": "The commands. They run on their own, possibly at the same time.",
            },
            "timeout_ms": _TIMEOUT,
            "max_output_length": {
                "type": "integer",
                "description": "Return at most so many characters of output for each command.",
            },
        },
        "required": ["commands"],
    },
}

APPLY_PATCH: JSON = {
    "name": "apply_patch",
    "description": (
        "Creates, updates or deletes one file. The diff of a file to create has every line of it after a '+'. The "
        "diff of an update has hunks, each begun by a line '@@', with unchanged lines after a blank, removed lines "
        "after '-' and added lines after '+', and about three unchanged lines around each change."
    ),
    "parameters": {
        "type": "object",
        "properties": {
            "operation": {
                "type": "object",
                "properties": {
                    "type": {"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
                    "path": {"type": "string", "description": "The path of the file, relative to the workspace."},
                    "diff": {"type": "string", "description": "The diff; none for delete_file."},
                },
                "required": ["type", "path"],
            }
        },
        "required": ["operation"],
    },
}

TOOL_SEARCH: JSON = {
    "name": "tool_search",
    "description": "Searches for further tools. Those it finds can be called from then on.",
    "parameters": {
        "type": "object",
        "properties": {"query": {"type": "string", "description": "What the tool should be able to do."}},
        "required": ["query"],
    },
}
"""For clients that declare the tool without a description or parameters of their own."""
