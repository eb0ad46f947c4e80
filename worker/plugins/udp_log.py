"""`udp-log`: a datagram of JSON for every session. Kong's plugin of that name."""

from __future__ import annotations

from ...shared.plugin import Record
from ..kit.datagram_log import DatagramConfig, DatagramLog
from ..kit.log_plugin import as_json


class UdpLog(DatagramLog):
    """Sends records to a server, one in a datagram."""

    version = "1.0.0"
    priority = 8
    Config = DatagramConfig

    def emit(self, record: Record) -> None:
        """One datagram more."""
        self.put(as_json(record))
