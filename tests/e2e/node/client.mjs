// What the scripts share: a client and a fetch whose answers are recorded as they came, and the report that pytest reads.
import OpenAI from "openai";

const wire = [];

export async function recorded(url, init) {
  const response = await fetch(url, init);
  if (!String(url).startsWith("http")) return response; // the SDK tries out with a data URL what fetch can do
  const head = { path: new URL(url).pathname, status: response.status, type: response.headers.get("content-type") };
  // Of a connection that broke off there is nothing to check: the script has the error.
  wire.push(response.clone().text().then((body) => ({ ...head, body }), () => null));
  return response;
}

export const client = new OpenAI({ baseURL: process.argv[2], apiKey: "any", maxRetries: 0, fetch: recorded });

export const user = (content) => ({ role: "user", content });

export async function report(results) {
  console.log(JSON.stringify({ results, wire: (await Promise.all(wire)).filter(Boolean) }));
}
