"""Names of entities, and SNI names with their wildcards (Kong's rules and texts)."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final

from ...errors import ConfigError
from ...model.where import Where
from ..tree import Directive, Word

ENTITY: Final = re.compile(r"[0-9A-Za-z.\-_~\u0080-\U0010ffff]+")
"""Kong's names of services and routes."""
HOSTNAME: Final = re.compile(r"(?!-)[0-9a-z_-]+(\.[0-9a-z_-]+)*")
ORDINARY: Final = re.compile(r"(?!-)(?:[0-9a-z_-]++\.)*+[0-9a-z_-]*[a-z]")
"""Those of them that end in a letter, so that they are no address: nearly all. They are compared as they are."""
PORT: Final = re.compile(r"[^:]+:[0-9]+")


def entity_name(directive: Directive) -> str:
    """The name of a `service` or `route`."""
    name = directive.texts[0]
    if not ENTITY.fullmatch(name):
        hint = "a name has letters, digits and . - _ ~"
        raise ConfigError(f'invalid name "{name}" of a {directive.name}', directive.words[0].where, hint)
    return name


def duplicate_name(directive: Directive, other: Where) -> ConfigError:
    """Two entities of one kind and name."""
    text = f'duplicate {directive.name} "{directive.words[0].text}"'
    return ConfigError(text, directive.words[0].where, f"the first is at {other}")


def sni(word: Word, *, any_name: bool = False) -> str:
    """An SNI name or wildcard as it is compared: in lower case, without the root's dot.

    `any_name` lets `*` alone stand for every name: a certificate may have it, a route may not.
    """
    name = compared(word.text)
    reason = "" if any_name and name == "*" else sni_mistake(name)
    if reason:
        raise ConfigError(f'invalid SNI "{word.text}": {reason}', word.where)
    return name


def compared(text: str) -> str:
    """An SNI name as it is compared."""
    return text.lower().removesuffix(".")


def sni_mistake(name: str) -> str:
    """What is wrong with a name, in Kong's words; empty for a good one."""
    if ORDINARY.fullmatch(name):
        return ""
    if name.count("*") > 1:
        return "only one wildcard must be specified"
    bare = name
    if "*" in name:
        if not (name.startswith("*.") or name.endswith(".*")):
            return "wildcard must be leftmost or rightmost character"
        bare = name.removeprefix("*.").removesuffix(".*")
    if is_address(bare):
        return "must not be an IP"
    if PORT.fullmatch(bare):
        return "must not have a port"
    return "" if HOSTNAME.fullmatch(bare) else f"invalid value: {name}"


def is_address(text: str) -> bool:
    """Whether a name is an IP address, with brackets or without."""
    address = text.removeprefix("[").removesuffix("]")
    if ":" not in address and not address[-1:].isdigit():
        return False  # that `ip_address` raises costs more than all else about a name
    try:
        ip_address(address)
    except ValueError:
        return False
    return True
