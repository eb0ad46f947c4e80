"""The way from a file to a Configuration: parse, check against the table, build."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Final

from ..errors import ConfigError
from ..every_settings import every_settings
from ..model.stream import Configuration
from ..tls_contexts import blank, fill, server_settings, upstream_context
from ..variables_gateway import FINGERPRINTS
from .builders.context import Context
from .builders.environment import overlaid
from .builders.main import build_main
from .builders.scope import Scope
from .builders.stream import build_stream
from .builders.system import System
from .check import check
from .parser import merged, parse, parse_parameters
from .report import attach
from .tree import Tree

__all__ = ["System", "load"]

SAID_IN_HELLOS: Final = (*FINGERPRINTS, "ssl_preread_", "ssl_server_name", "$sni", "${sni", " sni ")
"""What is written somewhere if a variable of the hello is read (`geo` names it without the dollar)."""


def load(file: str, prefix: str, *, globals_text: str = "", system: System) -> Configuration:
    """The configuration in `file`, with the directives of `-g` before it; raises ConfigError.

    Includes, certificates and keys are relative to the file's directory, logs and the pid file to `prefix`.
    """
    tree = read_tree(file, globals_text, system)
    checked = check(tree)
    context = Context(system, os.path.dirname(file), prefix, dict.fromkeys(checked))
    try:
        return build(tree, file, context)
    except ConfigError as error:
        attach(error, tree.files)
        raise


def read_tree(file: str, globals_text: str, system: System) -> Tree:
    """What the file says, with what `-g` and the environment say."""
    base = os.path.dirname(file)
    tree = parse(file, system.read_text, system.glob, base)
    if globals_text:
        tree = merged(parse_parameters(globals_text, system.read_text, system.glob, base), tree)
    return overlaid(tree, system.environment)


def build(tree: Tree, file: str, context: Context) -> Configuration:
    """The frozen model of a checked tree."""
    scope = Scope(tree.directives)
    main = build_main(scope, context)
    context.live = bool(main.admin.listens or main.admin.declarative)
    stream = build_stream(scope.one("stream"), context)
    texts = [*(source.text for source in tree.files), *context.system.environment.values()]
    stream = replace(
        stream,
        keeps_hellos=any(name in text for text in texts for name in FINGERPRINTS),
        # the Admin API shows the names that sessions asked for
        reads_hellos=bool(main.admin.listens) or any(name in text for text in texts for name in SAID_IN_HELLOS),
    )
    configuration = Configuration(main, stream, context.prefix, file, tree.files, tuple(context.notices))
    try_tls(configuration)
    return configuration


def try_tls(configuration: Configuration) -> None:
    """Let OpenSSL see every context once, so that what it refuses is refused now and not by a worker."""
    for server in server_settings(configuration):
        fill(blank(), server)
    for upstream in dict.fromkeys(settings.upstream_tls for settings in every_settings(configuration.stream)):
        if upstream.on:
            upstream_context(upstream)
