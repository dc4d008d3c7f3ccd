// Errors as the SDK's classes, and its own retries.
import { client, report, user } from "./client.mjs";

const messages = [user("Hello!")];

async function failure(attempt) {
  try {
    await attempt();
    return null;
  } catch (error) {
    const { status, code, param, type, requestID } = error;
    return { class: error.constructor.name, status, code, param, type, requestID };
  }
}

async function drain(stream) {
  for await (const chunk of stream) void chunk;
}

const chat = client.chat.completions;
const results = {};
for (const [name, body] of Object.entries({
  param: { model: "gemini-3-flash", messages, temperature: 3 },
  model: { model: "llama-7b", messages },
  limit: { model: "demo-429-all", messages },
  server: { model: "demo-500-all", messages },
  overloaded: { model: "demo-503-all", messages },
  unreachable: { model: "demo-refuse-all", messages },
})) {
  results[name] = await failure(() => chat.create(body));
  results[`${name} streamed`] = await failure(() => chat.create({ ...body, stream: true }));
}
for (const model of ["demo-error-mid-stream", "demo-cut-mid-stream", "demo-end-without-finish"]) {
  results[model] = await failure(async () => drain(await chat.create({ model, messages, stream: true })));
  results[`${model} helper`] = await failure(() => chat.stream({ model, messages }).finalChatCompletion());
}

await report(results);
