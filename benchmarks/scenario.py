"""What every subject is asked to do, and the equivalent configurations that ask for it.

A scenario is a list of doors (a listening port, an origin's port behind it, plain or terminated) and, for SNI routing,
a number of names. `penstock` and `nginx` get the same text but for the gateway's routes, which nginx writes as a map.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOG: Final = (
    "log_format basic '$remote_addr [$time_local] $protocol $status $bytes_sent $bytes_received $session_time "
    '"$upstream_addr" $upstream_bytes_sent $upstream_bytes_received $upstream_connect_time\';\n'
    "    access_log {directory}/access.log basic buffer=64k flush=1s;"
)
"""The example of nginx's own manual, buffered, in both."""
CONNECTIONS: Final = 16000
"""worker_connections; a session takes two of them. HAProxy counts sessions instead."""


@dataclass(frozen=True, slots=True)
class Door:
    """A listening port, and what is behind it."""

    name: str
    port: int
    origin: int
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a subject is configured to do."""

    doors: tuple[Door, ...] = ()
    workers: int = 1
    sni: Door | None = None
    """The door that looks at names."""
    names: tuple[tuple[str, int], ...] = ()
    """Names and the origin's port of each."""
    as_map: bool = False
    """Penstock only: route by `ssl_preread` and `map`, as nginx does, instead of by routes."""
    certificate: Path = Path()
    key: Path = Path()

    def port(self, name: str) -> int:
        """The listening port of a door."""
        doors = (*self.doors, self.sni) if self.sni else self.doors
        return next(door.port for door in doors if door.name == name)


def penstock(scenario: Scenario, directory: Path, metrics: int) -> str:
    """Penstock's configuration."""
    gateway = scenario.sni is not None and not scenario.as_map
    return _nginx_like(
        scenario,
        directory,
        main=f"metrics_listen 127.0.0.1:{metrics};\n",
        stream=_routes(scenario) if gateway else _map(scenario),
    )


def nginx(scenario: Scenario, directory: Path, module: Path | None, user: str) -> str:
    """nginx's configuration."""
    main = (f"load_module {module};\n" if module else "") + (f"user {user};\n" if user else "")
    return _nginx_like(scenario, directory, main, _map(scenario))


def _nginx_like(scenario: Scenario, directory: Path, main: str, stream: str) -> str:
    servers = "\n".join(_server(scenario, door) for door in scenario.doors)
    return (
        f"daemon off;\npid {directory}/pid;\nerror_log {directory}/error.log warn;\n"
        f"worker_processes {scenario.workers};\n{main}"
        f"events {{ worker_connections {CONNECTIONS}; }}\n"
        f"stream {{\n    {LOG.format(directory=directory)}\n{servers}\n{stream}\n}}\n"
    )


def _server(scenario: Scenario, door: Door) -> str:
    several = " reuseport" if scenario.workers > 1 else ""
    if not door.tls:
        return f"    server {{ listen 127.0.0.1:{door.port}{several}; proxy_pass 127.0.0.1:{door.origin}; }}"
    return (
        f"    server {{ listen 127.0.0.1:{door.port} ssl{several}; proxy_pass 127.0.0.1:{door.origin};\n"
        f"        ssl_protocols TLSv1.2 TLSv1.3;\n"
        f"        ssl_certificate {scenario.certificate}; ssl_certificate_key {scenario.key}; }}"
    )


def _map(scenario: Scenario) -> str:
    if scenario.sni is None:
        return ""
    names = "\n".join(f"        {name} 127.0.0.1:{port};" for name, port in scenario.names)
    return (
        "    map_hash_max_size 524288;\n    map_hash_bucket_size 128;\n"
        f"    map $ssl_preread_server_name $origin {{\n{names}\n    }}\n"
        f"    server {{ listen 127.0.0.1:{scenario.sni.port}; ssl_preread on; proxy_pass $origin; }}"
    )


def _routes(scenario: Scenario) -> str:
    assert scenario.sni is not None
    ports = sorted({port for _, port in scenario.names})
    services = "\n".join(f"    service s{port} {{ url tcp://127.0.0.1:{port}; }}" for port in ports)
    routes = "\n".join(
        f"    route r{at} {{ protocols tls_passthrough; snis {name}; service s{port}; }}"
        for at, (name, port) in enumerate(scenario.names)
    )
    return f"    stream_listen 127.0.0.1:{scenario.sni.port};\n{services}\n{routes}"


def haproxy(scenario: Scenario, directory: Path) -> str:
    """HAProxy's configuration. It has no buffered log file (only syslog, a packet each), so it logs nothing."""
    text = (
        f"global\n    nbthread {scenario.workers}\n    maxconn 8000\n    maxpipes 64\n"
        "defaults\n    mode tcp\n    option splice-auto\n    timeout connect 60s\n"
        "    timeout client 10m\n    timeout server 10m\n"
    )
    for door in scenario.doors:
        tls = f" ssl crt {directory}/pair.pem ssl-min-ver TLSv1.2" if door.tls else ""
        text += (
            f"frontend {door.name}\n    bind 127.0.0.1:{door.port}{tls}\n    default_backend {door.name}\n"
            f"backend {door.name}\n    server origin 127.0.0.1:{door.origin}\n"
        )
    if scenario.sni is not None:
        text += (
            f"frontend sni\n    bind 127.0.0.1:{scenario.sni.port}\n    tcp-request inspect-delay 5s\n"
            "    tcp-request content accept if { req_ssl_hello_type 1 }\n"
            f"    use_backend %[req.ssl_sni,lower,map({directory}/names.map)]\n"
        )
        for port in sorted({port for _, port in scenario.names}):
            text += f"backend b{port}\n    server origin 127.0.0.1:{port}\n"
    return text


def haproxy_map(scenario: Scenario) -> str:
    """The map file that HAProxy's configuration reads."""
    return "".join(f"{name} b{port}\n" for name, port in scenario.names)
