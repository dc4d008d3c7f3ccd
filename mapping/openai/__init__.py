"""What the dialects of OpenAI's API have in common. Only their packages know of it."""
