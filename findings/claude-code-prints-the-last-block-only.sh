#!/usr/bin/env bash
# `claude -p` prints the last block of an answer, not the answer: nothing, if that is a thinking block.
#
# Versions: Claude Code 2.1.332 (npm @anthropic-ai/claude-code; 400 MB), `claude -p`.
#
# One would expect: the text of an answer is the text of its text blocks, one after another, wherever they stand; a
#   `thinking` or `redacted_thinking` block is shown or not, and takes nothing away. Anthropic's SDKs see it so.
#
# What happens: of two text blocks only the second is printed. When the last block is `thinking` or `redacted_thinking`,
#   an empty line is printed in place of the text before it. One request each, exit 0, no word on stderr: for the caller
#   the model had nothing else to say. (`--output-format json` says the same: `result` is "", `is_error` false.) The text
#   is in the session, and `--continue` sends it back.
#
# Why users of an LLM gateway care: other models think between two pieces of text, or give the signature of a text at its
#   very end (Gemini does: a last part with an empty text and a thought signature), and a thinking block behind it looks
#   like the natural place for it. A gateway should put text into as few blocks as it can, and none behind the last one.
#   Behind a tool call, as far as was tried, a thinking block does no harm, and comes back.
#
# Seen: 2026-11-29
#   thinking, text            'Second.'
#   text, text                'Second.'
#   text, thinking, text      'Third.'
#   text, thinking            ''
#   text, redacted_thinking   ''
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
command -v npm > /dev/null || { echo "needs npm"; exit 1; }
(cd "$dir" && npm install --silent --no-audit --no-fund @anthropic-ai/claude-code@2.1.332 > npm.log 2>&1) || { cat "$dir/npm.log"; exit 1; }

"${PYTHON:-python3}" - "$dir" <<'EOF'
import http.server, json, os, subprocess, sys, threading
from pathlib import Path

folder = Path(sys.argv[1])
BLOCKS = {
    "text": ({"type": "text", "text": ""}, {"type": "text_delta", "text": ""}),
    "thinking": ({"type": "thinking", "thinking": "", "signature": ""}, {"type": "signature_delta", "signature": "c2lnbmF0dXJl"}),
    "redacted_thinking": ({"type": "redacted_thinking", "data": "c2lnbmF0dXJl"}, None),
}
blocks = []
asked = 0

class Stub(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global asked
        asked += 1
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        events = [{"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"],
                   "content": [], "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 1}}}]
        for index, (start, delta) in enumerate(BLOCKS[kind] for kind in blocks):
            events.append({"type": "content_block_start", "index": index, "content_block": start})
            if "text" in (delta or {}):
                delta = {**delta, "text": ("First.", "Second.", "Third.")[index]}
            events += [{"type": "content_block_delta", "index": index, "delta": delta}] if delta else []
            events.append({"type": "content_block_stop", "index": index})
        events += [{"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 5}},
                   {"type": "message_stop"}]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.end_headers()
        self.wfile.write("".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events).encode())
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
threading.Thread(target=server.serve_forever, daemon=True).start()

def printed():
    home = folder / "home" / "-".join(blocks)
    home.mkdir(parents=True)
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
               "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.server_port}", "ANTHROPIC_AUTH_TOKEN": "any"}
    claude = [str(folder / "node_modules/.bin/claude"), "-p", "say hi", "--model", "claude-opus-4-6"]
    done = subprocess.run(claude, cwd=home, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout.strip()

EXPECTED = {
    ("thinking", "text"): "Second.",
    ("text", "text"): "Second.",
    ("text", "thinking", "text"): "Third.",
    ("text", "thinking"): "",
    ("text", "redacted_thinking"): "",
}
for blocks, expected in EXPECTED.items():
    asked = 0
    code, text = printed()
    print(f"{', '.join(blocks):25} exit {code}, {asked} request, {text!r}")
    if (code, asked, text) != (0, 1, expected):
        sys.exit("that has changed")
EOF
