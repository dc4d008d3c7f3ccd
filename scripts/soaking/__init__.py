"""The rooms of the soak run: what is asked, who asks, what is stopped and killed meanwhile, and what is counted."""
