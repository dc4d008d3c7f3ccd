// create, whole and streamed; the stream helper; models.
import { client, report, user } from "./client.mjs";

const body = { model: process.argv[3], messages: [user("Hello, 你好 🇨🇭!")] };

const whole = await client.chat.completions.create(body);

const pieces = [];
for await (const chunk of await client.chat.completions.create({ ...body, stream: true })) {
  pieces.push(chunk.choices[0].delta.content ?? "");
}

const helper = client.chat.completions.stream({ ...body, stream_options: { include_usage: true } });
let deltas = "";
helper.on("content", (delta) => (deltas += delta));
const final = await helper.finalChatCompletion();

const several = client.chat.completions.stream({ ...body, n: 3 });
const choices = (await several.finalChatCompletion()).choices;

const { data, response, request_id: requestId } = await client.chat.completions.create(body).withResponse();

const models = [];
for await (const model of client.models.list()) models.push(model.id);

await report({
  whole,
  streamed: pieces.join(""),
  deltas,
  final,
  usage: await helper.totalUsage(),
  choices,
  requestId,
  mapped: response.headers.get("x-mapped-model"),
  same: data.choices[0].message.content,
  models,
  model: await client.models.retrieve("gemini-2.5-flash"),
});
