"""How many tokens each part of a prompt took."""
