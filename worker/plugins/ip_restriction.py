"""`ip-restriction`: who may come in, by address. Kong's plugin of that name, its fields and its order."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from ...shared.plugin import Network, Plugin, Session, Status, at_least_one_of, setting

REFUSED: Final[Status] = 403
"""Kong's status of a refusal."""


class IpRestriction(Plugin):
    """Refuses clients by their address: what is denied first, then what is not allowed."""

    version = "1.0.0"
    priority = 990
    checks = (at_least_one_of("allow", "deny"),)

    @dataclass(frozen=True, slots=True)
    class Config:
        """Addresses and networks."""

        allow: tuple[Network, ...] | None = setting(None, doc="Who may come in; everybody where it is not given.")
        deny: tuple[Network, ...] | None = setting(None, doc="Who may not; it is looked at first.")
        status: Status | None = setting(None, doc="The status of a session that is refused; 403 where it is not given.")
        message: str | None = setting(None, doc="What the log says of it.")

    config: Config

    def preread(self, session: Session) -> None:
        """Let the client in, or not."""
        address = session.client_addr
        if address.startswith("unix:"):
            return
        client = bare(address)
        config = self.config
        denied = config.deny and listed(client, config.deny)
        if denied or (config.allow and not listed(client, config.allow)):
            reason = config.message or f"IP address not allowed: {address}"
            session.refuse(reason, word="denied", status=config.status or REFUSED)


def bare(address: str) -> IPv4Address | IPv6Address:
    """An address without a scope; an IPv4 one that came over an IPv6 socket is an IPv4 one."""
    client = ip_address(address.partition("%")[0])
    if isinstance(client, IPv6Address) and client.ipv4_mapped is not None:
        return client.ipv4_mapped
    return client


def listed(client: IPv4Address | IPv6Address, networks: tuple[Network, ...]) -> bool:
    """Whether a client is in one of some networks."""
    return any(client.version == network.version and client in network for network in networks)
