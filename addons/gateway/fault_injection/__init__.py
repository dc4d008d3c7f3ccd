"""Faults on demand: what goes wrong because somebody has ordered it, to see what a client does then."""
