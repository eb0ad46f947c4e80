"""The built-in variables: one getter for each name, gathered from a module for each of nginx's modules.

A getter is a plain function of a session. None is nginx's "not found".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from . import (
    geoip,
    variables_client,
    variables_core,
    variables_gateway,
    variables_limit,
    variables_proxy,
    variables_ssl,
    variables_ssl_preread,
    variables_upstream,
)
from .openssl.pointers import unavailable
from .template import Getter, UnknownVariable

MISSING: Final[frozenset[str]] = frozenset()
"""Names of nginx's language that are refused for now, as if nobody had heard of them."""

GETTERS: Final[Mapping[str, Getter]] = {
    **variables_core.GETTERS,
    **variables_proxy.GETTERS,
    **variables_ssl_preread.GETTERS,
    **variables_ssl.GETTERS,
    **variables_client.GETTERS,
    **variables_upstream.GETTERS,
    **variables_gateway.GETTERS,
    **variables_limit.GETTERS,
    **geoip.GETTERS,
}


def lookup(name: str) -> Getter:
    """The getter of a built-in variable, by its name without `$`; raises UnknownVariable."""
    getter = GETTERS.get(name)
    if name in variables_ssl.NEED_OPENSSL and unavailable():
        getter = None
    if getter is None and name.startswith(variables_proxy.TLV_PREFIX):
        getter = variables_proxy.tlv_getter(name)
    if getter is None:
        raise UnknownVariable(name)
    return getter
