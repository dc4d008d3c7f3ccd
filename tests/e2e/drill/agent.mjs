// A small agent as people write it: the OpenAI SDK's own loop for tools, streamed. Argument: the package's folder.
import { createRequire } from "node:module";

const { default: OpenAI } = createRequire(`${process.argv[2]}/`)("openai");

const client = new OpenAI();
const weather = {
  type: "function",
  function: {
    name: "weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    parse: JSON.parse,
    function: ({ city }) => `sunny in ${city}`,
  },
};
const messages = [{ role: "user", content: "What is the weather?" }];
console.log(await client.chat.completions.runTools({ model: "gpt-4o", messages, tools: [weather], stream: true }).finalContent());
