// Recordings: uploaded in each way that Node has, written down in several forms, streamed, refused; and speech.
import { createReadStream, readFileSync } from "node:fs";

import { toFile } from "openai";

import { client, report } from "./client.mjs";

const { speech, transcriptions, translations } = client.audio;
const model = "whisper-1";
const path = process.argv[3];
const bytes = readFileSync(path);
const file = await toFile(bytes, "talk.wav");

async function drain(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

async function failure(attempt) {
  try {
    await attempt();
    return null;
  } catch (error) {
    const { status, code, param, type } = error;
    return { class: error.constructor.name, status, code, param, type };
  }
}

const said = await speech.create({ model: "tts-1", voice: "alloy", input: "One. Two.", response_format: "pcm" });
const sound = Buffer.from(await said.arrayBuffer());
const long = { model: "demo-cut-mid-stream", voice: "Puck", input: "One. Two.".repeat(99), response_format: "pcm" };
await report({
  plain: await transcriptions.create({ model, file }),
  fromDisk: await transcriptions.create({ model, file: createReadStream(path) }),
  blob: await transcriptions.create({ model, file: new File([bytes], "talk", { type: "audio/wav" }) }),
  srt: await transcriptions.create({ model, file, response_format: "srt" }),
  verbose: await transcriptions.create({
    model,
    file,
    response_format: "verbose_json",
    timestamp_granularities: ["word", "segment"],
  }),
  streamed: await drain(await transcriptions.create({ model, file, stream: true })),
  translated: await translations.create({ model, file }),
  broken: await failure(async () =>
    drain(await transcriptions.create({ model: "demo-cut-mid-stream-gemini", file, stream: true })),
  ),
  buffer: await failure(() => transcriptions.create({ model, file: bytes.subarray(0, 40) })),
  spoken: { type: said.headers.get("content-type"), sound: sound.toString("base64") },
  brokenSpeech: await failure(async () => (await speech.create(long)).arrayBuffer()),
});
