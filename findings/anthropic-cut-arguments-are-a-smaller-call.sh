#!/usr/bin/env bash
# anthropic (Python): a tool call whose arguments were cut off is a call with fewer arguments, and nothing says so.
#
# Version: anthropic 2.14.0.
#
# One would expect: the arguments of a tool call come as pieces of a JSON text (input_json_delta). If the text is no JSON
#   when its block ends, the call is broken: an error, or at least no parsed input. OpenAI's SDK leaves the text to the
#   program, whose json.loads raises; Claude Code marks the call (__unparsedToolInput) and tells the model.
#
# What happens: messages.stream() reads the text leniently to the end. get_final_message() has a tool_use block with the
#   members that happened to be complete, stop_reason is "tool_use", and there is no error. Of
#   {"path": "/srv/data", "dry_run": true, "keep": ["a", "b"]} cut at any place, what is left may be {"path": "/srv/data"}.
#
# Why users of an LLM gateway care: every program that runs block.input as it comes, as the SDK's examples do, runs a
#   tool without the arguments that were to restrain it. Models do end in the middle of arguments (max_tokens, a filter),
#   and proxies that mend a broken stream with the closing events make such calls. Whoever serves streams should hold a
#   call back until its arguments are complete; whoever runs tools should check them against the schema, with everything
#   that restrains a call among its required members.
#
# Seen: 2026-11-29
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --no-compile --disable-pip-version-check anthropic==2.14.0 > pip.log 2>&1 || { cat pip.log; exit 1; }

cat > look.py <<'EOF'
import http.server, json, sys, threading

import anthropic

WHOLE = json.dumps({"path": "/srv/data", "dry_run": True, "keep": ["a", "b"]})


class Stub(http.server.BaseHTTPRequestHandler):
    """Streams a call whose arguments end after so many characters; everything else is as it should be."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
        tool = {"type": "tool_use", "id": "toolu_1", "name": "delete", "input": {}}
        for event in (
            {"type": "message_start", "message": message},
            {"type": "content_block_start", "index": 0, "content_block": tool},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": WHOLE[:cut]}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": usage},
            {"type": "message_stop"},
        ):
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = anthropic.Anthropic(base_url=f"http://127.0.0.1:{server.server_port}", api_key="any", max_retries=0)
found = []
for cut in (len(WHOLE), WHOLE.index(', "keep"'), WHOLE.index("true"), 5):
    try:
        with client.messages.stream(model="m", max_tokens=99, messages=[{"role": "user", "content": "Hi"}]) as stream:
            last = stream.get_final_message()
        found.append(last.content[0].input)
        print(f"  {WHOLE[:cut]!r:62} {last.stop_reason}, input {found[-1]}")
    except Exception as error:
        found.append(None)
        print(f"  {WHOLE[:cut]!r:62} {type(error).__name__}: {error}")
as_described = found == [json.loads(WHOLE), {"path": "/srv/data", "dry_run": True}, {"path": "/srv/data"}, {}]
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
EOF
venv/bin/python look.py
