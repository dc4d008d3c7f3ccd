"""Why Gemini's prompt cache had little of a turn: its beginning, set against that of the turn before."""
