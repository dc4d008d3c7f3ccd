"""A request as a program that makes it again: curl, Python, JavaScript."""
