"""`allow`, `deny` and `set_real_ip_from`."""

from __future__ import annotations

from ipaddress import ip_network

from ...errors import ConfigError
from ...model.settings import AccessRule, Network
from .. import values
from ..tree import Directive, Word
from .context import Context
from .scope import Scope


def access_rules(scope: Scope, context: Context) -> tuple[AccessRule, ...]:
    """The rules in the order written."""
    return tuple(access_rule(directive, context) for directive in scope.all("allow", "deny"))


def access_rule(directive: Directive, context: Context) -> AccessRule:
    """One `allow` or `deny`."""
    word = directive.words[0]
    allow = directive.name == "allow"
    if word.text == "all":
        return AccessRule(allow, None, where=directive.where)
    if word.text == "unix:":
        return AccessRule(allow, None, unix=True, where=directive.where)
    return AccessRule(allow, network(word, context), where=directive.where)


def network(word: Word, context: Context) -> Network:
    """An address or CIDR; host bits that mean nothing are warned about."""
    value, notice = values.network(word)
    if notice is not None:
        context.note(notice)
    return value


def real_ip_from(scope: Scope, context: Context) -> tuple[tuple[Network, ...], bool]:
    """The trusted networks, and whether unix sockets are trusted."""
    return peers("set_real_ip_from", scope, context)


def debug_connections(events: Scope, context: Context) -> tuple[tuple[Network, ...], bool]:
    """The networks whose clients are logged at level debug, and whether those of unix sockets are."""
    return peers("debug_connection", events, context)


def peers(name: str, scope: Scope, context: Context) -> tuple[tuple[Network, ...], bool]:
    """The networks of a directive that takes them one by one, and whether it names unix sockets."""
    networks: list[Network] = []
    unix = False
    for directive in scope.all(name):
        word = directive.words[0]
        if word.text == "unix:":
            unix = True
        else:
            networks += named(word, name, context)
    return tuple(networks), unix


def named(word: Word, name: str, context: Context) -> list[Network]:
    """The networks of one word: several when it is a host's name."""
    try:
        return [network(word, context)]
    except ConfigError:
        addresses = [] if "/" in word.text else context.resolve(word.text)
        if not addresses:
            raise ConfigError(f'host not found in {name} "{word.text}"', word.where) from None
        return [ip_network(address) for address in addresses]
