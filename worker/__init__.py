"""The worker process: reactor, sessions, relay, TLS, balancing."""
