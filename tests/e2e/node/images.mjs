// Images: generated, edited as Node sends files, streamed, refused.
import { createReadStream } from "node:fs";

import { toFile } from "openai";

import { client, report } from "./client.mjs";

const images = client.images;
const model = "gpt-image-1";
const file = process.argv[3];

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

const generated = await images.generate({ model, prompt: "A tree", n: 2 });
const bytes = Buffer.from(generated.data[0].b64_json, "base64");
const one = await toFile(bytes, "a.png");
await report({
  generated,
  edited: await images.edit({ image: createReadStream(file), prompt: "Bluer", model }),
  several: await images.edit({ prompt: "Bluer", model, image: [one, await toFile(bytes, "b.png", { type: "image/png" })] }),
  streamed: await drain(await images.generate({ model, prompt: "A tree", stream: true, partial_images: 1 })),
  editStreamed: await drain(await images.edit({ image: one, prompt: "Bluer", model, stream: true })),
  blocked: await failure(() => images.generate({ model: "demo-safety", prompt: "A tree" })),
  broken: await failure(async () => drain(await images.generate({ model: "demo-cut-mid-stream", prompt: "A tree", stream: true }))),
  buffer: await failure(() => images.edit({ image: bytes.subarray(0, 40), prompt: "Bluer", model })),
});
