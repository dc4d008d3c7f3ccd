// Embeddings: base64 unasked, floats, shorter vectors, more than one batch, and errors.
import { client, report } from "./client.mjs";

const model = process.argv[3];
const create = (body) => client.embeddings.create({ model, ...body });

async function failure(body) {
  try {
    await create(body);
    return null;
  } catch (error) {
    return { class: error.constructor.name, status: error.status, code: error.code, param: error.param };
  }
}

const one = await create({ input: "Hello" });
const floats = await create({ input: "Hello", encoding_format: "float" });
const texts = Array.from({ length: 150 }, (_, n) => `text ${n}`);
const many = await create({ input: texts, dimensions: 4 });

await report({
  one: one.data[0].embedding,
  floats: floats.data[0].embedding,
  many: many.data.map((entry) => entry.embedding),
  indices: many.data.map((entry) => entry.index),
  usage: many.usage,
  model: many.model,
  empty: await failure({ input: ["a", ""] }),
  dimensions: await failure({ input: "a", dimensions: 4000 }),
});
