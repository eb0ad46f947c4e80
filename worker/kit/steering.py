"""What plugins change about where one session goes: a copy of its target, changed.

Targets belong to everybody with the same route; a session that a plugin steers gets one of its own. Where it is
counted does not change with it: its route stays its route.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from ...shared.model.tls import KeyPair
from ...shared.pairs import read_pair
from ...shared.template import constant
from ..passing import numeric
from ..target import Target

if TYPE_CHECKING:
    from .kit import Kit

PASSTHROUGH: Final = "tls_passthrough"
LARGEST_RETRIES: Final = 32767
"""Kong's limit."""


class TlsFiles(NamedTuple):
    """Paths; None leaves a part as it is."""

    certificate: str | None
    key: str | None
    ca: str | None


def to_service(target: Target, kit: Kit, name: str) -> Target:
    """A service's peers, with its settings; raises LookupError."""
    chosen = kit.service_target(name)
    if chosen is None:
        raise unknown("service", name, kit.service_names())
    route = target.route
    steered = replace(
        chosen,
        number=target.number,
        log=target.log,
        writers=target.writers,
        route=replace(route, service=chosen.service) if route is not None else None,
        route_name=target.route_name,
        server_name=target.server_name,
        plugins=target.plugins,
        says_info=target.says_info,
        says_debug=target.says_debug,
    )
    if route is not None and PASSTHROUGH in route.protocols:  # the client's own TLS goes there as it is
        tls = replace(steered.settings.upstream_tls, on=False)
        steered.settings = replace(steered.settings, upstream_tls=tls)
        kit.plan.speak_tls(steered, tls)
    return steered


def to_upstream(target: Target, kit: Kit, name: str) -> Target:
    """An upstream's peers; raises LookupError."""
    balancers = kit.worker.balancers
    if name not in balancers:
        raise unknown("upstream", name, balancers)
    return named(replace(target, balancer=balancers[name], template=None, aimed=False), name)


def to_address(target: Target, host: str, port: int) -> Target:
    """An address, or a name to be resolved when the hooks are done; raises ValueError."""
    if not 0 < port < 65536:
        raise ValueError(f"{port} is no port")
    if not host:
        raise ValueError("no host")
    written = f"[{host}]" if ":" in host and numeric(host, port) is not None else host
    return named(replace(target, balancer=None, template=constant(f"{written}:{port}"), aimed=True), host)


def named(target: Target, host: str) -> Target:
    """Let the upstream's TLS ask for the name of where the session goes, unless the configuration has another one."""
    settings = target.settings
    tls = settings.upstream_tls
    if tls.name is not None:
        return target
    return replace(target, settings=replace(settings, upstream_tls=replace(tls, name=constant(host), server_name=True)))


def with_timeouts(target: Target, connect: float | None, idle: float | None) -> Target:
    """Other times."""
    for seconds in (connect, idle):
        if seconds is not None and seconds <= 0:
            raise ValueError(f"{seconds} s is no timeout")
    return replace(
        target,
        connect_timeout=target.connect_timeout if connect is None else connect,
        idle_timeout=target.idle_timeout if idle is None else idle,
    )


def with_retries(target: Target, retries: int) -> Target:
    """Another number of further tries."""
    if not 0 <= retries <= LARGEST_RETRIES:
        raise ValueError(f"{retries} retries are not possible, 0 to {LARGEST_RETRIES} are")
    return replace(target, next_upstream=bool(retries), next_tries=retries + 1)


def with_rates(target: Target, download: int | None, upload: int | None) -> Target:
    """Other rates."""
    proxy = target.settings.proxy
    if download is not None:
        proxy = replace(proxy, download_rate=constant(str(download)) if download > 0 else None)
    if upload is not None:
        proxy = replace(proxy, upload_rate=constant(str(upload)) if upload > 0 else None)
    paced = proxy.download_rate is not None or proxy.upload_rate is not None
    return replace(target, settings=replace(target.settings, proxy=proxy), paced=paced)


def with_tls(target: Target, kit: Kit, on: bool, verify: bool | None, sni: str | None, files: TlsFiles) -> Target:
    """TLS to the upstream, or none; raises ValueError or OSError for files that cannot be used."""
    tls = target.settings.upstream_tls
    tls = replace(tls, on=on)
    if verify is not None:
        tls = replace(tls, verify=verify)
    if sni is not None:
        tls = replace(tls, name=constant(sni), server_name=bool(sni))
    if files.certificate is not None and files.key is not None:
        tls = replace(tls, pair=pair_of(files.certificate, files.key), templates=())
    if files.ca is not None:
        tls = replace(tls, trusted_ca=read(files.ca))
    if on and tls.verify and tls.trusted_ca is None:
        raise ValueError("there are no certificates of authorities to verify the upstream against")
    changed = replace(target, settings=replace(target.settings, upstream_tls=tls))
    kit.plan.speak_tls(changed, replace(tls, name=None))  # names are many, contexts need not be
    return changed


def pair_of(certificate: str, key: str) -> KeyPair:
    """A pair, read again when one of its files has changed."""
    return remembered(certificate, key, os.stat(certificate).st_mtime_ns, os.stat(key).st_mtime_ns)


@lru_cache(64)
def remembered(certificate: str, key: str, *_changed: int) -> KeyPair:
    """Reading a pair and trying it in OpenSSL takes a millisecond."""
    return read_pair(read(certificate), read(key), certificate, key)


def read(path: str) -> bytes:
    """A file's content."""
    with open(path, "rb") as file:
        return file.read()


def unknown(what: str, name: str, known: Iterable[str]) -> LookupError:
    """A name that nobody has."""
    near = get_close_matches(name, list(known), n=1)
    return LookupError(f'unknown {what} "{name}"' + (f', did you mean "{near[0]}"?' if near else ""))
