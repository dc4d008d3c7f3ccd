"""Reading a request as Gemini does: its members (`proto`), then what they mean together (`rules`)."""
