"""The embeddings dialect: `POST /v1/embeddings`."""

NAMES = ("embeddings",)
