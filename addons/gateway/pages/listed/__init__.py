"""Which exchanges there are, of all workers, and the page that lists them."""
