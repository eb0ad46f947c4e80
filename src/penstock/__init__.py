"""Penstock: a TCP and TLS stream gateway that speaks nginx's stream language."""
