#!/usr/bin/env bash
# Claude Code prints nothing of an answer that ends with a thinking block, and says that all went well.
#
# Versions: Claude Code 2.1.332 (npm, 400 MB), Node 20.
#
# One would expect: the text of an answer is printed wherever it stands among the blocks; Anthropic's API reference says
#   of thinking blocks only that they come before what they lead to, and that they are to be sent back unchanged.
#
# What happens, with `claude -p`: what is printed is the last block, if it is a text. If a thinking or a redacted_thinking
#   block comes after the text, nothing is printed, the `result` of --output-format json is "", its `is_error` is false,
#   and the exit status is 0. The text is in the session: --continue sends it back, and goes on from it.
#
# Why users of an LLM gateway care: other models give something at the end of their answer that has to come back with it
#   (Gemini signs the last part of a text). A thinking block behind the text is the obvious place in which to keep it:
#   all SDKs take it, and send it back. With Claude Code people would see no answer any more, and scripts an empty one.
#   Such a block has to stand in front of the text, or before calls.
#
# Seen: 2026-11-29
#   blocks                        exit  requests  is_error  result
#   text                          0     1         False     'hello 0'
#   thinking text                 0     1         False     'hello 1'
#   text thinking                 0     1         False     ''
#   text redacted_thinking        0     1         False     ''
#   text thinking text            0     1         False     'hello 2'
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
command -v npm > /dev/null || { echo "needs npm"; exit 1; }
(cd "$dir" && npm install --silent --no-audit --no-fund --ignore-scripts @anthropic-ai/claude-code@2.1.332 > npm.log 2>&1) || { cat "$dir/npm.log"; exit 1; }

"${PYTHON:-python3}" - "$dir" << 'EOF'
import http.server, json, os, subprocess, sys, threading

folder = sys.argv[1]
DELTAS = {"text": ("text_delta", "text", "hello"), "thinking": ("thinking_delta", "thinking", "hm")}
BEGINS = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
    "redacted_thinking": {"type": "redacted_thinking", "data": "c2VjcmV0"},
}
USAGE = {"input_tokens": 9, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0, "output_tokens": 1}
blocks, bodies = [], []

def events():
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
    yield {"type": "message_start", "message": {**message, "stop_sequence": None, "usage": USAGE}}
    for index, kind in enumerate(blocks):
        yield {"type": "content_block_start", "index": index, "content_block": BEGINS[kind]}
        if kind in DELTAS:
            name, member, text = DELTAS[kind]
            yield {"type": "content_block_delta", "index": index, "delta": {"type": name, member: f"{text} {index}"}}
        if kind == "thinking":
            yield {"type": "content_block_delta", "index": index, "delta": {"type": "signature_delta", "signature": "c2ln"}}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 9}}
    yield {"type": "message_stop"}

class Stub(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        data = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
threading.Thread(target=server.serve_forever, daemon=True).start()
environ = {
    "PATH": os.environ["PATH"], "HOME": folder, "ANTHROPIC_AUTH_TOKEN": "any",
    "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.server_address[1]}", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
}
program = f"{folder}/node_modules/@anthropic-ai/claude-code/cli-wrapper.cjs"

def ask(*options):
    command = ["node", program, "-p", "hi", "--model", "claude-opus-4-6", "--output-format", "json", *options]
    return subprocess.run(command, env=environ, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)

seen = {}
print("blocks".ljust(30) + "exit  requests  is_error  result")
for shape in ("text", "thinking text", "text thinking", "text redacted_thinking", "text thinking text"):
    blocks[:] = shape.split()
    bodies.clear()
    done = ask()
    told = json.loads(done.stdout)
    seen[shape] = told["result"]
    print(shape.ljust(30), str(done.returncode).ljust(5), str(len(bodies)).ljust(9), str(told["is_error"]).ljust(9), repr(told["result"]))
    ask("--continue")
    if "hello" not in bodies[-1]:
        sys.exit("that has changed: the text does not come back")
if seen != dict(zip(seen, ("hello 0", "hello 1", "", "", "hello 2"))):
    sys.exit(f"that has changed: {seen}")
EOF
