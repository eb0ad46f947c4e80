"""OpenSSL's objects inside Python's: `SSL_CTX *` of an `SSLContext`, `SSL *` of an `SSLSocket`.

CPython keeps the first as the first member of a context, the second as the second member of a connection, just before
the context. That is its own business, so it is held against the facts before anything is called: the pointer leads
into this process's memory, to a structure that begins as OpenSSL's do (with the address of the method table that this
kind of context has), and OpenSSL's answers are those of `ssl` after `ssl` changed them.
"""

from __future__ import annotations

import ctypes
import ssl
import warnings
from ctypes import c_void_p
from functools import cache
from typing import Any, Final

from .binding import Library, NotAvailable, load

WORD: Final = ctypes.sizeof(c_void_p)
HEADER: Final = object.__basicsize__
"""Bytes before the first member: more than two words in a debug build of Python."""
METHOD_WITHIN: Final = 8
"""Words from its beginning in which a structure of OpenSSL names its method table."""

OTHER_LAYOUT: Final = "its ssl module has another layout"


@cache
def checked() -> Library:
    """The library, once everything was checked; raises NotAvailable with the reason why it may not be used."""
    reason = _checked()
    if isinstance(reason, str):
        raise NotAvailable(reason)
    return reason


def unavailable() -> str:
    """Why nothing of this package may be used; empty when it may."""
    found = _checked()
    return found if isinstance(found, str) else ""


def context_pointer(context: ssl.SSLContext) -> int:
    """`SSL_CTX *`; raises NotAvailable."""
    checked()
    return _word(context, 0)


def connection_pointer(tls: ssl.SSLSocket | ssl.SSLObject) -> int | None:
    """`SSL *` of a connection whose handshake is done, None for a closed one; raises NotAvailable."""
    library = checked()
    inner: Any = getattr(tls, "_sslobj", None)
    if inner is None:
        return None
    version = inner.version()
    pointer = _connection(inner)
    if version is None or library.ssl_get_version(pointer).decode() != version:
        return None
    return pointer


@cache
def _checked() -> Library | str:
    """Once per process: the library, or the reason against it."""
    try:
        library = load()
        for protocol, method in (
            (ssl.PROTOCOL_TLS_SERVER, library.server_method()),
            (ssl.PROTOCOL_TLS_CLIENT, library.client_method()),
        ):
            context = ssl.SSLContext(protocol)
            context.check_hostname = False
            _check_context(library, context, method)
            _check_connection(library, context, method, server=protocol == ssl.PROTOCOL_TLS_SERVER)
    except NotAvailable as error:
        return error.why
    except OSError as error:  # no /proc, or a library that cannot be opened
        return str(error)
    return library


def _check_context(library: Library, context: ssl.SSLContext, method: int) -> None:
    """Whether `context` holds an `SSL_CTX *` where we believe it, before and after it was changed."""
    if type(context).__basicsize__ < HEADER + WORD:
        raise NotAvailable(OTHER_LAYOUT)
    pointer = _word(context, 0)
    _check_structure(pointer, method)
    for option in (ssl.OP_NO_TICKET, ssl.OP_NO_TLSv1_2, ssl.OP_CIPHER_SERVER_PREFERENCE):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.options ^= option
        _equal(library.ctx_get_options(pointer), int(context.options) & 0xFFFF_FFFF_FFFF_FFFF)
    for mode, bits in ((ssl.CERT_REQUIRED, 3), (ssl.CERT_OPTIONAL, 1), (ssl.CERT_NONE, 0)):
        context.verify_mode = mode
        _equal(library.ctx_get_verify_mode(pointer), bits)
    if library.server_method() == method:
        for count in (5, 0):
            context.num_tickets = count
            _equal(library.ctx_get_num_tickets(pointer), count)
    for seconds in (77, 300):
        library.ctx_set_timeout(pointer, seconds)
        _equal(library.ctx_get_timeout(pointer), seconds)


def _check_connection(library: Library, context: ssl.SSLContext, method: int, *, server: bool) -> None:
    """Whether a connection holds an `SSL *` where we believe it."""
    outer: Any = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=server)
    tls = outer._sslobj
    if type(tls).__basicsize__ < HEADER + 3 * WORD:
        raise NotAvailable(OTHER_LAYOUT)
    pointer = _connection(tls)
    _check_structure(pointer, method)
    _equal(library.ssl_get_ctx(pointer), _word(context, 0))
    _equal(library.ssl_get_verify_mode(pointer), library.ctx_get_verify_mode(_word(context, 0)))


def _connection(inner: Any) -> int:
    """The pointer beside the context that the connection says it has."""
    if _word(inner, 2) != id(inner.context):
        raise NotAvailable(OTHER_LAYOUT)
    return _word(inner, 1)


def _check_structure(pointer: int, method: int) -> None:
    """Whether a structure of OpenSSL with that method lies there; only memory that is mapped is looked at."""
    size = METHOD_WITHIN * WORD
    if not pointer or pointer % WORD or not _mapped(pointer, size):
        raise NotAvailable(OTHER_LAYOUT)
    if method not in (c_void_p * METHOD_WITHIN).from_address(pointer):
        raise NotAvailable(OTHER_LAYOUT)


def _mapped(pointer: int, size: int) -> bool:
    """Whether these bytes are readable memory of this process."""
    with open("/proc/self/maps") as maps:
        for line in maps:
            place, rights, _ = line.split(maxsplit=2)
            first, _, end = place.partition("-")
            if int(first, 16) <= pointer and pointer + size <= int(end, 16):
                return "r" in rights
    return False


def _word(instance: object, index: int) -> int:
    """A member of the C structure of a Python object."""
    return c_void_p.from_address(id(instance) + HEADER + index * WORD).value or 0


def _equal(openssl: int, python: int) -> None:
    if openssl != python:
        raise NotAvailable(OTHER_LAYOUT)
