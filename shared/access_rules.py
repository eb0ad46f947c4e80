"""Which of `allow` and `deny` decides about a client: the first that matches
(https://nginx.org/en/docs/stream/ngx_stream_access_module.html)."""

from __future__ import annotations

from ipaddress import ip_address

from .model.settings import AccessRule


def deciding_rule(rules: tuple[AccessRule, ...], address: str) -> AccessRule | None:
    """The rule for a client by its address as text (`unix:` for a unix socket's); None lets it in."""
    is_unix = address.startswith("unix:")
    client = None if is_unix else ip_address(address.partition("%")[0])
    if client is not None and client.version == 6 and client.ipv4_mapped is not None:
        client = client.ipv4_mapped
    for rule in rules:
        if rule.network is not None:
            hit = client is not None and client.version == rule.network.version and client in rule.network
        else:
            hit = is_unix if rule.unix else True
        if hit:
            return rule
    return None
