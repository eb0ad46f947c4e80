"""Upstreams and their targets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..template import UnknownVariable
from ..variables import lookup
from .fields import Field, a_map, array, boolean, foreign, integer, number, record, string
from .names import host_maybe_port_mistake, host_port, path_mistake, server_name_mistake
from .rules import conditional, distinct, must_be_set, one_of
from .schema import Shorthand, entity

ALGORITHMS: Final = ("consistent-hashing", "least-connections", "round-robin", "latency")
HASHED: Final = ("none", "consumer", "ip", "header", "cookie", "path", "query_arg", "uri_capture", "sni")
"""Kong's, and ours; beside these any `$variable` of sessions."""
VARIABLE: Final = re.compile(r"\$(\w+)", re.ASCII)
CHECKS: Final = ("tcp", "http", "https", "grpc", "grpcs")
TARGET_PORT: Final = 8000
GOOD_PASSIVE: Final = (*range(200, 209), 226, *range(300, 309))


def _name_mistake(name: str) -> str:
    found = host_port(name)
    if found is None:
        return "Invalid name; must be a valid hostname"
    if found.kind != "name":
        return "Invalid name; no IP addresses allowed"
    return "Invalid name; no port allowed" if found.port is not None else ""


def hash_mistake(value: str) -> str:
    """Why that cannot be hashed; empty when it can."""
    found = VARIABLE.fullmatch(value)
    if found is None:
        return "" if value in HASHED else f"expected one of: {', '.join(HASHED)}, $variable"
    try:
        lookup(found[1])
    except UnknownVariable:
        return f"unknown variable ${found[1]}"
    return ""


def _target_mistake(target: str) -> str:
    return "" if host_port(target) else f"Invalid target ('{target}'); not a valid hostname or ip address"


def full_target(target: str) -> str:
    """A target with its port, as it is compared; what is no target stays as it is."""
    found = host_port(target)
    return target if found is None else found.text(TARGET_PORT)


def _statuses(*default: int) -> Field:
    return array(integer(between=(100, 999)), default=default)


def _seconds(default: float) -> Field:
    return number(default=default, between=(0, 65535))


def _times(default: int = 0) -> Field:
    return integer(default=default, between=(0, 255))


def _failures() -> Mapping[str, Field]:
    return {"tcp_failures": _times(), "timeouts": _times(), "http_failures": _times()}


def _group(fields: Mapping[str, Field], doc: str = "") -> Field:
    return record(fields, doc, required=True, default={})


HEALTHCHECKS: Final = _group(
    {
        "threshold": number("The percentage of weight that has to be there.", default=0, between=(0, 100)),
        "active": _group(
            {
                "type": string(default="http", one_of=CHECKS),
                "timeout": _seconds(1),
                "concurrency": integer(default=10, between=(1, 2**31)),
                "http_path": string(default="/", test=path_mistake),
                "https_sni": string(test=server_name_mistake),
                "https_verify_certificate": boolean(True),
                "headers": a_map(array(string())),
                "healthy": _group(
                    {"interval": _seconds(0), "http_statuses": _statuses(200, 302), "successes": _times()}
                ),
                "unhealthy": _group(
                    {
                        "interval": _seconds(0),
                        "http_statuses": _statuses(429, 404, 500, 501, 502, 503, 504, 505),
                        **_failures(),
                    }
                ),
            },
            "Asking targets how they are.",
        ),
        "passive": _group(
            {
                "type": string(default="http", one_of=CHECKS),
                "healthy": _group({"http_statuses": _statuses(*GOOD_PASSIVE), "successes": _times()}),
                "unhealthy": _group({"http_statuses": _statuses(429, 500, 503), **_failures()}),
            },
            "Watching sessions.",
        ),
    },
    "When a target is out of service.",
)


