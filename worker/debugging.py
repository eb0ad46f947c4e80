"""`debug_connection`: clients whose sessions are logged at level debug, wherever their server logs to.

Such a session gets a copy of its target whose log takes every line; all others are not touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from ..shared.errorlog import ErrorLog
from ..shared.model.settings import Network

if TYPE_CHECKING:
    from .target import Target


class DebugConnections:
    """The clients, and the logs of their sessions."""

    def __init__(self, networks: Iterable[Network], unix: bool) -> None:
        self._networks = tuple(networks)
        self._unix = unix
        self._logs: dict[ErrorLog, ErrorLog] = {}

    def target(self, address: str, target: Target) -> Target:
        """The target of a session from an address, as `accept` gave it."""
        return self.verbose(target) if self.covers(address) else target

    def covers(self, address: str) -> bool:
        """Whether a client is one of those."""
        if address.startswith("unix:"):
            return self._unix
        client: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
        if isinstance(client, IPv6Address) and client.ipv4_mapped is not None:
            client = client.ipv4_mapped
        return any(client.version == network.version and client in network for network in self._networks)

    def verbose(self, target: Target) -> Target:
        """The same target with a log that takes everything."""
        log = self._logs.get(target.log)
        if log is None:
            log = self._logs[target.log] = target.log.verbose()
        return replace(target, log=log, says_info=True, says_debug=True)
