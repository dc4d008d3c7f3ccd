"""Gemini's side: calls and their forms for each upstream, answers and errors as they come, models."""
