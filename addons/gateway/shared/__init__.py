"""What the workers of one gateway, and gateways on several machines, have in common."""
