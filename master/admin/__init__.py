"""The Admin API: Kong's, on the entities of this node's store."""
