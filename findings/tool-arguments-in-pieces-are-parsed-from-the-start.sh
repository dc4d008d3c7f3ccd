#!/usr/bin/env bash
# A tool call whose arguments come in many small pieces: the SDKs' stream helpers parse all of it again at each piece.
#
# Versions: anthropic 2.14.0 (`messages.stream()`), openai 3.57.0 (`chat.completions.stream()` with a strict tool).
#
# One would expect: pieces are appended as they come, and parsed once when the block or the call is complete; an answer
#   that is twice as long takes twice as long to read, as it does with `create(stream=True)` and for plain text.
#
# What happens: at each `input_json_delta` (anthropic) or piece of `arguments` (openai) the helper parses everything that
#   has come so far, to show a partial value. For arguments that are a list of rows, the time grows with the square of
#   their number: 2,000 rows in 2,000 pieces take half a second of the client's CPU, 8,000 rows (half a megabyte) about
#   seven seconds, in which an asyncio client does nothing else. The same bytes read with `create(stream=True)` take a
#   tenth of a second. One long string shows little of it, because an unfinished string is not built: a test with
#   {"text": "xxxx..."} finds nothing.
#
# Why users of an LLM gateway care: agents that edit files or write tables have such arguments. A gateway decides how many
#   pieces there are. Cutting arguments into small pieces, to look like a model that types, makes clients slow; sent in one
#   piece, as Gemini gives them, they are parsed once.
#
# Seen: 2026-11-29, CPU seconds for 1,000, 2,000, 4,000, 8,000 rows, each in a piece of its own:
#   anthropic messages.stream          0.14  0.42  1.71  6.60
#   anthropic messages.create          0.01  0.03  0.05  0.09
#   openai chat.completions.stream     0.27  0.66  2.10  7.12
#   openai, the same number of texts   0.12  0.25  0.50  1.01
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"${PYTHON:-python3}" -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --no-compile --disable-pip-version-check anthropic==2.14.0 openai==3.57.0 > "$dir/pip.log" 2>&1 || { cat "$dir/pip.log"; exit 1; }

"$dir/venv/bin/python" - <<'EOF'
import http.server, json, sys, threading, time

import anthropic, openai

ROW = '{"id": 123456, "name": "Ada Lovelace", "score": 0.5},'
answer = b""

class Stub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"

def pieces(rows):
    return ['{"rows": [', *[ROW] * rows, "0]}"]

def of_messages(rows):
    events = [
        {"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
         "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "toolu_1", "name": "write", "input": {}}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": p}} for p in pieces(rows)),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    return "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events).encode()

def of_chat(rows, text=False):
    def chunk(delta, reason=None):
        return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "write", "arguments": ""}}
    chunks = [chunk({"role": "assistant", "content": ""} if text else {"role": "assistant", "content": None, "tool_calls": [call]})]
    for piece in pieces(rows):
        chunks.append(chunk({"content": piece} if text else {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}))
    chunks.append(chunk({}, "stop" if text else "tool_calls"))
    return "".join(f"data: {json.dumps(c)}\n\n" for c in chunks).encode() + b"data: [DONE]\n\n"

asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
a, o = anthropic.Anthropic(base_url=base, api_key="any"), openai.OpenAI(base_url=f"{base}/v1", api_key="any")
parameters = {"type": "object", "properties": {"rows": {"type": "array", "items": {}}}, "required": ["rows"], "additionalProperties": False}
tools = [{"type": "function", "function": {"name": "write", "strict": True, "parameters": parameters}}]

def helper_of_anthropic():
    with a.messages.stream(max_tokens=9, **asked) as stream:
        return len(stream.get_final_message().content[0].input["rows"])

def plain_of_anthropic():
    for event in a.messages.create(max_tokens=9, stream=True, **asked):
        pass

def helper_of_openai():
    with o.chat.completions.stream(tools=tools, **asked) as stream:
        return len(json.loads(stream.get_final_completion().choices[0].message.tool_calls[0].function.arguments)["rows"])

def text_of_openai():
    with o.chat.completions.stream(**asked) as stream:
        stream.get_final_completion()

SIZES = (1000, 2000, 4000, 8000)
seen = {}
for name, made, read in (
    ("anthropic messages.stream", of_messages, helper_of_anthropic),
    ("anthropic messages.create", of_messages, plain_of_anthropic),
    ("openai chat.completions.stream", of_chat, helper_of_openai),
    ("openai, the same number of texts", lambda rows: of_chat(rows, text=True), text_of_openai),
):
    row = seen[name] = []
    for size in SIZES:
        answer = made(size)
        before = time.process_time()
        rows = read()
        row.append(time.process_time() - before)
        assert rows in (None, size + 1), rows
    print(f"{name:34}", *(f"{seconds:5.2f}" for seconds in row))

def growth(row):
    "How much longer four times as many rows take: 4 where it grows evenly, 16 with the square."
    return row[3] / row[1]

helpers = growth(seen["anthropic messages.stream"]), growth(seen["openai chat.completions.stream"])
plain = growth(seen["anthropic messages.create"]), growth(seen["openai, the same number of texts"])
print("four times as many rows take", *(f"{g:.1f}" for g in helpers), "times as long; plain:", *(f"{g:.1f}" for g in plain))
if not (min(helpers) > 7 and max(plain) < 6.5):
    sys.exit("that has changed")
EOF
