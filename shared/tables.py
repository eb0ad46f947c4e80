"""What the gateway decides with, for explanations: of the configuration file alone, or of that and the records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .certificate_choice import CertificateChoice
from .live.live import Live
from .model.stream import Certificate, Gateway, Route
from .refusal import Refusal
from .router import Router


@dataclass(frozen=True, slots=True)
class Tables:
    """See the module."""

    router: Router
    refusal: Refusal
    choice: CertificateChoice
    route: Callable[[int], Route]
    """The route of an index that the router gives."""
    certificate: Callable[[int], Certificate]


def file_tables(gateway: Gateway) -> Tables:
    """Those of a configuration file, made anew."""
    return Tables(
        Router(gateway.routes),
        Refusal(gateway.routes),
        CertificateChoice(gateway.certificates),
        gateway.routes.__getitem__,
        gateway.certificates.__getitem__,
    )


def live_tables(live: Live) -> Tables:
    """Those in force; whatever the number of routes, they are there already."""
    file = live.file

    def route(index: int) -> Route:
        return file.routes[index] if index < len(file.routes) else live.route(index)

    def certificate(index: int) -> Certificate:
        return file.certificates[index] if index < len(file.certificates) else live.certificate(index)

    return Tables(live.router, live.refusal, live.choice, route, certificate)
