"""`statsd`: figures of every session to a StatsD server. Kong's plugin of that name, which fails on streams."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from ...shared.plugin import Host, Milliseconds, Plugin, Port, Record, Session, setting
from ..kit.outlets import TcpOutlet, UdpOutlet
from ..kit.queue import Queue, QueueConfig

Name = Literal[
    "request_count", "request_size", "response_size", "latency", "kong_latency", "upstream_latency", "status_count"
]
StatType = Literal["counter", "gauge", "histogram", "meter", "set", "timer"]
Style = Literal["dogstatsd", "influxdb", "librato", "signalfx"]

READ: Final[Mapping[str, Callable[[Record], int | None]]] = {
    "request_count": lambda record: 1,  # noqa: ARG005 - it is one
    "request_size": lambda record: record["session"]["received"],
    "response_size": lambda record: record["session"]["sent"],
    "latency": lambda record: record["latencies"]["session"],
    "kong_latency": lambda record: record["latencies"]["kong"],
    "upstream_latency": lambda record: record["latencies"].get("connect"),
    "status_count": lambda record: 1,  # noqa: ARG005
}
"""A session's figures; a session is to a stream what a request is to Kong."""
CALLED: Final = {
    "request_count": "request.count",
    "request_size": "request.size",
    "response_size": "response.size",
    "latency": "latency",
    "kong_latency": "kong_latency",
    "upstream_latency": "upstream_latency",
    "status_count": "status.{status}",
}
LETTERS: Final[Mapping[str, str]] = {
    "counter": "c", "gauge": "g", "histogram": "h", "meter": "m", "set": "s", "timer": "ms",
}  # fmt: skip
TIMES: Final = ("latency", "kong_latency", "upstream_latency")
UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]")
"""What would mean something in a StatsD line; Kong replaces it by `_`, too."""
TAG_UNSAFE: Final = re.compile(r"[\s|,#:=\[\]]")


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure."""

    name: Name
    stat_type: StatType
    sample_rate: float = setting(1.0, between=(0.000001, 1), doc="How many of the sessions send it.")


DEFAULTS: Final = tuple(Metric(name, "timer" if name in TIMES else "counter") for name in CALLED)  # type: ignore[arg-type]  # its own names


class Statsd(Plugin):
    """Sends counts, sizes and times of sessions."""

    version = "1.0.0"
    priority = 11

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        """Where to, and what."""

        host: Host = setting("localhost", doc="The server: a name, an address, or unix:PATH.")
        port: Port = setting(8125, doc="Its port.")
        prefix: str = setting("kong", match="[A-Za-z0-9_.-]+", doc="What every name begins with.")
        hostname_in_prefix: bool = setting(False, doc="Whether the host's name comes after the prefix.")
        metrics: tuple[Metric, ...] = setting(DEFAULTS, doc="Which figures; all of them where it is not given.")
        tag_style: Style | None = setting(None, doc="Route, service and status as tags rather than in names.")
        use_tcp: bool = setting(False, doc="TCP in place of datagrams.")
        timeout: Milliseconds = setting(10_000, between=(1, 2**31 - 2), doc="For connecting and sending.")
        udp_packet_size: int = setting(
            0, between=(0, 65507), doc="Bytes of lines in one datagram; 0 is a line in each."
        )
        queue: QueueConfig = setting(QueueConfig(max_batch_size=1000, max_coalescing_delay=0.0))

    config: Config
    queue: Queue[bytes] | None = None
    tcp: TcpOutlet | None = None
    udp: UdpOutlet
    _prefix: str

    def init_worker(self) -> None:
        """Begin to send."""
        config, timeout = self.config, self.config.timeout / 1000
        host = f".{UNSAFE.sub('_', self.worker.hostname)}" if config.hostname_in_prefix else ""
        self._prefix = config.prefix.strip(".") + host
        self.udp = UdpOutlet(config.host, config.port, timeout)
        self.tcp = TcpOutlet(config.host, config.port, timeout, keepalive=60.0) if config.use_tcp else None
        self.queue = Queue(self.worker, config.queue, self.send)

    def log(self, session: Session) -> None:
        """The session's figures."""
        lines = tuple(self.lines(session.record()))
        assert self.queue is not None
        if lines:
            data = b"\n".join(lines)
            self.queue.put(data, len(data))

    def lines(self, record: Record) -> Iterator[bytes]:
        """What a session's record says."""
        service = record.get("service", {}).get("name", "")
        status = record["session"]["status"]
        tags = {"route": record.get("route", {}).get("name", ""), "service": service, "status": str(status)}
        scope = f"service.{UNSAFE.sub('_', service)}" if service else "global.unmatched"
        for metric in self.config.metrics:
            value = READ[metric.name](record)
            if value is None or (metric.sample_rate < 1 and random.random() >= metric.sample_rate):
                continue
            called = CALLED[metric.name].format(status=status)
            sampled = f"|@{metric.sample_rate:g}" if metric.sample_rate < 1 else ""
            if self.config.tag_style is None:
                yield f"{self._prefix}.{scope}.{called}:{value}|{LETTERS[metric.stat_type]}{sampled}".encode()
            else:
                yield tagged(
                    self.config.tag_style,
                    f"{self._prefix}.{called}",
                    tags,
                    f"{value}|{LETTERS[metric.stat_type]}{sampled}",
                )

    async def send(self, sessions: list[bytes]) -> None:
        """The lines of several sessions."""
        if self.tcp is not None:
            await self.tcp.send(b"\n".join(sessions) + b"\n")
        else:
            await self.udp.send(
                packets((line for each in sessions for line in each.split(b"\n")), self.config.udp_packet_size)
            )

    async def close(self) -> None:
        """Send what is left."""
        if self.queue is not None:
            await self.queue.close()
            self.udp.close()
            if self.tcp is not None:
                await self.tcp.close()


def tagged(style: str, name: str, tags: Mapping[str, Any], value: str) -> bytes:
    """A line with tags in one of the spellings that servers know; empty ones are left out."""
    pairs = [(key, TAG_UNSAFE.sub("_", text)) for key, text in tags.items() if text]
    written = ",".join(f"{key}={text}" for key, text in pairs)
    if style == "dogstatsd":
        return f"{name}:{value}|#{','.join(f'{key}:{text}' for key, text in pairs)}".encode()
    if style == "influxdb":
        return f"{name},{written}:{value}".encode()
    if style == "librato":
        return f"{name}#{written}:{value}".encode()
    return f"{name}[{written}]:{value}".encode()


def packets(lines: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Lines put together while they fit; a longer one goes alone."""
    packet = b""
    for line in lines:
        if packet and len(packet) + 1 + len(line) <= size:
            packet += b"\n" + line
            continue
        if packet:
            yield packet
        packet = line
    if packet:
        yield packet
