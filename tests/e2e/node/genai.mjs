// Google's SDK: generate, whole and streamed; chat; tokens; embeddings; models; files; faults.
import { GoogleGenAI } from "@google/genai";

const [url, model] = process.argv.slice(2);
const client = new GoogleGenAI({ apiKey: "any", httpOptions: { baseUrl: url.replace(/\/v1$/, "") } });
const contents = "Hello, 你好 🇨🇭!";

const whole = await client.models.generateContent({ model, contents });

const pieces = [];
for await (const chunk of await client.models.generateContentStream({ model, contents })) pieces.push(chunk.text ?? "");

const chat = client.chats.create({ model });
const turns = [];
for (const message of ["first", "second"]) turns.push((await chat.sendMessage({ message })).text);

const { totalTokens } = await client.models.countTokens({ model, contents });
const { embeddings } = await client.models.embedContent({ model: "gemini-embedding-001", contents: ["a", "b"] });

const models = [];
for await (const listed of await client.models.list()) models.push(listed.name);

const file = await client.files.upload({
  file: new Blob(["The sea is green."], { type: "text/plain" }),
  config: { mimeType: "text/plain" },
});
const asked = ["What of the sea?", { fileData: { fileUri: file.uri, mimeType: file.mimeType } }];
const seen = await client.models.generateContent({ model, contents: asked });
await client.files.delete({ name: file.name });

const faults = [];
for (const wrong of ["demo-503-all", "demo-429-all", "demo-error-mid-stream", "demo-cut-mid-stream", "no-such-model"]) {
  const got = [];
  try {
    for await (const chunk of await client.models.generateContentStream({ model: wrong, contents })) got.push(chunk.text);
    faults.push([wrong, null]);
  } catch (error) {
    faults.push([wrong, error.name, error.status ?? null, got.length > 0]);
  }
}

console.log(JSON.stringify({
  text: whole.text,
  version: whole.modelVersion,
  streamed: pieces.join(""),
  turns,
  totalTokens,
  lengths: embeddings.map((one) => one.values.length),
  models,
  file: file.name,
  seen: seen.text,
  faults,
}));
