"""The HTTP face of the gateway: paths, who may call, and the answers it makes itself."""
