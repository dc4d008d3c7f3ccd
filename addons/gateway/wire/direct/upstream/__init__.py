"""The upstream's side of the quick wire: connections, the pool of those that are free, and how they are opened."""
