"""What is kept: responses, cooldowns and statistics in a database, turns in memory."""
