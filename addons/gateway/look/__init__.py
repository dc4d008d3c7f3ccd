"""How the gateway's pages are made, and what they have in common: their policy, style sheet and little scripts."""
