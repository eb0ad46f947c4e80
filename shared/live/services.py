"""Services out of records."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..kong_fields import KongFields
from ..model.plugin import PluginUse
from ..model.settings import Settings
from ..model.stream import Gateway, Service
from ..model.tls import KeyPair
from ..model.upstream import Upstream
from .records import Record


@dataclass(frozen=True, slots=True)
class Made:
    """A service with what its routes take from it."""

    service: Service
    passing: Settings
    """Those of a route that passes TLS through: it is not wrapped once more."""
    balanced: str | None
    """The id of the upstream's record, if the upstream is one."""


def label_of(record: Record | None) -> str:
    """What logs and metrics call a service."""
    return "" if record is None else str(record.get("name") or record["host"])


def speaks(record: Record) -> bool:
    """Whether sessions can go there: services of the other layers are as none."""
    return record["protocol"] in ("tcp", "tls")


def service_of(
    record: Record,
    gateway: Gateway,
    upstream: Upstream,
    balanced: str | None,
    authorities: bytes | None,
    pair: KeyPair | None,
    plugins: tuple[PluginUse, ...],
) -> Made:
    """The service of a record, on top of what `stream {}` says."""
    fields = fields_of(record, authorities, pair)
    base = to_tls(gateway) if record["protocol"] == "tls" else gateway.settings
    service = Service(
        name=label_of(record),
        protocol=record["protocol"],
        host=record["host"],
        port=record["port"],
        upstream=upstream,
        settings=fields.fold(base),
        retries=record["retries"],
        enabled=record["enabled"] is not False,
        plugins=plugins,
    )
    passing = fields.fold(gateway.settings) if record["protocol"] == "tls" else service.settings
    return Made(service, passing, balanced)


def to_tls(gateway: Gateway) -> Settings:
    """What a service that speaks TLS begins with."""
    if gateway.tls_settings is not None:
        return gateway.tls_settings
    tls = replace(gateway.settings.upstream_tls, on=True, server_name=True)
    return replace(gateway.settings, upstream_tls=tls)


def fields_of(record: Record, authorities: bytes | None, pair: KeyPair | None) -> KongFields:
    """Kong's fields, all of which count. Times are milliseconds in a record."""
    return KongFields(
        connect_timeout=record["connect_timeout"] / 1000,
        read_timeout=record["read_timeout"] / 1000,
        write_timeout=record["write_timeout"] / 1000,
        retries=record["retries"],
        tls_verify=record.get("tls_verify"),
        tls_verify_depth=record.get("tls_verify_depth"),
        authorities=authorities,
        pair=pair,
    )
