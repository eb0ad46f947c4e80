"""`tcp-log`: a line of JSON for every session, over a TCP connection. Kong's plugin of that name."""

from __future__ import annotations

from dataclasses import dataclass

from ...shared.plugin import FilePath, Host, Milliseconds, Port, Record, setting
from ..kit.log_plugin import LogConfig, LogPlugin, as_json
from ..kit.outlets import TcpOutlet, client_tls
from ..kit.queue import Queue, QueueConfig


class TcpLog(LogPlugin):
    """Sends records to a server, one to a line."""

    version = "1.0.0"
    priority = 7

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config(LogConfig):
        """Where to."""

        host: Host = setting(doc="The server.")
        port: Port = setting(doc="Its port.")
        timeout: Milliseconds = setting(10_000, between=(1, 2**31 - 2), doc="For connecting and sending.")
        keepalive: Milliseconds = setting(60_000, doc="How long an idle connection is kept.")
        tls: bool = setting(False, doc="Whether to speak TLS.")
        tls_sni: Host | None = setting(None, doc="The name to ask for, and to verify; the host where it is not given.")
        tls_verify: bool = setting(False, doc="Whether the server's certificate has to be right; not so in Kong.")
        ca_certificates: FilePath | None = setting(None, doc="Whose word counts; the system's where it is not given.")
        queue: QueueConfig = setting(QueueConfig(max_batch_size=1000, max_coalescing_delay=0.0))

    config: Config
    queue: Queue[bytes] | None = None
    outlet: TcpOutlet

    def configure(self) -> None:
        """Read the authorities."""
        config = self.config
        context = client_tls(config.tls_verify, config.ca_certificates) if config.tls else None
        self.outlet = TcpOutlet(
            config.host, config.port, config.timeout / 1000, config.keepalive / 1000, context, config.tls_sni
        )

    def init_worker(self) -> None:
        """Begin to send."""
        self.queue = Queue(self.worker, self.config.queue, self.send)
        super().init_worker()

    def emit(self, record: Record) -> None:
        """One line more."""
        line = as_json(record) + b"\n"
        assert self.queue is not None
        self.queue.put(line, len(line))

    async def send(self, lines: list[bytes]) -> None:
        """Lines in one go."""
        await self.outlet.send(b"".join(lines))

    async def close(self) -> None:
        """Send what is left."""
        if self.queue is not None:
            await self.queue.close()
            await self.outlet.close()
