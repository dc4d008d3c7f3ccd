"""Requests for images, on the way to Gemini."""
