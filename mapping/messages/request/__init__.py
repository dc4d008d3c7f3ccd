"""A Messages request -> a Gemini request."""
