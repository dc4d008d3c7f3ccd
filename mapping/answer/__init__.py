"""Reading Gemini's answers, and what all dialects make of them."""
