"""Small configurations as values, for what reads a configuration and not its text."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.shared.model.address import ipv4
from penstock.shared.model.listen import Listen, Mode
from penstock.shared.model.settings import Settings
from penstock.shared.model.stream import Configuration, Gateway, Main, ProxyPass, Route, Server, Service, Stream
from penstock.shared.model.upstream import Peer, Upstream
from penstock.shared.model.where import NOWHERE

SETTINGS = Settings()


def listen(port: int, mode: Mode = Mode.SERVER, ssl: bool = False) -> Listen:
    """A listener on 127.0.0.1."""
    return Listen(ipv4("127.0.0.1", port), NOWHERE, mode, ssl=ssl)


def upstream(name: str, *peers: str) -> Upstream:
    """An upstream of peers with these names."""
    return Upstream(name, tuple(Peer(peer, ipv4("127.0.0.1", 1)) for peer in peers or (name,)))


def server(ports: Sequence[int], to: str, settings: Settings = SETTINGS, ssl: bool = False) -> Server:
    """A server that passes everything to the upstream `to`."""
    handler = ProxyPass(to, upstream(to))
    return Server(tuple(listen(port, ssl=ssl) for port in ports), settings, handler, NOWHERE)


def route(name: str, service: str = "", settings: Settings = SETTINGS) -> Route:
    """A route to a service of that name, or to none."""
    to = Service(service, "tcp", "localhost", 1, upstream(f"{service}.test:1"), settings) if service else None
    return Route(name, frozenset({"tcp"}), to, settings)


def configuration(
    servers: Sequence[Server] = (),
    sniffing: Sequence[int] = (),
    routes: Sequence[Route] = (),
    gateway_settings: Settings = SETTINGS,
) -> Configuration:
    """Servers beside a gateway that sniffs on the ports `sniffing`."""
    listens = tuple(listen(port, Mode.SNIFF) for port in sniffing)
    gateway = Gateway(listens, tuple(routes), settings=gateway_settings)
    return Configuration(Main(), Stream(tuple(servers), gateway), "/", "penstock.conf")
