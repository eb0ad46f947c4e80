"""`plugin NAME { … }`: kept as written, since only the workers know the plugins and what their fields mean."""

from __future__ import annotations

from typing import Final

from ...errors import ConfigError
from ...model.plugin import Field, FieldText, PluginPath, PluginUse
from ..tree import Directive
from .context import Context
from .scope import Scope

TIMEOUT: Final = 10.0
"""Seconds of `plugin_timeout`: a look-up over the network may take long, a client does not wait for much longer."""


def plugin_uses(scope: Scope) -> tuple[PluginUse, ...]:
    """The plugins of one block; each may be named once there."""
    uses: dict[str, PluginUse] = {}
    for directive in scope.own("plugin"):
        name = directive.words[0].text
        if name in uses:
            hint = f"it was given first at {uses[name].where}"
            raise ConfigError(f'plugin "{name}" is duplicate', directive.where, hint)
        uses[name] = PluginUse(name, tuple(field(each) for each in directive.block or ()), where=directive.where)
    return tuple(uses.values())


def field(directive: Directive) -> Field:
    """A line of a plugin's block."""
    words = tuple(FieldText(word.text, word.where, word.quoted) for word in directive.words)
    block = None if directive.block is None else tuple(field(each) for each in directive.block)
    if block is not None and words:
        raise ConfigError(f'unexpected "{words[0].text}"', words[0].where, f"expected: {directive.name} {{ ... }}")
    return Field(directive.name, words, directive.where, block)


def plugin_timeout(scope: Scope) -> float:
    """`plugin_timeout TIME`."""
    seconds = scope.seconds("plugin_timeout", TIMEOUT)
    if not seconds:
        raise ConfigError('"plugin_timeout" directive invalid value', scope.all("plugin_timeout")[0].where, "not 0")
    return seconds


def plugin_paths(scope: Scope, context: Context) -> tuple[PluginPath, ...]:
    """`plugin_path DIR …`, from the configuration file's folder."""
    return tuple(
        PluginPath(context.beside_configuration(directive.words[0].text), directive.where)
        for directive in scope.own("plugin_path")
    )
