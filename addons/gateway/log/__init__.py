"""What is told to the person who runs the gateway: the banner, a line for each exchange, the console."""
