"""What an exchange has to do, by the endpoint that was called."""
