"""Reading requests: what all dialects of conversations have in common on the way to Gemini."""
