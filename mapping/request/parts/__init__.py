"""Texts, pictures, sound and files of a message, and the types of their bytes."""
