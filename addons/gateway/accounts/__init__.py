"""The person's accounts: credentials, upstreams, whose turn it is, who rests, and what follows a failure."""
