// Anthropic's SDK: create, events, the stream helper, parse, the tool runner, tokens, models, errors.
import Anthropic from "@anthropic-ai/sdk";
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { z } from "zod";

import { recorded, report, user } from "./client.mjs";

const [url, model] = process.argv.slice(2);
const baseURL = url.replace(/\/v1$/, "");
const client = new Anthropic({ baseURL, apiKey: "any", maxRetries: 0, fetch: recorded });
const body = { model, max_tokens: 4000, messages: [user("Hello, 你好 🇨🇭!")] };
const text = (message) => message.content.filter((block) => block.type === "text").map((block) => block.text).join("");

const whole = await client.messages.create(body);

const events = [];
let streamed = "";
for await (const event of await client.messages.create({ ...body, stream: true })) {
  events.push(event.type);
  if (event.type === "content_block_delta" && event.delta.type === "text_delta") streamed += event.delta.text;
}

const helper = client.messages.stream({ ...body, thinking: { type: "enabled", budget_tokens: 1024 } });
let deltas = "";
helper.on("text", (delta) => (deltas += delta));
const final = await helper.finalMessage();

const Person = z.object({
  name: z.string(),
  nickname: z.string().nullable(),
  age: z.number().int(),
  favourite: z.enum(["red", "green"]),
});
const parsed = await client.messages.parse({ ...body, output_config: { format: zodOutputFormat(Person) } });

const called = [];
const getWeather = betaZodTool({
  name: "get_weather",
  description: "The weather of a city.",
  inputSchema: z.object({ city: z.string(), days: z.number().int().min(2).optional() }),
  run: (args) => {
    called.push(args);
    return "It rains.";
  },
});
const run = { ...body, messages: [user('call get_weather {"city": "Zürich"}')], tools: [getWeather] };
const ran = [];
for (const more of [{}, { stream: true }]) {
  ran.push(text(await client.beta.messages.toolRunner({ ...run, ...more }).runUntilDone()));
}

const { input_tokens: tokens } = await client.messages.countTokens({ model, messages: body.messages });

const models = [];
for await (const one of client.models.list({ limit: 1000 })) models.push(one.id);

async function failure(attempt) {
  try {
    await attempt();
    return null;
  } catch (error) {
    const { status, type, requestID } = error;
    return { class: error.constructor.name, status, type, requestID };
  }
}

const errors = {};
for (const name of ["llama-7b", "demo-400", "demo-429-all", "demo-500", "demo-503-all"]) {
  const wrong = { ...body, model: name };
  errors[name] = await failure(() => client.messages.create(wrong));
  errors[`${name} streamed`] = await failure(() => client.messages.stream(wrong).finalMessage());
}
for (const name of ["demo-error-mid-stream", "demo-cut-mid-stream"]) {
  errors[name] = await failure(() => client.messages.stream({ ...body, model: name }).finalMessage());
}

await report({
  whole,
  events,
  streamed,
  deltas,
  final,
  parsed: parsed.parsed_output,
  called,
  ran,
  tokens,
  models,
  errors,
});
