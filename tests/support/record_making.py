"""Records in Kong's shapes, from few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

from penstock.shared.live.records import Changed, Record

SPACE = UUID(int=7)


def identity(kind: str, name: str) -> str:
    """The id of the record of that name."""
    return str(uuid5(SPACE, f"{kind}/{name}"))


def _made(kind: str, name: str, /, **fields: Any) -> Record:
    return {"id": identity(kind, name), "created_at": 1790000000, "updated_at": 1790000000, "tags": None, **fields}


def foreign(kind: str, name: str | None) -> Record | None:
    """A foreign key."""
    return None if name is None else {"id": identity(kind, name)}


def service(name: str, host: str = "127.0.0.1", port: int = 80, **more: Any) -> Record:
    """A service; `client_certificate` by name."""
    certificate = more.pop("client_certificate", None)
    fields = {
        "name": name, "protocol": "tcp", "host": host, "port": port, "path": None, "retries": 5,
        "connect_timeout": 60000, "write_timeout": 60000, "read_timeout": 60000, "enabled": True,
        "client_certificate": foreign("certificates", certificate), "tls_verify": None, "tls_verify_depth": None,
        "ca_certificates": None,
    }  # fmt: skip
    return _made("services", name, **fields | more)


def route(name: str, service: str | None = None, protocols: str = "tls", snis: str = "", **more: Any) -> Record:
    """A route; `protocols` and `snis` are words, `sources` and `destinations` as in `ends`."""
    for field in ("sources", "destinations"):
        more[field] = [end(text) for text in more[field]] if field in more else None
    fields = {
        "name": name, "protocols": protocols.split(), "methods": None, "hosts": None, "headers": None, "paths": None,
        "snis": snis.split() or None, "regex_priority": 0, "preserve_host": False, "strip_path": True,
        "path_handling": "v0", "https_redirect_status_code": 426, "request_buffering": True,
        "response_buffering": True, "service": foreign("services", service),
    }  # fmt: skip
    return _made("routes", name, **fields | more)


def end(text: str) -> Record:
    """`10.0.0.0/8`, `10.0.0.1:80`, `:80` or `[::1]:80` as an entry."""
    ip, port = text, None
    if text.startswith("["):
        ip, _, rest = text[1:].partition("]")
        port = int(rest[1:]) if rest else None
    elif text.count(":") == 1:
        ip, _, rest = text.partition(":")
        port = int(rest)
    return {"ip": ip or None, "port": port}


def upstream(name: str, **more: Any) -> Record:
    """An upstream; `client_certificate` by name."""
    certificate = more.pop("client_certificate", None)
    fields = {
        "name": name, "algorithm": "round-robin", "slots": 10000, "hash_on": "none", "hash_fallback": "none",
        "host_header": None, "client_certificate": foreign("certificates", certificate), "use_srv_name": False,
        "healthchecks": {"threshold": 0, "active": {}, "passive": {}},
    }  # fmt: skip
    return _made("upstreams", name, **fields | more)


def target(upstream: str, where: str, weight: int = 100) -> Record:
    """A target."""
    return _made("targets", f"{upstream}/{where}", target=where, weight=weight, upstream=foreign("upstreams", upstream))


def certificate(name: str, cert: str, key: str, **more: Any) -> Record:
    """A certificate."""
    return _made("certificates", name, **{"cert": cert, "key": key, "cert_alt": None, "key_alt": None} | more)


def sni(name: str, certificate: str) -> Record:
    """An SNI's."""
    return _made("snis", name, name=name, certificate=foreign("certificates", certificate))


def ca_certificate(name: str, cert: str) -> Record:
    """A CA certificate."""
    return _made("ca_certificates", name, cert=cert, cert_digest="00")


def plugin(name: str, service: str | None = None, route: str | None = None, **config: Any) -> Record:
    """A plugin."""
    return _made(
        "plugins", f"{name}/{service}/{route}", name=name, instance_name=None, enabled=True, config=config,
        protocols=["tcp", "tls"], service=foreign("services", service), route=foreign("routes", route), consumer=None,
    )  # fmt: skip


def put(kind: str, record: Record) -> Changed:
    """A record that comes or becomes another."""
    return Changed(kind, record["id"], record)


def gone(kind: str, name: str) -> Changed:
    """A record that is deleted."""
    return Changed(kind, identity(kind, name), None)


def puts(*records: tuple[str, Record]) -> Sequence[Changed]:
    """Several."""
    return [put(kind, record) for kind, record in records]
