"""The table itself, put together from its parts, and the ways to look things up in it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from .core import ACCESS, CORE
from .gateway import GATEWAY, OPERATIONS, ROUTE, SERVICE
from .main import EVENTS, MAIN
from .proxy import PROXY
from .spec import Spec
from .tls import PROXY_SSL, SSL
from .upstream import UPSTREAM
from .variables import LOG, VARIABLES

SECTIONS: Final[Mapping[str, tuple[Spec, ...]]] = MappingProxyType(
    {
        "Main": MAIN,
        "Operations": OPERATIONS,
        "Events": EVENTS,
        "Stream": CORE,
        "Access and real addresses": ACCESS,
        "Variables": VARIABLES,
        "Logs": LOG,
        "Proxy": PROXY,
        "TLS of upstreams": PROXY_SSL,
        "TLS of clients": SSL,
        "Upstreams": UPSTREAM,
        "Gateway": GATEWAY,
        "Services": SERVICE,
        "Routes": ROUTE,
    }
)
"""The parts in the order of the reference page."""

TABLE: Final[tuple[Spec, ...]] = tuple(spec for section in SECTIONS.values() for spec in section)


def by_context() -> Mapping[tuple[str, str], Spec]:
    """Every form of every directive by name and context; two forms in one context would be a mistake of ours."""
    found: dict[tuple[str, str], Spec] = {}
    for spec in TABLE:
        for context in spec.contexts:
            assert (spec.name, context) not in found, (spec.name, context)
            found[spec.name, context] = spec
    return found


INDEX: Final = by_context()
FREE_FORM: Final = {spec.name: spec for spec in TABLE if spec.free_form}


def find(name: str, context: str) -> Spec | None:
    """The form that directive `name` has in `context`, or None where it may not stand."""
    return INDEX.get((name, context))


def names_in(context: str) -> frozenset[str]:
    """What may be written in `context`."""
    return frozenset(name for name, where in INDEX if where == context)


def contexts_of(name: str) -> tuple[str, ...]:
    """The contexts that know `name`, in alphabetical order; empty for an unknown name."""
    return tuple(sorted(context for known, context in INDEX if known == name))


def free_form(name: str) -> Spec | None:
    """The block called `name` if its lines are values and not directives."""
    return FREE_FORM.get(name)
