"""Routes: which sessions, and where to. The rules of Kong's `routes.lua` and `routes_subschemas.lua`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..plugin_schema import ENTITY
from .fields import Field, Rule, a_map, a_set, array, boolean, foreign, integer, quoted, record, string
from .names import name_mistake, network_mistake, server_name_mistake
from .rules import at_least_one_of, conditional, filled, must_be_empty
from .schema import entity
from .services import PROTOCOLS
from .violation import Tree

EXCLUSIVE: Final = (("http", "https"), ("tcp", "tls", "udp"), ("tls_passthrough",), ("grpc", "grpcs"))
"""Sets of protocols that do not go together."""
STREAM: Final = frozenset({"tcp", "tls", "tls_passthrough", "udp"})
WITH_NAMES: Final = frozenset({"grpcs", "https", "tls", "tls_passthrough"})
"""The protocols that have an SNI."""
HTTP_ONLY: Final = ("methods", "hosts", "headers", "paths")
ANY_STREAM: Final = "'tcp', 'tls', 'tls_passthrough' or 'udp'"
REDIRECTS: Final = (426, 301, 302, 307, 308)
METHOD: Final = r"[A-Z]+"


def _path(path: str) -> str:
    return "" if path.startswith(("/", "~/")) else "should start with: / (fixed path) or ~/ (regexed path)"


def _host(host: str) -> str:
    bare = host.replace("*", "a", 1)
    return "" if bare and not any(char.isspace() or char in "/*" for char in bare) else f"invalid value: {host}"


def endpoints(doc: str) -> Field:
    """`sources` or `destinations`."""
    entry = record(
        {
            "ip": string("An address or a network.", test=network_mistake),
            "port": integer("A port.", between=(0, 65535)),
        },
        rules=(at_least_one_of("ip", "port"),),
    )
    return a_set(entry, doc)


def _refused(protocols: str, *fields: str) -> Rule:
    """Fields that routes of other protocols have."""
    wanted = {"stream": STREAM, "http": frozenset({"http", "https"}), "grpc": frozenset({"grpc", "grpcs"})}[protocols]
    among = {"stream": ANY_STREAM, "http": "'http' or 'https'", "grpc": "'grpc' or 'grpcs'"}[protocols]

    def broken(route: Mapping[str, Any]) -> Tree:
        if wanted.isdisjoint(route["protocols"]):
            return {}
        return {each: f"cannot set '{each}' when 'protocols' is {among}" for each in fields if filled(route[each])}

    return Rule("subschema", ("protocols",), broken, {"protocols": sorted(wanted), "refused": list(fields)})


def _condition_needed(route: Mapping[str, Any]) -> Tree:
    wanted, text = _needed(frozenset(route["protocols"]))
    return {} if any(filled(route[each]) for each in wanted) else {ENTITY: [text]}


def _needed(protocols: frozenset[str]) -> tuple[tuple[str, ...], str]:
    """The fields of which a route has to have one, and what is said otherwise."""
    if "tls_passthrough" in protocols:
        return ("snis",), "must set snis when 'protocols' is 'tls_passthrough'"
    if protocols & STREAM:
        wanted: tuple[str, ...] = ("sources", "destinations", "snis")
        return wanted, f"must set one of {quoted(wanted)} when 'protocols' is 'tcp', 'tls' or 'udp'"
    wanted = HTTP_ONLY[1:] if protocols & {"grpc", "grpcs"} else HTTP_ONLY
    named = next((each for each in ("grpcs", "https") if each in protocols), None)
    if named is not None:
        wanted = (*wanted, "snis")
    shown = named or ("grpc" if "grpc" in protocols else "http")
    return wanted, f"must set one of {quoted(wanted)} when 'protocols' is '{shown}'"


def _names_for_nobody(protocols: Any) -> bool:
    return WITH_NAMES.isdisjoint(protocols)


ROUTES: Final = entity(
    "routes",
    {
        "name": string("The name.", unique=True, test=name_mistake),
        "protocols": a_set(
            string(one_of=PROTOCOLS),
            "What is spoken to us.",
            required=True,
            len_min=1,
            default=("http", "https"),
            exclusive=EXCLUSIVE,
        ),
        "methods": a_set(string(match=METHOD), "Of HTTP."),
        "hosts": array(string(test=_host), "Of HTTP."),
        "headers": a_map(array(string()), "Of HTTP."),
        "paths": array(string(test=_path), "Of HTTP."),
        "snis": a_set(string(test=server_name_mistake), "Names that clients ask for; `*.x` and `x.*` are wildcards."),
        "sources": endpoints("Where sessions come from."),
        "destinations": endpoints("What clients connected to."),
        "regex_priority": integer("Of HTTP.", default=0),
        "preserve_host": boolean(False, "Whether the client's SNI is the upstream's."),
        "strip_path": boolean(True, "Of HTTP."),
        "path_handling": string("Of HTTP.", default="v0", one_of=("v0", "v1")),
        "https_redirect_status_code": integer("Of HTTP.", required=True, default=426, one_of=REDIRECTS),
        "request_buffering": boolean(True, "Of HTTP."),
        "response_buffering": boolean(True, "Of HTTP."),
        "service": foreign("services", "Where sessions go."),
    },
    endpoint_key="name",
    rules=(
        _refused("stream", *HTTP_ONLY),
        _refused("http", "sources", "destinations"),
        _refused("grpc", "methods", "sources", "destinations"),
        conditional(
            "protocols",
            _names_for_nobody,
            "snis",
            must_be_empty,
            "'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'",
        ),
        Rule("conditional_at_least_one_of", ("protocols",), _condition_needed),
    ),
    doc="Which sessions, and where to.",
)
