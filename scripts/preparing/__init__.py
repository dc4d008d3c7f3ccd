"""What scripts/bootstrap.py is made of: which Python can be had, and what of a failed installation matters."""
