#!/usr/bin/env bash
# `claude --fallback-model` is tried when a model is missing, broken or overloaded, but never when its limit is used up.
#
# Versions: Claude Code 2.1.332 (npm @anthropic-ai/claude-code; 400 MB), `claude -p`.
#
# One would expect: `--fallback-model` ("models to fall back to when the main model is busy or unavailable") is tried
#   when the main model answers 429, too: a limit is the commonest reason why a model can't be had, and with many
#   providers (Gemini is one) each model has limits of its own, so that another one would answer.
#
# What happens: 500, 503 and a 529 with `x-should-retry: false` make it ask the fallback at once, 404 after the second
#   answer. A 429 never does: it is asked again as often as other errors are
#   without a fallback, or not at all where `retry-after` is over 60 s or `x-should-retry` is false, and the run ends with
#   "Request rejected (429)", exit 1. The fallback gets no request. 403 has none either.
#
# Why users of an LLM gateway care: who trusts in `--fallback-model` for the day on which the good model's quota is used
#   up has no fallback on that day. Only who answers the request can change the model for it: the gateway must do it by
#   itself (and say so), or answer 529 in the place of the 429, which then hides from everybody else what is the matter.
#
# Seen: 2026-11-29, with CLAUDE_CODE_MAX_RETRIES=3: requests for the main model, for the fallback
#   429                              4 0   exit 1
#   429, x-should-retry: false       1 0   exit 1
#   429, retry-after: 61             1 0   exit 1
#   403                              1 0   exit 1
#   529, x-should-retry: false       1 1   exit 0
#   503                              1 1   exit 0
#   500                              1 1   exit 0
#   404                              2 1   exit 0
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
command -v npm > /dev/null || { echo "needs npm"; exit 1; }
(cd "$dir" && npm install --silent --no-audit --no-fund @anthropic-ai/claude-code@2.1.332 > npm.log 2>&1) || { cat "$dir/npm.log"; exit 1; }

"${PYTHON:-python3}" - "$dir" <<'EOF'
import http.server, json, os, subprocess, sys, threading
from pathlib import Path

folder = Path(sys.argv[1])
MAIN, OTHER = "claude-opus-4-6", "claude-sonnet-4-6"
TYPES = {403: "permission_error", 404: "not_found_error", 429: "rate_limit_error", 500: "api_error", 503: "api_error", 529: "overloaded_error"}
EXPECTED = {  # status, header fields: requests for the main model, for the fallback
    (429, ()): (4, 0),
    (429, ("x-should-retry", "false")): (1, 0),
    (429, ("retry-after", "61")): (1, 0),
    (403, ()): (1, 0),
    (529, ("x-should-retry", "false")): (1, 1),
    (503, ()): (1, 1),
    (500, ()): (1, 1),
    (404, ()): (2, 1),
}
status, fields, asked = 0, (), []

class Stub(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        model = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["model"]
        asked.append(model)
        if model == MAIN:
            self.send_response(status)
            if fields:
                self.send_header(*fields)
            kind, data = "application/json", json.dumps({"type": "error", "error": {"type": TYPES[status], "message": "no"}}).encode()
        else:
            message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": None,
                       "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 1}}
            events = [
                {"type": "message_start", "message": message},
                {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "here I am"}},
                {"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 5}},
                {"type": "message_stop"},
            ]
            self.send_response(200)
            kind = "text/event-stream; charset=utf-8"
            data = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events).encode()
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
threading.Thread(target=server.serve_forever, daemon=True).start()

def run(number):
    home = folder / f"home{number}"
    home.mkdir()
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "CLAUDE_CODE_MAX_RETRIES": "3",
               "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.server_port}", "ANTHROPIC_AUTH_TOKEN": "any"}
    claude = [str(folder / "node_modules/.bin/claude"), "-p", "say hi", "--model", MAIN, "--fallback-model", OTHER]
    return subprocess.run(claude, cwd=home, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)

for number, ((status, fields), expected) in enumerate(EXPECTED.items()):
    asked.clear()
    done = run(number)
    found = asked.count(MAIN), asked.count(OTHER)
    print(f"{status} {': '.join(fields):24} main {found[0]}, fallback {found[1]}, exit {done.returncode}, {done.stdout.strip()[:50]!r}")
    if found != expected or done.returncode != (0 if expected[1] else 1):
        sys.exit("that has changed")
EOF
