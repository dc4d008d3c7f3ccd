"""What scripts/drill.py is made of: the gateway, what watches the requests, the runs, and what is said of them."""
