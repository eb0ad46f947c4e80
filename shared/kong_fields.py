"""A Kong service's own fields, folded into the settings that its sessions obey.

In a file they stand in the service's block, and nginx's directives may be nearer; in a record they are always there.
Who reads them decides which of them count; what they then do is said here once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .model.settings import Proxy, Settings
from .model.tls import KeyPair, UpstreamTls


@dataclass(frozen=True, slots=True)
class KongFields:
    """Of each field the value that counts, or None where the settings' own does. Times are seconds."""

    connect_timeout: float | None = None
    read_timeout: float | None = None
    write_timeout: float | None = None
    """Both or none of the two."""
    retries: int | None = None
    tls_verify: bool | None = None
    tls_verify_depth: int | None = None
    authorities: bytes | None = None
    """`ca_certificates`, PEM."""
    pair: KeyPair | None = None
    """`client_certificate`."""

    def fold(self, settings: Settings) -> Settings:
        """The settings with these fields."""
        return replace(settings, proxy=self.proxy(settings.proxy), upstream_tls=self.tls(settings.upstream_tls))

    def proxy(self, proxy: Proxy) -> Proxy:
        """Times and tries."""
        if self.connect_timeout is not None:
            proxy = replace(proxy, connect_timeout=self.connect_timeout)
        if self.read_timeout is not None and self.write_timeout is not None:
            # The idle time of a stream, which traffic in either direction renews (Kong: one timer for both)
            proxy = replace(proxy, timeout=max(self.read_timeout, self.write_timeout))
        if self.retries is not None:
            proxy = replace(proxy, next_upstream_tries=self.retries + 1)
        return proxy

    def tls(self, tls: UpstreamTls) -> UpstreamTls:
        """How the upstream's TLS is verified, and what is shown to it."""
        if not tls.on:
            return tls
        return replace(
            tls,
            verify=tls.verify if self.tls_verify is None else self.tls_verify,
            verify_depth=tls.verify_depth if self.tls_verify_depth is None else self.tls_verify_depth,
            trusted_ca=tls.trusted_ca if self.authorities is None else self.authorities,
            pair=tls.pair if self.pair is None else self.pair,
            templates=tls.templates if self.pair is None else (),
        )
