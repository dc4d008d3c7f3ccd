"""A quick wire: sockets and HTTP/1.1 without mitmproxy's layers, for plain connections to a reverse-mode server.

The way of a request:

    takeover    hands each new connection of a server to `client`; what it does not speak goes to mitmproxy's own layers
    client      one client connection; `reading` reads its requests, `answers` writes
    turn        one request: hooks, attempts, the answer; the counterpart of `wire.stream` without layers
    arrival     what of an answer is passed on at once, and what is noted for the turn
    inner       requests that the gateway makes itself
    websocket   what a client connection may become
    upstream/   `connection`: writes calls, reads answers; `pool`: shared by all clients; `dial`: opens connections
    listeners   which hooks anybody listens to; the others are not run

mitmproxy's flows and hooks are as they would be by its own layers: an addon sees no difference.
"""
