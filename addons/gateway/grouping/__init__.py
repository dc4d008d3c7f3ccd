"""Which exchanges belong to one conversation: what clients tell of it, and what requests have in common."""
