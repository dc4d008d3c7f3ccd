"""A program as people write it: the OpenAI SDK, one streamed answer. Argument: `chat` or `responses`."""

import sys

from openai import OpenAI

client = OpenAI()
if sys.argv[1] == "chat":
    for chunk in client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Hello, tell me a story."}], stream=True
    ):
        if chunk.choices and chunk.choices[0].delta.content:
            print(chunk.choices[0].delta.content, end="", flush=True)
else:
    for event in client.responses.create(model="gpt-4o", input="Hello, tell me a story.", stream=True):
        if event.type == "response.output_text.delta":
            print(event.delta, end="", flush=True)
print()
