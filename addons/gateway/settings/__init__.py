"""The settings: the file, what may stand in it, and making a new state of it ready to serve by."""
