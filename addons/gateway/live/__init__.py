"""What exchanges that are under way are doing."""
