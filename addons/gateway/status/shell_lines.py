"""What to paste into a shell, so that a tool finds the gateway: for the status page, and for serve.py --print-env.

Standard library only, and what Python 3.6 has of it: scripts/serve.py names the tools before there is an environment.
"""

from collections.abc import Iterable, Mapping

PLACEHOLDER = "YOUR_KEY"
"""Stands for a key that is not shown."""
NO_KEY = "any"
"""What stands for the key where none is needed: tools insist on one."""

_CLAUDE = """
export ANTHROPIC_BASE_URL={root}
export ANTHROPIC_AUTH_TOKEN={key}
unset ANTHROPIC_API_KEY  # it would be sent along
export CLAUDE_CODE_AUTO_MODE_SERVER=0  # auto mode checks actions by itself: Gemini does not do it for Claude Code
# claude                       its own names of models lead to Gemini's
# claude --model gemini-pro    or any other name that the gateway knows
"""

_CODEX = """
export GATEWAY_KEY={key}
codex() {{
  command codex -c 'model="gemini-pro"' -c 'model_provider="gateway"' \\
    -c 'model_providers.gateway.name="gateway"' \\
    -c 'model_providers.gateway.base_url="{root}/v1"' \\
    -c 'model_providers.gateway.wire_api="responses"' \\
    -c 'model_providers.gateway.model_catalog_url="{root}/v1/models"' \\
    -c 'model_providers.gateway.env_key="GATEWAY_KEY"' "$@"
}}
"""

_GEMINI = """
# Not in the shell that starts the gateway: there GEMINI_API_KEY is an account.
export GOOGLE_GEMINI_BASE_URL={root}
export GEMINI_API_KEY={key}
# Gemini CLI also wants, in ~/.gemini/settings.json:
#   {{"security": {{"auth": {{"selectedType": "gemini-api-key"}}}}}}
"""

_OPENAI = """
export OPENAI_BASE_URL={root}/v1
export OPENAI_API_KEY={key}
"""

TOOLS = {"claude": _CLAUDE, "codex": _CODEX, "gemini": _GEMINI, "openai": _OPENAI}
"""Claude Code, Codex CLI, Gemini CLI and Google's SDKs, and all that reads OpenAI's variables -> its lines."""


def lines(tool: str, root: str, key: str) -> str:
    """The lines for a tool, in the words of any POSIX shell.

    `root`: where the gateway is, without `/v1`: scheme, host and port alone, so that nothing has to be quoted. `key`:
    a word of the shell.
    """
    return TOOLS[tool].strip().format(root=root, key=key)


def key_word(keys: "Iterable[str]", environ: "Mapping[str, str]") -> "tuple[str, bool]":
    """What stands for the key in a shell, in double quotes, and whether the person has to put it there.

    `keys` are those of the settings. One that is a variable of the environment is named so; no secret is shown.
    """
    for key in keys:
        name = key.strip()[len("env:") :].strip()
        if key.strip().startswith("env:") and name.isidentifier() and environ.get(name):
            return "$" + name, False
    return PLACEHOLDER, True
