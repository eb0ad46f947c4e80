"""The PROXY protocol, versions 1 and 2."""

from __future__ import annotations


class ProxyHeader:
    """Placeholder of the contract; see the fields."""

    __slots__ = ("destination_addr", "destination_port", "length", "source_addr", "source_port", "tlvs", "version")
