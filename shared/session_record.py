"""The record of a session, as log plugins emit it: the fields of Kong's stream serializer, and ours.

Times are milliseconds, as in Kong; TCP_INFO's are microseconds, as the kernel gives them. What there is not is left
out, so that a record of a refused session is short.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .model.stream import Route, Service
from .variables_client import ssl_client_verify
from .variables_ssl_preread import octets
from .view import SessionView, Try

Record = dict[str, Any]
FAILED: Final = {"timeout": 504, "refused": 502, "error": 502, "tls": 502}
"""Kong's codes of a try, by its outcome."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a record says that variables do not ask for."""

    event: str
    """`end`, `connect` or `progress`."""
    wall: float
    """Seconds since the epoch."""
    started: float
    """When the session began, by the clock of its tries."""
    listener: str
    route: Route | None = None
    service: Service | None = None
    upstream_tls: ssl.SSLObject | None = None
    client_tcp: Mapping[str, int] | None = None
    upstream_tcp: Mapping[str, int] | None = None
    fields: Mapping[str, Any] | None = None
    """Those that plugins have added, by name; dots nest."""


def build_record(session: SessionView, facts: Facts) -> Record:
    """The record of a session as it is now."""
    begun = facts.wall - session.elapsed()
    record: Record = {
        "event": facts.event,
        "started_at": round(begun * 1000),
        "client_ip": session.remote_addr,
        "client_port": session.remote_port,
        "connection": session.number,
        "listener": facts.listener,
        "session": _session(session, facts),
        "upstream": _upstream(session, facts),
        "latencies": _latencies(session, facts),
        "tries": [_try(attempt, begun, facts.started) for attempt in session.tries],
    }
    if session.peer_addr != session.remote_addr:
        record["peer_ip"] = session.peer_addr
    if session.refusal:
        record["refusal"] = session.refusal
    if session.hello is not None:
        record |= _hello(session)
    if facts.route is not None:
        record["route"] = route_of(facts.route)
    if facts.service is not None:
        record["service"] = service_of(facts.service)
    elif session.service_name:
        record["service"] = {"name": session.service_name}
    for name, value in (facts.fields or {}).items():
        put(record, name, value)
    return record


def put(record: Record, name: str, value: Any) -> None:
    """Set a field, `a.b` inside of `a`; None takes it out. What is in the way is replaced."""
    *outer, last = name.split(".")
    place = record
    for part in outer:
        inside = place.get(part)
        if not isinstance(inside, dict):
            if value is None:
                return
            inside = place[part] = {}
        place = inside
    if value is None:
        place.pop(last, None)
    else:
        place[last] = value


def route_of(route: Route) -> Record:
    """A route as an entity in Kong's words."""
    return {
        "name": route.name,
        "protocols": sorted(route.protocols),
        "snis": list(route.snis),
        "sources": [_endpoint(each.network, each.port) for each in route.sources],
        "destinations": [_endpoint(each.network, each.port) for each in route.destinations],
        "preserve_host": route.preserve_host,
    }


def service_of(service: Service) -> Record:
    """A service as an entity in Kong's words."""
    return {
        "name": service.name,
        "protocol": service.protocol,
        "host": service.host,
        "port": service.port,
        "retries": service.retries,
        "enabled": service.enabled,
    }


def _endpoint(network: object, port: int | None) -> Record:
    return {name: value for name, value in (("ip", network and str(network)), ("port", port)) if value}


def _session(session: SessionView, facts: Facts) -> Record:
    found: Record = {
        "status": session.status,
        "received": session.received,
        "sent": session.sent,
        "server_addr": session.local.host,
        "server_port": session.local.port,
        "protocol": session.protocol,
    }
    if session.tls is not None:
        found["tls"] = tls_of(session.tls) | {"client_verify": ssl_client_verify(session) or "NONE"}
    if facts.client_tcp:
        found["tcp"] = dict(facts.client_tcp)
    return found


def _upstream(session: SessionView, facts: Facts) -> Record:
    last = session.tries[-1] if session.tries else None
    sent = last.sent if last is not None else 0
    received = last.received if last is not None else 0
    found: Record = {"received": received, "sent": sent}
    if last is not None:
        found["address"] = last.address
    if facts.upstream_tls is not None:
        found["tls"] = tls_of(facts.upstream_tls)
    if facts.upstream_tcp:
        found["tcp"] = dict(facts.upstream_tcp)
    return found


def tls_of(side: ssl.SSLObject) -> Record:
    """What was agreed on one side."""
    cipher = side.cipher()
    found: Record = {
        "version": side.version(),
        "cipher": cipher[0] if cipher else None,
        "resumed": bool(side.session_reused),
    }
    if protocol := side.selected_alpn_protocol():
        found["alpn"] = protocol
    return found


def _hello(session: SessionView) -> Record:
    hello = session.hello
    assert hello is not None
    found: Record = {}
    if hello.name:
        found["sni"] = octets(hello.name)
    if hello.alpn:
        found["alpn"] = [octets(each) for each in hello.alpn]
    for name in ("ja3", "ja4"):
        if value := session.values.get(name):
            found[name] = value
    return found


def _latencies(session: SessionView, facts: Facts) -> Record:
    """`kong` is what passed before the first try; `connect` is from there until the upstream stood."""
    whole = session.elapsed()
    found: Record = {"session": _ms(whole), "kong": _ms(whole)}
    if session.tries:
        first, last = session.tries[0], session.tries[-1]
        found["kong"] = _ms(first.started - facts.started)
        if last.connect_time is not None:
            found["connect"] = _ms(last.started + last.connect_time - first.started)
        if last.first_byte_time is not None:
            found["first_byte"] = _ms(last.first_byte_time)
    return found


def _try(attempt: Try, begun: float, started: float) -> Record:
    host, port = _split(attempt.address)
    at = begun + attempt.started - started
    took = attempt.connect_time if attempt.connect_time is not None else attempt.session_time
    found: Record = {
        "balancer_start": round(at * 1000),
        "balancer_start_ns": round(at * 1_000_000_000),
        "balancer_latency": _ms(took or 0.0),
        "balancer_latency_ns": round((took or 0.0) * 1_000_000_000),
        "ip": host,
        "outcome": attempt.outcome or ("ok" if attempt.connect_time is not None else "pending"),
    }
    if port:
        found["port"] = port
    if attempt.outcome in FAILED:
        found |= {"state": "failed", "code": FAILED[attempt.outcome]}
    return found


def _split(address: str) -> tuple[str, int]:
    """Host and port of an upstream's address; a unix socket's path has no port."""
    host, colon, port = address.rpartition(":")
    if address.startswith("unix:") or not colon or not port.isdecimal():
        return address, 0
    return host.strip("[]"), int(port)


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
