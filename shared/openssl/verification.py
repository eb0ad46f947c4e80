"""How clients and upstreams are verified, beyond Python's `ssl`: depth, names shown, `optional_no_ca`.

Callbacks that OpenSSL calls in a handshake are made once, by the master, and are never freed. Where memory may not be
writable and executable at once, libffi keeps them in a mapping that a fork shares: one made or freed afterwards in a
worker would be written over another worker's. Where clients are to be verified strictly, no Python takes part.
"""

from __future__ import annotations

import ctypes
import ssl
from ctypes import c_int, c_void_p
from functools import cache
from typing import Any, Final

from ..memfile import memory_file
from .binding import NotAvailable
from .pointers import checked, connection_pointer, context_pointer, unavailable

X509_V_OK: Final = 0
WITHOUT_AUTHORITY: Final = frozenset({2, 18, 19, 20, 21})
"""What nginx lets pass of a client whose authority is not known: UNABLE_TO_GET_ISSUER_CERT, _LOCALLY,
DEPTH_ZERO_SELF_SIGNED_CERT, SELF_SIGNED_CERT_IN_CHAIN, UNABLE_TO_VERIFY_LEAF_SIGNATURE."""

_Continue: Final = ctypes.CFUNCTYPE(c_int, c_int, c_void_p)
_Verify: Final = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)


def set_verify_depth(context: ssl.SSLContext, depth: int) -> None:
    """How many authorities may stand between the certificate and one that is trusted."""
    checked().ctx_set_verify_depth(context_pointer(context), min(depth, 2**31 - 1))


def show_authorities(context: ssl.SSLContext, authorities: bytes) -> None:
    """Tell clients the names of the authorities whose certificates are wanted; raises ValueError."""
    library = checked()
    pointer = context_pointer(context)
    library.err_clear()
    with memory_file(authorities) as path:
        names = library.load_client_ca_file(path.encode())
    if names is None:
        raise library.failure("SSL_load_client_CA_file()")
    library.ctx_set_client_ca_list(pointer, names)  # which owns them now
    library.err_clear()  # the end of the file was one


def accept_unknown_authorities(context: ssl.SSLContext) -> None:
    """Let a client in whose chain ends at no authority of ours; what else is wrong still ends the handshake."""
    context.verify_mode = ssl.CERT_OPTIONAL
    checked().ctx_set_cert_verify_callback(context_pointer(context), _callbacks()[0], None)


def verify_error(tls: ssl.SSLSocket | ssl.SSLObject) -> str:
    """What is wrong with the certificate of the other side, in OpenSSL's words; empty when nothing is."""
    pointer = None if unavailable() else connection_pointer(tls)
    if pointer is None:
        return ""
    library = checked()
    code = library.ssl_get_verify_result(pointer)
    return "" if code == X509_V_OK else str(library.verify_error_string(code).decode())


@cache
def _callbacks() -> tuple[Any, Any]:
    """Verifies a chain to its end and judges by the last error, as nginx does; and what goes on after any error."""
    library = checked()

    def judge(store: int, argument: int) -> int:
        del argument
        try:
            library.store_ctx_set_verify_cb(store, go_on)
            if library.verify_cert(store) <= 0:
                return 0
            return int(library.store_ctx_get_error(store) in (X509_V_OK, *WITHOUT_AUTHORITY))
        except BaseException:  # what a callback that raises would answer is whatever the stack holds
            return 0

    try:
        go_on = _Continue(lambda _ok, _store: 1)
        return _Verify(judge), go_on
    except MemoryError:  # libffi finds no memory that may be executed
        raise NotAvailable("it may not make callbacks") from None