def _by_algorithm(algorithm: Any, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What does not hash forgets what it hashed."""
    del body
    return {"hash_on": None} if algorithm in ("least-connections", "latency") else {}


def _by_hash(hash_on: Any, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is hashed decides the algorithm."""
    del body
    if hash_on is None:
        return {"hash_on": "none"}
    if not isinstance(hash_on, str) or hash_mistake(hash_on):
        return {}
    return {"algorithm": "round-robin" if hash_on == "none" else "consistent-hashing"}


def _must_be_one_of(*values: str) -> Callable[[Any], str]:
    return lambda value: "" if value in values else f"expected one of: {', '.join(values)}"


def _none_after(value: str) -> Any:
    """Kong: what has no second choice."""
    return conditional("hash_on", one_of(value), "hash_fallback", _must_be_one_of("none"))


def _not_twice(value: str) -> Any:
    others = tuple(each for each in HASHED if each != value)
    return conditional("hash_on", one_of(value), "hash_fallback", _must_be_one_of(*others))


def _named(by: str, value: str, field: str) -> Any:
    return conditional(by, one_of(value), field, must_be_set)


UPSTREAMS: Final = entity(
    "upstreams",
    {
        "name": string("The host by which services name it.", required=True, unique=True, test=_name_mistake),
        "algorithm": string("How a target is chosen.", default="round-robin", one_of=ALGORITHMS),
        "slots": integer("Kong's size of the ring.", default=10000, between=(10, 65536)),
        "hash_on": string("What consistent hashing hashes.", default="none", test=hash_mistake),
        "hash_fallback": string("What is hashed where that is absent.", default="none", test=hash_mistake),
        "hash_on_header": string("Of HTTP."),
        "hash_fallback_header": string("Of HTTP."),
        "hash_on_cookie": string("Of HTTP."),
        "hash_on_cookie_path": string("Of HTTP.", default="/", test=path_mistake),
        "hash_on_query_arg": string("Of HTTP."),
        "hash_fallback_query_arg": string("Of HTTP."),
        "hash_on_uri_capture": string("Of HTTP."),
        "hash_fallback_uri_capture": string("Of HTTP."),
        "healthchecks": HEALTHCHECKS,
        "host_header": string("The SNI that targets are sent.", test=host_maybe_port_mistake),
        "client_certificate": foreign("certificates", "What we show to targets."),
        "use_srv_name": boolean(False, "Of HTTP."),
    },
    endpoint_key="name",
    rules=(
        _named("hash_on", "header", "hash_on_header"),
        _named("hash_fallback", "header", "hash_fallback_header"),
        _named("hash_on", "cookie", "hash_on_cookie"),
        _named("hash_fallback", "cookie", "hash_on_cookie"),
        _named("hash_on", "query_arg", "hash_on_query_arg"),
        _named("hash_fallback", "query_arg", "hash_fallback_query_arg"),
        _named("hash_on", "uri_capture", "hash_on_uri_capture"),
        _named("hash_fallback", "uri_capture", "hash_fallback_uri_capture"),
        _none_after("none"),
        _none_after("cookie"),
        _not_twice("consumer"),
        _not_twice("ip"),
        _not_twice("path"),
        distinct("hash_on_header", "hash_fallback_header"),
        distinct("hash_on_query_arg", "hash_fallback_query_arg"),
        distinct("hash_on_uri_capture", "hash_fallback_uri_capture"),
    ),
    shorthands={
        "algorithm": Shorthand(string(), _by_algorithm, shown=True),
        "hash_on": Shorthand(string(), _by_hash, shown=True),
    },
    doc="Several targets under one name.",
)
TARGETS: Final = entity(
    "targets",
    {
        "target": string("A host, with a port or 8000.", required=True, test=_target_mistake),
        "weight": integer("Its share; 0: none.", default=100, between=(0, 65535)),
        "upstream": foreign("upstreams", "What it belongs to.", required=True),
    },
    endpoint_key="target",
    together=("target", "upstream"),
    exact_time=True,
    doc="Where an upstream's sessions go.",
)
