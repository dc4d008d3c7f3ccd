"""Two values, two texts, two exchanges side by side."""
