"""The Admin API: where it answers, to whom, and where its entities are kept."""

from __future__ import annotations

from ipaddress import ip_address
from socket import AF_UNIX
from typing import Final

from ...errors import ConfigError
from ...model.address import Address
from ...model.operations import Admin, AdminAuth, AdminListen, Database
from ...model.tls import KeyPair
from ...model.where import NOWHERE
from ..suggest import nearest
from ..tree import Directive, Word
from .addresses import Kind, parse_address
from .context import Context
from .files import authorities, key_pair
from .scope import Scope

STORE: Final = "penstock.db"
"""The SQLite file under the prefix."""
KINDS: Final = ("sqlite", "postgres", "off")
LEAST_TOKEN: Final = 16
"""Bytes of a token; shorter ones can be guessed."""
OFF: Final = "off"


def build_admin(scope: Scope, context: Context) -> Admin:
    """What the main context says about the Admin API; raises ConfigError."""
    listens = tuple(admin_listen(each) for each in scope.own("admin_listen") if each.words[0].text != OFF)
    auth = admin_auth(scope.one("admin_auth"), context)
    check_open(listens, scope.one("admin_auth"), auth)
    declarative = scope.word("declarative_config")
    database = build_database(scope.one("database"), context, listens, declarative)
    if declarative is not None and database.kind != OFF:
        hint = 'expected "database off", since entities have one source'
        raise ConfigError(f'"declarative_config" with "database {database.kind}"', declarative.where, hint)
    return Admin(
        listens=listens,
        auth=auth,
        pairs=admin_pairs(scope, context, listens),
        hide_keys=scope.flag("admin_hide_keys", False),
        access_log=log_path(scope, "admin_access_log", context),
        error_log=log_path(scope, "admin_error_log", context),
        database=database,
        declarative="" if declarative is None else context.beside_configuration(declarative.text),
        declarative_where=NOWHERE if declarative is None else declarative.where,
    )


def admin_listen(directive: Directive) -> AdminListen:
    """`ADDRESS [ssl]`."""
    word, *parameters = directive.words
    for parameter in parameters:
        if parameter.text != "ssl":
            raise ConfigError(f'invalid parameter "{parameter.text}"', parameter.where, 'expected "ssl" or nothing')
    return AdminListen(one_address(word, directive.name), bool(parameters), word.where)


def one_address(word: Word, directive: str) -> Address:
    """A numeric address with a port, a port alone, or a unix socket."""
    try:
        written = parse_address(word.text, listen=True)
        if written.kind is Kind.NAME:
            raise ValueError("a numeric address is expected")
        if written.kind is not Kind.UNIX and (not written.port or written.port != written.last_port):
            raise ValueError("one port is expected")
    except ValueError as error:
        raise ConfigError(f'{error} in "{word.text}" of the "{directive}" directive', word.where) from None
    return written.at(written.port)


def admin_auth(directive: Directive | None, context: Context) -> AdminAuth:
    """`token_file FILE`, `mtls FILE` or `off`."""
    if directive is None:
        return AdminAuth()
    word, *files = directive.words
    if word.text not in ("token_file", "mtls", OFF):
        near = nearest(word.text, ("token_file", "mtls", OFF))
        hint = f'did you mean "{near}"?' if near else "expected token_file FILE, mtls FILE or off"
        raise ConfigError(f'invalid value "{word.text}" in "admin_auth"', word.where, hint)
    if len(files) != (word.text != OFF):
        raise ConfigError(f'"admin_auth {word.text}" takes {"no" if word.text == OFF else "a"} file', word.where)
    if word.text == "token_file":
        return AdminAuth(tokens=read_tokens(files[0], context))
    if word.text == "mtls":
        return AdminAuth(authorities=authorities(files, context))
    return AdminAuth()


def read_tokens(word: Word, context: Context) -> tuple[bytes, ...]:
    """The tokens of a file, one to a line; none of them is ever in a message."""
    content = context.read(context.beside_configuration(word.text), word.where)
    tokens = tuple(line.strip() for line in content.splitlines() if line.strip() and not line.startswith(b"#"))
    if not tokens:
        raise ConfigError(f'"{word.text}" holds no token', word.where)
    if any(len(token) < LEAST_TOKEN for token in tokens):
        raise ConfigError(f'"{word.text}" holds a token of less than {LEAST_TOKEN} bytes', word.where)
    return tokens


def check_open(listens: tuple[AdminListen, ...], directive: Directive | None, auth: AdminAuth) -> None:
    """Nobody from outside may come in unasked."""
    if auth.tokens:
        return
    for listen in listens:
        if auth.authorities is not None:
            if not listen.ssl:
                text = f'"admin_auth mtls" needs "ssl" on "admin_listen {listen.address}"'
                raise ConfigError(text, listen.where)
        elif not is_local(listen.address):
            said = "is off" if directive is not None else "is not set"
            text = f'"admin_listen {listen.address}" can be reached from outside, and "admin_auth" {said}'
            raise ConfigError(text, listen.where, "expected admin_auth token_file FILE, or mtls FILE")


def is_local(address: Address) -> bool:
    """Whether only this machine can connect to an address."""
    return address.family == AF_UNIX or ip_address(address.host.partition("%")[0]).is_loopback


def admin_pairs(scope: Scope, context: Context, listens: tuple[AdminListen, ...]) -> tuple[KeyPair, ...]:
    """The certificate of listeners with `ssl`."""
    certificate, key = scope.one("admin_ssl_certificate"), scope.one("admin_ssl_certificate_key")
    if certificate is None or not any(listen.ssl for listen in listens):
        return ()
    if key is None:
        raise ConfigError('"admin_ssl_certificate" without "admin_ssl_certificate_key"', certificate.where)
    return (key_pair(certificate.words[0], key.words[0], None, context),)


def build_database(
    directive: Directive | None, context: Context, listens: tuple[AdminListen, ...], declarative: Word | None
) -> Database:
    """`sqlite FILE`, `postgres TEXT` or `off`; with an Admin API and nothing said, SQLite under the prefix."""
    if directive is None:
        if not listens or declarative is not None:
            return Database()
        return Database("sqlite", context.under_prefix(STORE))
    word, *rest = directive.words
    if word.text not in KINDS:
        near = nearest(word.text, KINDS)
        hint = f'did you mean "{near}"?' if near else f"expected one of {', '.join(KINDS)}"
        raise ConfigError(f'invalid value "{word.text}" in "database"', word.where, hint)
    if word.text == OFF:
        if rest:
            raise ConfigError('"database off" takes nothing more', rest[0].where)
        return Database(where=word.where)
    if word.text == "postgres":
        if not rest:
            raise ConfigError(
                '"database postgres" takes a connection text', word.where, 'such as "host=db user=penstock"'
            )
        return Database("postgres", rest[0].text, word.where)
    return Database("sqlite", context.under_prefix(rest[0].text if rest else STORE), word.where)


def log_path(scope: Scope, name: str, context: Context) -> str:
    """A log's path; empty where there is none or it is `off`."""
    word = scope.word(name)
    return "" if word is None or word.text == OFF else context.under_prefix(word.text)
