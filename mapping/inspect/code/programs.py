"""Programs that make a request again: a curl command, and programs in Python and JavaScript.

No key is in a program: it takes the gateway's from the environment (`calls.KEY`), and `any` where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mapping.inspect.code.calls import KEY, Sdk, SdkCall
from mapping.inspect.code.literals import JavaScript, Python, pretty, quoted
from mapping.values import JSON

_END = "JSON"
"""Ends the body of a curl command: no line of indented JSON is this."""
_PYTHON_KEY = f'os.environ.get("{KEY}", "any")'
_JAVASCRIPT_KEY = f'process.env.{KEY} ?? "any"'
_GLOBS = frozenset("[]{}")
"""Characters of a URL that curl takes for several URLs."""


@dataclass(frozen=True, slots=True)
class CopiedRequest:
    """A request, ready to be made again."""

    sdk: Sdk
    method: str
    url: str
    """Of the gateway, without a path."""
    path: str
    """With the query."""
    request: JSON | None
    """As its dialect reads it; None: it has no body."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Header fields that are a part of it, by their names in small letters."""

    @property
    def body(self) -> JSON | None:
        """What is sent."""
        return None if self.request is None else self.sdk.wire(self.request)

    @property
    def call(self) -> SdkCall | None:
        """The call of an SDK that makes it, if there is one."""
        return None if self.request is None else self.sdk.call(self.request, self.fields)

    @property
    def headers(self) -> dict[str, str]:
        """The header fields but for that with the key."""
        kind = {} if self.request is None else {"content-type": "application/json"}
        return {**kind, **self.fields}


def curl(asked: CopiedRequest) -> str:
    """A command for a POSIX shell. The body is written behind it, so that it may be as long as it likes."""
    name, before = asked.sdk.key_field
    address = asked.url + asked.path
    flags = "-sSN" + ("g" if _GLOBS & set(address) else "")
    method = "" if asked.method in ("GET", "POST") else f" -X {_word(asked.method)}"
    lines = [f"curl {flags}{method} {quoted(address)}"]
    lines += [f"-H {quoted(f'{field}: {value}')}" for field, value in asked.headers.items()]
    lines.append(f'-H "{name}: {before}${{{KEY}:-any}}"')
    body = asked.body
    if body is not None:
        return " \\\n  ".join([*lines, f"--data-binary @- <<'{_END}'"]) + f"\n{pretty(body)}\n{_END}\n"
    return " \\\n  ".join([*lines, *(["-d ''"] if asked.method == "POST" else [])]) + "\n"


def _word(text: str) -> str:
    """A text for a shell; in quotes, if it has to be."""
    return text if text.isascii() and text.isalpha() else quoted(text)


def python(asked: CopiedRequest) -> str:
    """A program for Python 3.8 or later: with the SDK of the dialect, or with what Python has."""
    call = asked.call
    return _plain_python(asked) if call is None else _python_call(asked, call)


def javascript(asked: CopiedRequest) -> str:
    """A module for Node: with the SDK of the dialect, or with fetch."""
    call = asked.call
    return _plain_javascript(asked) if call is None else _javascript_call(asked, call)


# --- with an SDK


def _python_call(asked: CopiedRequest, call: SdkCall) -> str:
    writer = Python()
    arguments = "".join(f"    {writer.member(name, 1, value, '=')},\n" for name, value in call.keywords.items())
    imports = sorted({"os", *(module for need, module in _MODULES if need in writer.needs)})
    client = call.kit.python_client.format(url=writer.text(asked.url)[1:-1], key=_PYTHON_KEY)
    return "\n".join(
        [
            f"# pip install {call.kit.python}",
            *(f"import {module}" for module in imports),
            "",
            call.kit.python_import,
            "",
            f"client = {client}",
            f"answer = {call.python}(\n{arguments})",
            *call.result.python,
            "",
        ]
    )


_MODULES = (("Base64", "base64"), ("JSON", "json"))
"""What literals need -> where Python has it."""


def _javascript_call(asked: CopiedRequest, call: SdkCall) -> str:
    writer = JavaScript()
    argument = writer.write(dict(call.argument), used=len(call.javascript))
    further = f", {writer.write(dict(call.options))}" if call.options else ""
    files = [call.kit.javascript_file] if "FileValue" in writer.needs else []
    client = call.kit.javascript_client.format(url=writer.text(asked.url)[1:-1], key=_JAVASCRIPT_KEY)
    return "\n".join(
        [
            f"// npm install {call.kit.javascript}; a module: save it as ask.mjs",
            call.kit.javascript_import,
            *files,
            *call.result.imports,
            "",
            f"const client = {client};",
            f"const answer = await {call.javascript}({argument}{further});",
            *call.result.javascript,
            "",
        ]
    )


# --- without


def _plain_python(asked: CopiedRequest) -> str:
    writer = Python()
    body = asked.body
    name, before = asked.sdk.key_field
    key = f"{writer.text(before)} + {_PYTHON_KEY}" if before else _PYTHON_KEY
    fields = "".join(f"    {writer.text(field)}: {writer.text(value)},\n" for field, value in asked.headers.items())
    written = [] if body is None else [f"body = {writer.write(body)}"]
    data = "None" if body is None else "json.dumps(body).encode()"
    return "\n".join(
        [
            "import json" if body is not None else "",
            "import os",
            "import sys",
            "import urllib.request",
            "",
            *written,
            f"headers = {{\n{fields}    {writer.text(name)}: {key},\n}}",
            f"url = {writer.text(asked.url + asked.path)}",
            f"request = urllib.request.Request(url, {data}, headers, method={writer.text(asked.method)})",
            "with urllib.request.urlopen(request) as answer:",
            "    for line in answer:",
            "        sys.stdout.buffer.write(line)",
            "",
        ]
    ).lstrip("\n")


def _plain_javascript(asked: CopiedRequest) -> str:
    writer = JavaScript()
    body: Any = asked.body
    name, before = asked.sdk.key_field
    key = f"`{before}${{{_JAVASCRIPT_KEY}}}`" if before else _JAVASCRIPT_KEY
    fields = "".join(f"    {writer.key(field)}: {writer.text(value)},\n" for field, value in asked.headers.items())
    sent = "" if body is None else "  body: JSON.stringify(body),\n"
    return "\n".join(
        [
            "// a module for Node: save it as ask.mjs",
            *([] if body is None else [f"const body = {writer.write(body)};"]),
            f"const answer = await fetch({writer.text(asked.url + asked.path)}, {{",
            f"  method: {writer.text(asked.method)},",
            f"  headers: {{\n{fields}    {writer.key(name)}: {key},\n  }},",
            f"{sent}}});",
            "for await (const piece of answer.body) process.stdout.write(piece);",
            "",
        ]
    )
