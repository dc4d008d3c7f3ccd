"""One request of a client, from its first byte to its last, and what is said of it afterwards."""
