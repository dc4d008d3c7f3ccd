"""Cassettes: folders of recorded calls that answer in Gemini's place, so that tests run offline."""
