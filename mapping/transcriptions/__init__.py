"""Speech to text: `POST /v1/audio/transcriptions` and `POST /v1/audio/translations`."""

NAMES = ("transcriptions", "translations")
