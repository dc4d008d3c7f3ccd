"""What was said before, and what is asked now: messages of any dialect -> Gemini's `contents`."""
