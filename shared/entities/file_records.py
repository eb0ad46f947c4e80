"""What the configuration file says of the gateway, as records with the place where each is written.

Ids follow from names, so that a reload keeps them. What Kong's fields cannot say (nginx's directives, files of
authorities) is left out: these records are for reading only. Times are
those of the reading that saw them first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..errors import ConfigError
from ..model.health import HealthCheck
from ..model.plugin import PluginUse
from ..model.stream import Certificate, Endpoint, Gateway, Route, Service, Stream
from ..model.upstream import Peer, Upstream
from ..model.where import Where
from ..plugin_lines import read
from .changes import FileRecord
from .fields import complete_value
from .ids import id_of
from .kinds import SCHEMAS
from .plugins import Descriptions, protocols_of
from .schema import frozen
from .upstreams import full_target, hash_mistake

ALGORITHMS: Final[Mapping[str, str]] = {
    "hash": "consistent-hashing",
    "least_conn": "least-connections",
    "least_time": "latency",
}
"""Kong's nearest word for nginx's; anything else is round-robin."""
HASHED: Final[Mapping[str, str]] = {"$remote_addr": "ip", "$binary_remote_addr": "ip", "$sni": "sni"}
FILE: Final = "file"
"""Begins what ids of the file follow from, so that they are no id of a declarative document."""


def file_records(stream: Stream, descriptions: Descriptions, now: int) -> tuple[FileRecord, ...]:
    """The records, those that are mentioned first."""
    return tuple(_Reader(descriptions, now).every(stream))


class _Reader:
    """Makes the records of one configuration."""

    def __init__(self, descriptions: Descriptions, now: int) -> None:
        self._descriptions = descriptions
        self._now = now

    def every(self, stream: Stream) -> Iterator[FileRecord]:
        """All kinds."""
        gateway = stream.gateway
        for place, certificate in enumerate(gateway.certificates):
            yield from self.certificate(certificate, place)
        for upstream in stream.upstreams.values():
            yield from self.upstream(upstream)
        yield from (self.service(each) for each in gateway.services)
        yield from (self.route(each) for each in gateway.routes)
        yield from self.plugins(stream, gateway)

    def made(self, kind: str, key: str, where: Where, /, **fields: Any) -> FileRecord:
        """A record with the defaults of what is not said; what is said has been checked by the language's rules."""
        complete, _ = SCHEMAS[kind].complete(fields)
        times = {"created_at": self._now, "updated_at": self._now}
        record = {**complete, **fields, **times, "id": _id(kind, key)}
        return FileRecord(kind, frozen(record), str(where))

    def certificate(self, certificate: Certificate, place: int) -> Iterator[FileRecord]:
        """A certificate and its names."""
        if not certificate.pairs:
            return
        key = certificate.snis[0] if certificate.snis else f"#{place}"
        fields: dict[str, Any] = {}
        for pair, suffix in zip(certificate.pairs, ("", "_alt"), strict=False):
            fields |= {f"cert{suffix}": _pem(pair.certificate), f"key{suffix}": _pem(pair.key)}
        yield self.made("certificates", key, certificate.where, **fields)
        owner = {"id": _id("certificates", key)}
        for name in certificate.snis:
            yield self.made("snis", name, certificate.where, name=name, certificate=owner)

    def upstream(self, upstream: Upstream) -> Iterator[FileRecord]:
        """An upstream and its servers."""
        algorithm = ALGORITHMS.get(upstream.method, "round-robin")
        yield self.made(
            "upstreams",
            upstream.name,
            upstream.where,
            name=upstream.name,
            algorithm=algorithm,
            hash_on=hashed(upstream),
            healthchecks=healthchecks(upstream.health),
        )
        owner = {"id": _id("upstreams", upstream.name)}
        seen: set[str] = set()
        for peer in upstream.peers:
            target = peer_target(peer)
            if target in seen:
                continue
            seen.add(target)
            weight = 0 if peer.down else peer.weight
            key = f"{upstream.name} {target}"
            yield self.made("targets", key, peer.where, target=target, weight=weight, upstream=owner)

    def service(self, service: Service) -> FileRecord:
        """A service."""
        proxy, tls = service.settings.proxy, service.settings.upstream_tls
        encrypted = service.protocol == "tls"
        return self.made(
            "services",
            service.name,
            service.where,
            name=service.name,
            protocol=service.protocol,
            host=service.host,
            port=service.port,
            retries=service.retries,
            connect_timeout=_milliseconds(proxy.connect_timeout),
            read_timeout=_milliseconds(proxy.timeout),
            write_timeout=_milliseconds(proxy.timeout),
            tls_verify=tls.verify if encrypted else None,
            tls_verify_depth=tls.verify_depth if encrypted else None,
            enabled=service.enabled,
        )

    def route(self, route: Route) -> FileRecord:
        """A route."""
        return self.made(
            "routes",
            route.name,
            route.where,
            name=route.name,
            protocols=sorted(route.protocols),
            snis=list(route.snis) or None,
            sources=endpoints(route.sources),
            destinations=endpoints(route.destinations),
            preserve_host=route.preserve_host,
            service=None if route.service is None else {"id": _id("services", route.service.name)},
        )

    def plugins(self, stream: Stream, gateway: Gateway) -> Iterator[FileRecord]:
        """The plugins of all sessions, of services and of routes."""
        for use in stream.plugins:
            yield from self.plugin(use, "")
        for service in gateway.services:
            owner = {"id": _id("services", service.name)}
            for use in service.plugins:
                yield from self.plugin(use, f"service {service.name}", service=owner)
        for route in gateway.routes:
            for use in route.plugins:
                yield from self.plugin(use, f"route {route.name}", route={"id": _id("routes", route.name)})

    def plugin(self, use: PluginUse, scope: str, **fields: Any) -> Iterator[FileRecord]:
        """A plugin, where its description is known."""
        description = self._descriptions(use.name)
        if description is None:
            return
        try:
            config = read(description, use)
        except ConfigError:
            return  # another version of the plugin is about to be used: its workers say what is wrong
        protocols = list(protocols_of(description))
        yield self.made(
            "plugins", f"{use.name} {scope}", use.where, name=use.name, protocols=protocols, config=config, **fields
        )


