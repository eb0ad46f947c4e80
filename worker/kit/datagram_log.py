"""What log plugins have in common that send each record as a datagram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...shared.plugin import Host, Milliseconds, Port, setting
from .log_plugin import LogConfig, LogPlugin
from .outlets import UdpOutlet
from .queue import Queue, QueueConfig

LARGEST: Final = 65_507
"""Bytes of a datagram over IPv4. A larger one would be tried again for nothing, and hold up the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatagramConfig(LogConfig):
    """To be inherited."""

    host: Host = setting(doc="The server: a name, an address, or unix:PATH.")
    port: Port = setting(doc="Its port.")
    timeout: Milliseconds = setting(10_000, between=(1, 2**31 - 2), doc="For finding the host's address.")
    queue: QueueConfig = setting(QueueConfig(max_batch_size=1000, max_coalescing_delay=0.0))


class DatagramLog(LogPlugin):
    """Override `emit`, to call `put`."""

    config: DatagramConfig
    queue: Queue[bytes] | None = None
    outlet: UdpOutlet

    def init_worker(self) -> None:
        """Begin to send."""
        self.outlet = UdpOutlet(self.config.host, self.config.port, self.config.timeout / 1000)
        self.queue = Queue(self.worker, self.config.queue, self.outlet.send)
        super().init_worker()

    def put(self, packet: bytes) -> None:
        """One datagram more."""
        assert self.queue is not None
        if len(packet) > LARGEST:
            self.worker.count_records("queued")
            self.worker.count_records("dropped")
            self.worker.log("error", f"records dropped: 1, because {len(packet)} bytes do not fit into a datagram")
            return
        self.queue.put(packet, len(packet))

    async def close(self) -> None:
        """Send what is left."""
        if self.queue is not None:
            await self.queue.close()
            self.outlet.close()
