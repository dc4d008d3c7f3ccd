// runTools, whole and streamed: it sends a call back with its id, type and function only.
import { zodFunction } from "openai/helpers/zod";
import { z } from "zod";

import { client, report, user } from "./client.mjs";

const called = [];

const tools = [
  zodFunction({
    name: "get_weather",
    description: "The weather of a city.",
    parameters: z.object({ city: z.string(), days: z.number().int().min(2), unit: z.enum(["C", "F"]).nullable() }),
    function: (args) => {
      called.push(["get_weather", args]);
      return { sky: "blue" };
    },
  }),
  zodFunction({
    name: "get_time",
    parameters: z.object({}),
    function: (args) => {
      called.push(["get_time", args]);
      return "noon";
    },
  }),
];

const body = { model: process.argv[3], messages: [user("In parallel: get_weather and get_time")], tools };

const whole = await client.chat.completions.runTools(body).finalContent();
const streamed = await client.chat.completions.runTools({ ...body, stream: true }).finalContent();

const parsed = await client.chat.completions.parse(body);
const calls = parsed.choices[0].message.tool_calls.map((call) => call.function.parsed_arguments);

await report({ whole, streamed, called, calls });
