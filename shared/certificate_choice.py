"""Which certificate answers a ClientHello.

The exact name; `*.rest`, where the star is one label; `name.*`, the last label replaced; `*`; then a certificate
without names, which is the default. These are not the routes' wildcards, which stand for any depth.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from .hello import normal_name
from .model.stream import Certificate
from .name_table import MAX_NAME

DEFAULT: Final = ""
"""The name of a certificate without names."""


class CertificateChoice:
    """The names of the certificates. Of equal names the one of the lower index counts: it is the older.

    Indices are places in the sequence given; `more`, and what comes later, brings its own, which are greater.
    """

    def __init__(self, certificates: Sequence[Certificate], more: Mapping[int, Certificate] | None = None) -> None:
        self._by_name: dict[str, int] = {}
        self._all: dict[str, list[int]] = {}
        """Of a name that several have: all of them, the oldest first."""
        self._default: int | None = None
        for index, certificate in enumerate(certificates):
            self.insert(index, certificate)
        for index, certificate in (more or {}).items():
            self.insert(index, certificate)

    def insert(self, index: int, certificate: Certificate) -> None:
        """Let a certificate take part."""
        for name in names_of(certificate):
            first = self._by_name.setdefault(name, index)
            if first != index:
                same = self._all.setdefault(name, [first])
                insort(same, index)
                self._by_name[name] = same[0]
        self._default = self._by_name.get(DEFAULT)

    def remove(self, index: int, certificate: Certificate) -> None:
        """Take one out, as it was inserted."""
        for name in names_of(certificate):
            same = self._all.get(name)
            if same is None:
                del self._by_name[name]
                continue
            same.remove(index)
            self._by_name[name] = same[0]
            if len(same) == 1:
                del self._all[name]
        self._default = self._by_name.get(DEFAULT)

    def choose(self, name: str | None) -> int | None:
        """The index for a server name, as sent or normalised; None when the self-signed one must do."""
        if name and len(name) <= MAX_NAME:
            found = self._named(normal_name(name))
            if found is not None:
                return found
        return self._by_name.get("*", self._default)

    def _named(self, name: str) -> int | None:
        get = self._by_name.get
        if name and (found := get(name)) is not None:
            return found
        first, dot, rest = name.partition(".")
        if first and dot and (found := get("*." + rest)) is not None:
            return found
        front, dot, last = name.rpartition(".")
        return get(front + ".*") if dot and last else None


def names_of(certificate: Certificate) -> Iterable[str]:
    """The names that a certificate is found by, each once."""
    return dict.fromkeys([normal_name(name) for name in certificate.snis]) or (DEFAULT,)
