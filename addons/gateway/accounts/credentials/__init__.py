"""What is shown to an upstream: API keys, and tokens that are fetched and renewed."""
