"""The three ways in which a session may pass a gateway: plain, with TLS that ends there, and with TLS passed through.

Routes for all three lead to echo servers, each with the same plugins, on a port of their own.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from clients import careless
from deadline import seconds, wait_for
from gate import Gate

WAYS: Final = ("plain", "ended", "passed")
HEAD: Final = """
    certificate { ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
    service echo { url tcp://%%ECHO%%; }
    service tls_echo { url tcp://%%TLS_ECHO%%; }
"""


def routes(name: str, plugins: str, more: str = "") -> str:
    """Routes on `%%PORT_name%%`; `more` is for the one whose TLS ends."""
    return f"""
    stream_listen 127.0.0.1:%%PORT_{name}%%;
    route {name}_plain  {{ protocols tcp; destinations :%%PORT_{name}%%; service echo; {plugins} }}
    route {name}_ended  {{ protocols tls; snis *.ended.test; destinations :%%PORT_{name}%%; service echo;
                           {more} {plugins} }}
    route {name}_passed {{ protocols tls_passthrough; snis *.passed.test; destinations :%%PORT_{name}%%;
                           service tls_echo; {plugins} }}
"""


def opened(gate: Gate, name: str, way: str, source: str = "127.0.0.1", **how: Any) -> socket.socket:
    """A session, its TLS done; raises what refuses it."""
    address = ("127.0.0.1", gate.port(name))
    plain = socket.create_connection(address, timeout=seconds(15), source_address=(source, 0))
    return plain if way == "plain" else secured(plain, way, **how)


def visited(gate: Gate, name: str, way: str, data: bytes = b"hello", **how: Any) -> bytes:
    """What a session gets back that sends something; nothing where it was refused."""
    try:
        with opened(gate, name, way, **how) as client:
            client.sendall(data)
            return client.recv(1000)
    except (ConnectionError, ssl.SSLError):
        return b""


def secured(
    plain: socket.socket,
    way: str,
    label: str = "a",
    alpn: Sequence[str] = (),
    certificate: tuple[Path, Path] | None = None,
) -> ssl.SSLSocket:
    """TLS over a connection, which is closed where that fails."""
    context = careless()
    if certificate is not None:
        context.load_cert_chain(*certificate)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    try:
        return context.wrap_socket(plain, server_hostname=f"{label}.{way}.test")
    except BaseException:
        plain.close()
        raise


def records(gate: Gate, file: str = "records") -> list[dict[str, Any]]:
    """Those that `file-log` has written so far."""
    path = gate.directory / file
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def last_record(gate: Gate, route: str, before: int, file: str = "records") -> dict[str, Any]:
    """The first record of a route's session behind so many."""

    def find() -> dict[str, Any] | None:
        rows = [row for row in records(gate, file)[before:] if row.get("route", {}).get("name") == route]
        return rows[0] if rows else None

    found = wait_for(find, f"a record of {route}")
    assert found is not None
    return found
