"""Services."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from .fields import Field, array, boolean, foreign, integer, string
from .names import host_mistake, name_mistake, path_mistake
from .rules import conditional, must_be_null, not_one_of, one_of
from .schema import Shorthand, entity

PROTOCOLS: Final = ("grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp")
MOST_TIME: Final = 2**31 - 2
"""Milliseconds."""
WITHOUT_PATH: Final = ("grpc", "grpcs", "tcp", "tls", "tls_passthrough", "udp")
ENCRYPTED: Final = ("https", "tls")
"""The protocols that we speak TLS in."""
URL_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}
SCHEME: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9+.-]*):")
PORT: Final = re.compile(r":([^:\]]*)$")


def timeout(doc: str) -> Field:
    """A time in milliseconds."""
    return integer(doc, default=60000, between=(1, MOST_TIME))


def from_url(url: Any, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a URL's parts stand for, read as loosely as Kong does (RFC 2396 by LuaSocket): text without a scheme is a
    path, and what is absent says nothing."""
    del body
    rest = url.partition("#")[0]
    found: dict[str, Any] = {}
    if scheme := SCHEME.match(rest):
        found["protocol"] = scheme[1]
        rest = rest[scheme.end() :]
    if rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        found |= _authority(authority)
    path = rest.partition("?")[0].partition(";")[0]
    if path:
        found["path"] = path
    if "port" not in found and found.get("protocol") in URL_PORTS:
        found["port"] = URL_PORTS[found["protocol"]]
    return found


def _authority(text: str) -> dict[str, Any]:
    text = text.rpartition("@")[2]
    found: dict[str, Any] = {}
    if port := PORT.search(text):
        text = text[: port.start()]
        if port[1].isascii() and port[1].isdigit() and len(port[1]) < 20:
            found["port"] = int(port[1])
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    return found | ({"host": host} if host else {})


def _only_encrypted(field: str) -> Any:
    return conditional("protocol", not_one_of(*ENCRYPTED), field, must_be_null)


SERVICES: Final = entity(
    "services",
    {
        "name": string("The name.", unique=True, test=name_mistake),
        "retries": integer("Tries after the first one.", default=5, between=(0, 32767)),
        "protocol": string("How the host is spoken to.", required=True, default="http", one_of=PROTOCOLS),
        "host": string("A name, an address, or an upstream's name.", required=True, test=host_mistake),
        "port": integer("The host's port.", required=True, default=80, between=(0, 65535)),
        "path": string("Of HTTP; null for all that a stream gateway serves.", test=path_mistake),
        "connect_timeout": timeout("Milliseconds in which the host has to accept."),
        "write_timeout": timeout("Milliseconds without traffic, as read_timeout: the larger counts."),
        "read_timeout": timeout("Milliseconds without traffic, as write_timeout: the larger counts."),
        "client_certificate": foreign("certificates", "What we show to the host."),
        "tls_verify": Field("boolean", doc="Whether the host's certificate is verified."),
        "tls_verify_depth": integer("Certificates between the host's and its authority's.", between=(0, 64)),
        "ca_certificates": array(string(uuid=True), "The ids of the authorities that the host is verified by."),
        "enabled": boolean(True, "Whether its routes take sessions."),
    },
    endpoint_key="name",
    rules=(
        conditional("protocol", one_of(*WITHOUT_PATH), "path", must_be_null),
        _only_encrypted("client_certificate"),
        _only_encrypted("tls_verify"),
        _only_encrypted("tls_verify_depth"),
        _only_encrypted("ca_certificates"),
    ),
    shorthands={"url": Shorthand(string("protocol, host, port and path in one text."), from_url)},
    doc="Where sessions go.",
)
