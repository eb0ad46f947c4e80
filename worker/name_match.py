"""Does a certificate speak for a name? OpenSSL cannot be asked without sending the name as SNI as well.

The rules are RFC 9525's (once RFC 6125): a `*` stands for the whole left-most label and nothing else, and the
common name counts only in a certificate without any subjectAltName, as old internal ones still are.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def matches(certificate: Mapping[str, Any], name: str) -> bool:
    """Whether a certificate, as `getpeercert()` gives it, is for this host name or address.

    A certificate that was not verified is given as an empty mapping, and matches nothing.
    """
    address = _address(name)
    if address is not None:
        return any(_address(text) == address for kind, text in _alternatives(certificate) if kind == "IP Address")
    wanted = _labels(name)
    if wanted is None:
        return False
    if _alternatives(certificate):
        patterns = [text for kind, text in _alternatives(certificate) if kind == "DNS"]
    else:
        patterns = list(_common_names(certificate))
    return any(_covers(pattern, wanted) for pattern in patterns)


def _alternatives(certificate: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    found: tuple[tuple[str, str], ...] = certificate.get("subjectAltName", ())
    return found


def _common_names(certificate: Mapping[str, Any]) -> Iterator[str]:
    for relative in certificate.get("subject", ()):
        for attribute, value in relative:
            if attribute == "commonName":
                yield value


def _covers(pattern: str, wanted: list[str]) -> bool:
    labels = _labels(pattern)
    if labels is None or len(labels) != len(wanted):
        return False
    if labels[0] == "*":
        # `*.com` would speak for every name of a registry
        return len(labels) > 2 and labels[1:] == wanted[1:]
    return labels == wanted


def _labels(name: str) -> list[str] | None:
    """The labels in the form they are compared in; None for what is no host name."""
    try:
        ascii_name = name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    labels = ascii_name.removesuffix(".").lower().split(".")
    return labels if all(labels) else None


def _address(text: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(text.strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
