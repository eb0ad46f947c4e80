"""`state FILE` of an `upstream {}`: the servers stand in a file of their own, which may be written by a program.

The file is read with the configuration, at the start and at every reload. It holds `server …;` lines and nothing
else; one that is not there holds none, so that a group may begin empty.
"""

from __future__ import annotations

from typing import Final

from ...errors import ConfigError
from ..check import context_notices
from ..parser import parse
from ..report import attach
from ..tree import Directive, Tree
from .context import Context
from .scope import Scope

UPSTREAM: Final = "upstream"
EMPTY: Final = Tree((), ())


def read_state(scope: Scope, context: Context) -> Tree | None:
    """What the file of an upstream's `state` says; None without that directive."""
    directive = scope.one("state")
    if directive is None:
        return None
    for server in scope.own("server"):
        raise mixed(server, directive)
    path = context.beside_configuration(directive.words[0].text)
    try:
        text = context.system.read_text(path)
    except FileNotFoundError:
        return EMPTY
    except OSError as error:
        raise ConfigError(f'open() "{path}" failed ({error.errno}: {error.strerror})', directive.where) from error
    except ValueError as error:
        raise ConfigError(f'"{path}" is not a text in UTF-8', directive.where) from error
    return checked(parse(path, context.system.read_text, context.system.glob, context.base, text, UPSTREAM))


def checked(tree: Tree) -> Tree:
    """The tree, if it holds servers only."""
    try:
        for each in tree.directives:
            if each.name != "server":
                raise ConfigError(f'"{each.name}" directive is not allowed in a state file', each.where)
        for _ in context_notices(tree.directives, UPSTREAM):
            pass  # nothing is remarked on a server
    except ConfigError as error:
        attach(error, tree.files)
        raise
    return tree


def mixed(server: Directive, state: Directive) -> ConfigError:
    """The servers are here or there."""
    hint = f'the servers of this group are in the file of "state" at {state.where}'
    return ConfigError('"server" directive cannot be used along with "state"', server.where, hint)
