"""TLS directives that need OpenSSL's own interface: refused, where they are written, with a Python that has none."""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from typing import Final

from ...errors import ConfigError
from ...model.tls import ConfCommand
from ...model.where import Where
from ...openssl import settings
from ...openssl.pointers import unavailable
from ...openssl.tickets import SIZES
from .. import values
from ..tree import Directive, Word
from .context import Context
from .scope import Scope

SMALLEST_CACHE: Final = 8 * 4096
"""nginx's least size of a shared session cache, eight pages."""
SESSION_BYTES: Final = 262
"""What a session takes of nginx's shared memory: a megabyte holds about 4000."""
BUILTIN_SESSIONS: Final = 20480
"""OpenSSL's own limit."""
SHARED_CACHE: Final = re.compile(r"shared:([^:]+):(.+)", re.DOTALL)
BUILTIN_CACHE: Final = re.compile(r"builtin(?::([1-9][0-9]*))?")


def not_available(what: str, why: str, where: Where) -> ConfigError:
    """The sentence of everything here."""
    return ConfigError(f"{what} is not available with this Python ({why})", where)


def available(scope: Scope, *names: str) -> None:
    """Refuse directives that would have no effect."""
    why = unavailable()
    for name in names if why else ():
        if directive := next(iter(scope.all(name)), None):
            raise not_available(f'"{name}"', why, directive.where)


def curves(scope: Scope, default: str) -> str:
    """A list of OpenSSL's, which it must understand."""
    word = scope.word("ssl_ecdh_curve")
    if word is None or word.text == "auto":
        return default
    why = unavailable()
    if why and ":" in word.text:
        raise not_available('"ssl_ecdh_curve" with several curves', why, word.where)
    if not why:
        try:
            settings.set_curves(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), word.text)
        except ValueError as error:
            raise ConfigError(str(error), word.where) from None
    return word.text


def conf_commands(scope: Scope, name: str, context: Context) -> tuple[ConfCommand, ...]:
    """`ssl_conf_command`s; the files they name are read once, as all files of certificates and keys are."""
    available(scope, name)
    found = []
    for directive in scope.all(name):
        command, value = directive.words
        try:
            if not settings.names_file(command.text):
                found.append(ConfCommand(command.text, value.text, None, directive.where))
                continue
        except ValueError as error:
            raise ConfigError(str(error), command.where) from None
        path = context.beside_configuration(value.text)
        content = context.read(path, value.where, f'SSL_CONF_cmd("{command.text}", "{path}") failed')
        found.append(ConfCommand(command.text, path, content, directive.where))
    return tuple(found)


def ticket_keys(scope: Scope, context: Context) -> tuple[bytes, ...]:
    """The contents of the key files, in their order."""
    available(scope, "ssl_session_ticket_key")
    found = []
    for directive in scope.all("ssl_session_ticket_key"):
        word = directive.words[0]
        path = context.beside_configuration(word.text)
        content = context.read(path, word.where)
        if len(content) not in SIZES:
            raise ConfigError(f'"{path}" must be 48 or 80 bytes', word.where)
        found.append(content)
    return tuple(found)


def session_cache(directives: Sequence[Directive], context: Context) -> int | None:
    """How many sessions a worker remembers; None where clients are to be told that there is no cache.

    The last of `off`, `none` and `builtin` counts, and the first two of them over `shared`, as in nginx.
    """
    if not directives:
        return 0
    builtin: str | None = None
    count = shared = 0
    for word in (word for directive in directives for word in directive.words):
        match = BUILTIN_CACHE.fullmatch(word.text)
        if match:
            builtin, count = "builtin", int(match[1] or BUILTIN_SESSIONS)
        elif word.text in ("off", "none"):
            builtin = word.text
        else:
            shared += shared_sessions(word, context)
    if why := unavailable():
        context.warn(f'"ssl_session_cache" is ignored: not available with this Python ({why})', directives[-1].where)
    if builtin == "off":
        return None
    if builtin == "none":
        return 0
    return min(shared + (count if builtin else 0), 2**31 - 1)


def shared_sessions(word: Word, context: Context) -> int:
    """How many sessions a `shared:name:size` holds."""
    shared = SHARED_CACHE.fullmatch(word.text)
    size = cache_size(word, shared[2]) if shared else -1
    if size < 0:
        raise ConfigError(f'invalid session cache "{word.text}"', word.where)
    if size < SMALLEST_CACHE:
        raise ConfigError(f'session cache "{word.text}" is too small', word.where)
    assert shared is not None
    context.zones.declare(shared[1], "ssl_session_cache", size, word.where)
    return size // SESSION_BYTES


def cache_size(word: Word, text: str) -> int:
    """Bytes, or -1 for what is no size."""
    try:
        return values.size(Word(text, word.where))
    except ConfigError:
        return -1


def key_log(scope: Scope, name: str, context: Context) -> str:
    """The path of a file for secrets; an empty name takes back what is inherited."""
    word = scope.word(name)
    return context.under_prefix(word.text) if word and word.text else ""
