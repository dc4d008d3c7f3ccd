"""What is shared, each thing by itself: how it is told, and what comes of two who tell it differently."""