def _id(kind: str, key: str) -> str:
    return id_of(kind, f"{FILE}:{key}")


def hashed(upstream: Upstream) -> str:
    """What `hash` hashes, where that is one variable."""
    source = upstream.key.source if upstream.key is not None else ""
    variable = source if source.startswith("$") and not hash_mistake(source) else "none"
    return HASHED.get(source, variable)


def _pem(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def endpoints(entries: Sequence[Endpoint]) -> list[dict[str, Any]] | None:
    """`sources` or `destinations`."""
    return [{"ip": network_text(each), "port": each.port} for each in entries] or None


def network_text(entry: Endpoint) -> str | None:
    """An address, or a network with its length."""
    if entry.network is None:
        return None
    return str(entry.network) if entry.cidr else str(entry.network.network_address)


def peer_target(peer: Peer) -> str:
    """A server as a target."""
    host = peer.host or peer.name
    return full_target(f"[{host}]:{peer.port}" if ":" in host else f"{host}:{peer.port}")


def healthchecks(health: HealthCheck | None) -> Any:
    """What of a health check Kong has fields for."""
    found: dict[str, Any] = {}
    if health is not None:
        counts = {"tcp_failures": health.failures, "timeouts": health.timeouts}
        found = {"threshold": health.threshold, "passive": {"type": "tcp", "unhealthy": counts}}
        if (probe := health.probe) is not None:
            ill = {"interval": probe.ill_interval, "tcp_failures": probe.fall, "timeouts": probe.timeout_fall}
            found["active"] = {
                "type": "tcp",
                "timeout": probe.timeout,
                "healthy": {"interval": probe.interval, "successes": probe.rise},
                "unhealthy": ill,
            }
    complete, _ = complete_value(SCHEMAS["upstreams"].fields["healthchecks"], found)
    return complete
