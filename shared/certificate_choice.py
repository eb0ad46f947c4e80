"""Which certificate answers a ClientHello.

The exact name; `*.rest`, where the star is one label; `name.*`, the last label replaced; `*`; then a certificate
without names, which is the default. These are not the routes' wildcards, which stand for any depth.
"""

from __future__ import annotations

from collections.abc import Sequence

from .hello import normal_name
from .model.stream import Certificate
from .name_table import MAX_NAME


class CertificateChoice:
    """The names of the certificates. Indices are places in the sequence given; of equal names the older counts."""

    def __init__(self, certificates: Sequence[Certificate]) -> None:
        self._by_name: dict[str, int] = {}
        self._default: int | None = None
        for index, certificate in enumerate(certificates):
            for name in certificate.snis:
                self._by_name.setdefault(normal_name(name), index)
            if not certificate.snis and self._default is None:
                self._default = index

    def choose(self, name: str | None) -> int | None:
        """The index for a server name, as sent or normalised; None when the self-signed one must do."""
        if name and len(name) <= MAX_NAME:
            found = self._named(normal_name(name))
            if found is not None:
                return found
        return self._by_name.get("*", self._default)

    def _named(self, name: str) -> int | None:
        get = self._by_name.get
        if (found := get(name)) is not None:
            return found
        first, dot, rest = name.partition(".")
        if first and dot and (found := get("*." + rest)) is not None:
            return found
        front, dot, last = name.rpartition(".")
        return get(front + ".*") if dot and last else None
