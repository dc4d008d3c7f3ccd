"""An MCP server on its standard input and output, without packages: tools that give a text, a picture, an error.

`grow` makes a further tool, `grown`, and says so (`notifications/tools/list_changed`).

Source: the Model Context Protocol, revision 2025-06-18 (stdio transport, tools).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

WORDS = "said by the server"
FAILURE = "the drawer is stuck"
_TOOLS = {
    "tell": {"city": {"type": "string", "description": "Which one.", "minLength": 1}},
    "draw": {},
    "fail": {},
    "grow": {},
    "grown": {},
}
"""Each tool, and the properties of its arguments."""


class Server:
    """One client's. `picture`: of a PNG, in base64."""

    def __init__(self, picture: str) -> None:
        self._picture = picture
        self._names = ["tell", "draw", "fail", "grow"]

    def answer(self, method: str, params: dict[str, Any]) -> Any:
        """The result of a request; None: there is no such method."""
        match method:
            case "initialize":
                return {
                    "protocolVersion": params["protocolVersion"],
                    "capabilities": {"tools": {"listChanged": True}},
                    "serverInfo": {"name": "drawer", "version": "1"},
                }
            case "tools/list":
                return {"tools": [self._tool(name) for name in self._names]}
            case "tools/call":
                return self._called(params["name"], params.get("arguments", {}))
            case "ping":
                return {}
        return None

    def _tool(self, name: str) -> dict[str, Any]:
        schema = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": _TOOLS[name]}
        return {"name": name, "description": f"Does {name}.", "inputSchema": schema, "annotations": {"title": name}}

    def _called(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        match name:
            case "tell":
                return _result({"type": "text", "text": f"{WORDS} of {arguments.get('city')}"})
            case "draw":
                picture = {"type": "image", "data": self._picture, "mimeType": "image/png"}
                return _result({"type": "text", "text": "Here it is."}, picture)
            case "grow":
                self._names.append("grown")
                _send({"method": "notifications/tools/list_changed"})
                return _result({"type": "text", "text": "One more."})
            case "grown":
                return _result({"type": "text", "text": "grown up"})
        return {**_result({"type": "text", "text": FAILURE}), "isError": True}


def _result(*content: dict[str, Any]) -> dict[str, Any]:
    return {"content": list(content)}


def _send(message: dict[str, Any]) -> None:
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def main() -> None:
    """Serve until the input ends. The argument is a file with the picture."""
    server = Server(Path(sys.argv[1]).read_text())
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message or "method" not in message:  # a notification, or an answer
            continue
        result = server.answer(message["method"], message.get("params") or {})
        told = {"result": result} if result is not None else {"error": {"code": -32601, "message": "no such method"}}
        _send({"id": message["id"], **told})


if __name__ == "__main__":
    main()
