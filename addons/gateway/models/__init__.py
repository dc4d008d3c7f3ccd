"""Which Gemini model a name of the client stands for, and which models the accounts have."""
