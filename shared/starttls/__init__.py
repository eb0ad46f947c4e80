"""Protocols that begin in clear and turn to TLS: the prologue towards the client, and the one towards the upstream.

What is here decides over bytes and opens nothing: `front` plays the server until the client's hello is due, `back`
plays the client until the upstream's TLS is.
"""
