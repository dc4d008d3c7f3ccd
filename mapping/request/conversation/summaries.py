"""Asking a model for a summary that is to stand for a conversation."""

from __future__ import annotations

COMPACTION_PROMPT = (
    "Summarise this conversation for a model that will continue it and will see nothing of it but your summary. Keep "
    "what the user wants, all instructions and preferences that still hold, what was done and decided and why, the "
    "exact names, paths, values and code that matter, what is known of the state of things, and what remains to be "
    "done. Answer with the summary only."
)
"""What the model is asked, where the client does not say it."""
