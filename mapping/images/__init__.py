"""The Images dialects: `POST /v1/images/generations` and `POST /v1/images/edits`."""

NAMES = ("images", "image_edits")
