"""What a gateway is within one of several processes that share a port. `scripts/workers/` starts them."""
