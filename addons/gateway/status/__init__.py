"""The numbers of a gateway: the status page, its data, and those for a monitoring system."""
