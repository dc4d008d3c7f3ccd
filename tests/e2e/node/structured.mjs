// zodResponseFormat, whole and streamed; and what becomes of it when the answer is not whole.
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

import { client, report, user } from "./client.mjs";

const Category = z.object({
  title: z.string(),
  get children() {
    return z.array(Category).optional().nullable();
  },
});

const Person = z.object({
  name: z.string(),
  nickname: z.string().nullable(),
  age: z.number().int().min(0),
  favourite: z.enum(["red", "green"]),
  kind: z.literal("person"),
  homes: z.array(z.object({ street: z.string(), number: z.number() })),
  contact: z.union([z.object({ mail: z.string() }), z.object({ phone: z.string() })]),
});

const body = { model: process.argv[3], messages: [user("Hello!")] };
const person = { ...body, response_format: zodResponseFormat(Person, "person") };

const whole = await client.chat.completions.parse(person);
const streamed = await client.chat.completions.stream(person).finalChatCompletion();

const failures = {};
for (const model of ["demo-max-tokens", "demo-safety"]) {
  await client.chat.completions.parse({ ...person, model }).then(
    () => (failures[model] = "none"),
    (error) => (failures[model] = error.constructor.name),
  );
}

// Last, so that the tests find its request as the latest one.
const category = await client.chat.completions.parse({
  ...body,
  response_format: zodResponseFormat(Category, "category"),
});

await report({
  whole: whole.choices[0].message.parsed,
  streamed: streamed.choices[0].message.parsed,
  category: category.choices[0].message.parsed,
  failures,
});
