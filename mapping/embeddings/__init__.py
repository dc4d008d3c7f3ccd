"""The embeddings dialect: `POST /v1/embeddings`."""
