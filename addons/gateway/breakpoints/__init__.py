"""Breakpoints: a person stops an exchange with mitmproxy's intercept, looks, edits, and lets it go on, or kills it."""
