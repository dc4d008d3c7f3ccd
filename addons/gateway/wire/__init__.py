"""The connections of clients and upstreams: mitmproxy's HTTP layers, taught to try again, and bounded."""
