"""Tools: declarations, names, and what the model may choose."""
