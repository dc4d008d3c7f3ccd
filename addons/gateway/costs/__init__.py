"""What recorded exchanges have cost."""
