"""Sessions through a gateway, each with what the access log says became of it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Final, NamedTuple

from clients import careless, client_hello, connect
from deadline import wait_for
from gate import Gate

LOG: Final = """
    log_format told '$realip_remote_port|$route|$service|$refusal|$status|$sni|$ssl_client_verify|$ssl_client_s_dn|$ssl_client_fingerprint|$upstream_addr';
    access_log %%DIR%%/told.log told;
"""  # noqa: E501  a log's format is one line
"""To be put into `stream {}`."""


class Told(NamedTuple):
    """A line of the access log."""

    port: str
    route: str
    service: str
    refusal: str
    status: str
    sni: str
    client_verify: str
    client_subject: str
    client_fingerprint: str
    upstream: str


class Visit:
    """A connection to a gateway, from its opening to its line in the log."""

    def __init__(self, gate: Gate, port: int, host: str = "127.0.0.1", header: bytes = b"") -> None:
        self._gate = gate
        self._before = len(gate.read("told.log"))
        self.sock = connect(port, host)
        self._port = self.sock.getsockname()[1]
        if header:
            self.sock.sendall(header)

    def tls(self, name: str | None = None, context: ssl.SSLContext | None = None, data: bytes = b"") -> bytes:
        """End TLS with the gateway, send, and read the first byte; empty when it is refused."""
        try:
            with (context or careless()).wrap_socket(self.sock, server_hostname=name) as client:
                if data:
                    client.sendall(data)
                return client.recv(1)
        except (ssl.SSLError, ConnectionError):
            return b""

    def hello(self, name: str | None = None, alpn: tuple[str, ...] = ()) -> bytes:
        """Send a TLS hello as it is, and read the first byte of whatever answers."""
        return self.plain(client_hello(name, alpn))

    def plain(self, data: bytes = b"x") -> bytes:
        """Send bytes and read one."""
        try:
            self.sock.sendall(data)
            return self.sock.recv(1)
        except ConnectionError:
            return b""

    def told(self) -> Told:
        """Leave, and read what the log says of it."""
        self.sock.close()
        wanted = f"{self._port}|"

        def line() -> str:
            lines = self._gate.read("told.log")[self._before :].splitlines(keepends=True)
            return next((each for each in lines if each.startswith(wanted) and each.endswith("\n")), "")

        fields = wait_for(line, f"the session of port {self._port} is logged").rstrip("\n").split("|")
        return Told(*["" if field == "-" else field for field in fields])


@contextmanager
def visit(gate: Gate, name: str = "one", host: str = "127.0.0.1", header: bytes = b"") -> Iterator[Visit]:
    """A connection to `%%PORT_name%%`."""
    visiting = Visit(gate, gate.port(name), host, header)
    try:
        yield visiting
    finally:
        visiting.sock.close()


def proxy_header(source: tuple[str, int], destination: tuple[str, int]) -> bytes:
    """What a proxy in front says of whom it speaks for."""
    family = "TCP6" if ip_address(source[0]).version == 6 else "TCP4"
    return f"PROXY {family} {source[0]} {destination[0]} {source[1]} {destination[1]}\r\n".encode()


def is_gone(connection: socket.socket) -> bool:
    """Whether the other side has ended a session that was open."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True
