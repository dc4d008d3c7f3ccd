"""Conversations as a whole: shown with all their turns, and why their prompts were not cached."""
