"""JSON Schema as clients write it, and as Gemini takes it."""
