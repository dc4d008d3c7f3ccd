#!/usr/bin/env bash
# opencode: whether a failed request is sent again is decided by words and digits anywhere in the error, ids included.
#
# Version: opencode 1.18.33 (npm: opencode-linux-x64-baseline), with its own @ai-sdk/anthropic.
#
# One would expect: a 400 (invalid_request_error) is final, as in every SDK; an `error` event of a stream is judged by its
#   type (api_error may pass, invalid_request_error does not), and an id says nothing.
#
# What happens: the text of the error is searched for "500", "503", "429" and the like, and for phrases such as "retry your
#   request", "server error" or "try again later". For an HTTP error the text is the whole body:
#   - a 400 is final, but the same 400 is sent again (up to 5 times, 2 s to 30 s apart) if the digits 500 stand anywhere in
#     its body: in a count of tokens, in a size, or in `request_id`;
#   - an error event of the type api_error ends the run, and the same event is asked for again if its message has one of
#     the phrases.
#
# Why users of an LLM gateway care: an id of 32 hexadecimal digits has one of the six numbers in it 4 times of 100, so that
#   one of 25 refused requests seems to hang for a minute, and nobody can repeat it. A gateway that puts ids into error
#   bodies, as Anthropic's API does, should make them without digits; and a message of a fault that may pass should say
#   so in OpenAI's words ("You can retry your request"), because the type is not looked at.
#
# Seen: 2026-11-29
set -euo pipefail
[ "$(uname -sm)" = "Linux x86_64" ] || { echo "this package is for Linux on x86_64"; exit 1; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-fund --no-audit opencode-linux-x64-baseline@1.18.33 > npm.log 2>&1 || { cat npm.log; exit 1; }

cat > look.py <<'EOF'
import http.server, json, os, subprocess, sys, threading

USAGE = {"input_tokens": 1, "output_tokens": 1}
MESSAGE = {"id": "msg_a", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None, "stop_sequence": None, "usage": USAGE}


def told(kind, message, id):
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": id}


def event(value):
    return f"event: {value['type']}\ndata: {json.dumps(value)}\n\n".encode()


class Stub(http.server.BaseHTTPRequestHandler):
    """Refuses each request in the same way: whole, or in the middle of a stream."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, error = case
        if body.get("tools"):  # a request for the session's title has none
            asked.append(1)
            if len(asked) > 1:
                again.set()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if status == 400 else "text/event-stream")
        self.end_headers()
        if status == 400:
            self.wfile.write(json.dumps(error).encode())
            return
        for value in (
            {"type": "message_start", "message": MESSAGE},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Half of it"}},
            {"type": "content_block_stop", "index": 0},
            error,
        ):
            self.wfile.write(event(value))

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}/v1"
model = {"tool_call": True, "limit": {"context": 200000, "output": 8000}}
provider = {"npm": "@ai-sdk/anthropic", "options": {"baseURL": base, "apiKey": "any"}, "models": {"m": model}}
config = {"provider": {"stub": provider}, "model": "stub/m", "autoupdate": False, "share": "disabled"}
environ = {
    "PATH": os.environ["PATH"], "HOME": os.getcwd(), "NO_PROXY": "127.0.0.1",
    "OPENCODE_CONFIG_CONTENT": json.dumps(config), "OPENCODE_DISABLE_MODELS_FETCH": "1",
}
for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
    environ[name] = "http://127.0.0.1:9"
program = "node_modules/opencode-linux-x64-baseline/bin/opencode"
found = []
for case in (
    (400, told("invalid_request_error", "no such tool", "req_abcdef")),
    (400, told("invalid_request_error", "no such tool", "req_ab500f")),
    (200, told("api_error", "the connection was cut", "req_abcdef")),
    (200, told("api_error", "the connection was cut. You can retry your request.", "req_abcdef")),
):
    asked, again = [], threading.Event()
    run = subprocess.Popen([program, "run", "Hi"], env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while run.poll() is None and not again.wait(0.1):
        pass
    run.kill()
    run.wait()
    found.append(again.is_set())
    print(f"  {'HTTP 400' if case[0] == 400 else 'an event'}, {json.dumps(case[1]['error'])}, {case[1]['request_id']}: {'asked again' if found[-1] else 'final'}")
as_described = found == [False, True, False, True]
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
EOF
"${PYTHON:-python3}" look.py
