"""`server {}`."""

from __future__ import annotations

from dataclasses import replace

from ...errors import ConfigError
from ...model.listen import Listen
from ...model.settings import Settings
from ...model.stream import Pass, ProxyPass, Return, Server
from ...template import has_variables
from ..tree import Directive
from .addresses import Kind, numeric, parse_address
from .certificate_variables import any_variables, certificate_cache, pair_templates
from .context import Context
from .scope import Scope
from .settings import build_settings
from .tls import certificate_names, server_pairs
from .upstream import named_or_implicit
from .virtual_servers import server_names


def build_server(directive: Directive, stream: Scope, listens: tuple[Listen, ...], context: Context) -> Server:
    """One server with what it inherits."""
    scope = Scope(directive.block or (), stream)
    handler = build_handler(scope, context)
    if not listens:
        raise ConfigError('no "listen" is defined for server', directive.where)
    if handler is None:
        raise ConfigError("no handler for server", directive.where, "it needs proxy_pass, return or pass")
    if isinstance(handler, Pass) and any(listen.udp for listen in listens):
        raise ConfigError('"pass" takes connections only', handler.where, "the server has a listen with udp")
    names = server_names(scope.own("server_name"), context)
    return Server(listens, server_settings(scope, listens, context), handler, directive.where, names)


def build_handler(scope: Scope, context: Context) -> ProxyPass | Return | Pass | None:
    """What the server does; of `proxy_pass`, `return` and `pass` in one server the later one, as in nginx."""
    handler: ProxyPass | Return | Pass | None = None
    for directive in scope.own("proxy_pass", "return", "pass"):
        if directive.name == "return":
            handler = Return(context.template(directive.words[0]), directive.where)
        elif directive.name == "pass":
            handler = pass_to(directive, context)
        else:
            handler = proxy_pass(directive, context)
    return handler


def pass_to(directive: Directive, context: Context) -> Pass:
    """One `pass`."""
    word = directive.words[0]
    template = context.template(word)
    if has_variables(word.text):
        return Pass(template, None, directive.where)
    try:
        written = parse_address(word.text)
    except ValueError as error:
        raise ConfigError(f'{error} in pass "{word.text}"', word.where) from None
    if not written.port and written.kind is not Kind.UNIX:
        raise ConfigError(f'no port in pass "{word.text}"', word.where)
    if written.kind is not Kind.NAME:
        return Pass(template, written.at(written.port), directive.where)
    hosts = context.resolve(written.host)
    if not hosts:
        raise ConfigError(f'host not found in pass "{word.text}"', word.where)
    return Pass(template, numeric(hosts[0], written.port), directive.where)


def proxy_pass(directive: Directive, context: Context) -> ProxyPass:
    """One `proxy_pass`."""
    word = directive.words[0]
    if has_variables(word.text):
        return ProxyPass(word.text, None, context.template(word), directive.where)
    return ProxyPass(word.text, named_or_implicit(word.text, word.where, context), where=directive.where)


def server_settings(scope: Scope, listens: tuple[Listen, ...], context: Context) -> Settings:
    """The settings; certificates are read only when something listens with `ssl`, as in nginx."""
    if not any(listen.ssl for listen in listens):
        return build_settings(scope, context)
    named = certificate_names(scope)
    if not any_variables(named):
        return build_settings(scope, context, terminates=True, pairs=server_pairs(scope, context))
    settings = build_settings(scope, context, terminates=True)
    templates = pair_templates(named, scope.word("ssl_password_file"), context)
    cache = certificate_cache(scope, "ssl_certificate_cache")
    return replace(settings, tls=replace(settings.tls, templates=templates, certificate_cache=cache))
