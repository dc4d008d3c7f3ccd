"""What exchanges cost, and how much of it is allowed."""
