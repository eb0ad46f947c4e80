"""What a context may be told beyond Python's `ssl`: curves, the life of sessions, any command of OpenSSL's own.

Every function takes the `SSLContext`; raises NotAvailable, or ValueError with nginx's sentence for what is refused.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from .pointers import checked, context_pointer

MODE: Final = 33
SET_SESS_CACHE_SIZE: Final = 42
SET_SESS_CACHE_MODE: Final = 44
SET_GROUPS_LIST: Final = 92
"""SSL_CTRL_*."""

NO_AUTO_CHAIN: Final = 0x8
"""SSL_MODE_NO_AUTO_CHAIN."""
CACHE_OFF: Final = 0
CACHE_SERVER: Final = 2
CACHE_NO_AUTO_CLEAR: Final = 0x80
CACHE_NO_INTERNAL_STORE: Final = 0x200
"""SSL_SESS_CACHE_*."""
ID_CONTEXT_MAX: Final = 32
"""SSL_MAX_SID_CTX_LENGTH."""

CONF_TYPE_FILE: Final = 2
CONF_FLAGS: Final = 0x2 | 0x4 | 0x8 | 0x10 | 0x20
"""SSL_CONF_FLAG_FILE, CLIENT, SERVER, SHOW_ERRORS, CERTIFICATE: what nginx gives."""


def set_curves(context: ssl.SSLContext, curves: str) -> None:
    """Several groups for key exchange, `:` between them, the preferred one first."""
    pointer = context_pointer(context)
    library = checked()
    text = curves.encode()
    library.err_clear()
    if b"\0" in text or library.ctx_ctrl(pointer, SET_GROUPS_LIST, 0, text) != 1:
        raise library.failure(f'SSL_CTX_set1_curves_list("{curves}")')


def send_chain_as_given(context: ssl.SSLContext) -> bool:
    """Send the certificates of the file and no others, as nginx does; whether that mode is set now.

    Without it OpenSSL looks, at every handshake, for the issuers of a certificate that stands alone in its file.
    """
    return bool(checked().ctx_ctrl(context_pointer(context), MODE, NO_AUTO_CHAIN, None) & NO_AUTO_CHAIN)


def set_session_timeout(context: ssl.SSLContext, seconds: int) -> None:
    """How long a session, or its ticket, may be resumed."""
    checked().ctx_set_timeout(context_pointer(context), seconds)


def set_session_cache(context: ssl.SSLContext, size: int | None) -> None:
    """How many sessions without tickets are remembered in this process: None says to clients that none ever is.

    0 remembers none either but does not tell, as nginx does by default.
    """
    library = checked()
    pointer = context_pointer(context)
    mode = CACHE_OFF
    if size is not None:
        mode = CACHE_SERVER | (0 if size else CACHE_NO_AUTO_CLEAR | CACHE_NO_INTERNAL_STORE)
    library.ctx_ctrl(pointer, SET_SESS_CACHE_MODE, mode, None)
    library.ctx_ctrl(pointer, SET_SESS_CACHE_SIZE, size or 1, None)


def set_session_id_context(context: ssl.SSLContext, identity: bytes) -> None:
    """Sessions resume only where this is equal; it matters once contexts share ticket keys."""
    if not 0 < len(identity) <= ID_CONTEXT_MAX:
        raise ValueError(f"a session id context has 1 to {ID_CONTEXT_MAX} bytes")
    checked().ctx_set_id_context(context_pointer(context), identity, len(identity))


def names_file(command: str) -> bool:
    """Whether the value of a command is the path of a file."""
    library = checked()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # what exists for a certificate and what not
    conf = library.conf_new()
    try:
        library.conf_set_flags(conf, CONF_FLAGS)
        library.conf_set_ctx(conf, context_pointer(context))
        return bool(library.conf_value_type(conf, _text(command)) == CONF_TYPE_FILE)
    finally:
        library.conf_free(conf)
        library.err_clear()


@contextmanager
def commands(context: ssl.SSLContext) -> Iterator[Callable[[str, str], None]]:
    """Run commands of SSL_CONF_cmd(3), name and value, one after another; they take full effect when the block ends."""
    library = checked()
    pointer = context_pointer(context)
    conf = library.conf_new()
    library.err_clear()

    def run(name: str, value: str) -> None:
        if library.conf_cmd(conf, _text(name), _text(value)) <= 0:
            raise library.failure(f'SSL_CONF_cmd("{name}", "{value}")')

    try:
        library.conf_set_flags(conf, CONF_FLAGS)
        library.conf_set_ctx(conf, pointer)
        yield run
        if library.conf_finish(conf) != 1:
            raise library.failure("SSL_CONF_finish()")
    finally:
        library.conf_free(conf)
        library.err_clear()


def _text(text: str) -> bytes:
    encoded = text.encode(errors="surrogateescape")
    if b"\0" in encoded:
        raise ValueError("a word for OpenSSL holds a NUL")
    return encoded
