"""How upstreams and token servers are reached: through which proxy, and a small HTTP client."""
