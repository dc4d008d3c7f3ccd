"""Gemini's answers, on the way back as images."""
