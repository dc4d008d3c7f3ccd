"""Gemini's own API as clients of Google's SDKs speak it: what they send goes up as it is, what comes goes down so."""

NAMES = ("generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents", "predict")
