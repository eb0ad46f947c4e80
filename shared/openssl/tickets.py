"""The keys of session tickets (RFC 5077, section 4): nginx's files of 48 or 80 bytes, the first of which encrypts.

A file has the name of its key in 16 bytes, then for AES-128 the AES and the HMAC key, 16 bytes each, or for AES-256
the HMAC and the AES key, 32 bytes each. One of 80 bytes is what OpenSSL's own way of making tickets takes. Several, and
shorter ones, need a callback; see `verification` about those.
"""

from __future__ import annotations

import ctypes
import ssl
import weakref
from collections.abc import Sequence
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_ubyte, c_uint, c_void_p
from functools import cache
from typing import Any, Final

from .binding import NotAvailable
from .pointers import checked, context_pointer

SIZES: Final = (48, 80)
SET_TICKET_KEYS: Final = 59
"""SSL_CTRL_SET_TLSEXT_TICKET_KEYS."""
NAME: Final = 16
IV: Final = 16
TLS_1_3: Final = 0x0304
UTF8_STRING: Final = 4
OCTET_STRING: Final = 5
"""OSSL_PARAM_*."""
ERROR: Final = -1
UNKNOWN: Final = 0
GOOD: Final = 1
RENEW: Final = 2
"""The answers of the callback."""

_Callback: Final = ctypes.CFUNCTYPE(c_int, c_void_p, POINTER(c_ubyte), POINTER(c_ubyte), c_void_p, c_void_p, c_int)


class _Param(ctypes.Structure):
    """OSSL_PARAM(3)."""

    _fields_ = (
        ("key", c_char_p),
        ("data_type", c_uint),
        ("data", c_void_p),
        ("data_size", c_size_t),
        ("return_size", c_size_t),
    )


class _Key:
    """One key, in the form that OpenSSL takes."""

    def __init__(self, content: bytes) -> None:
        library = checked()
        self.name = content[:NAME]
        if len(content) == SIZES[0]:
            cipher, mac = content[16:32], content[32:48]
            self.cipher = library.aes_128_cbc()
        else:
            mac, cipher = content[16:48], content[48:80]
            self.cipher = library.aes_256_cbc()
        self.secret = (c_ubyte * len(cipher)).from_buffer_copy(cipher)
        self._mac = ctypes.create_string_buffer(mac, len(mac))
        self._digest = ctypes.create_string_buffer(b"SHA256")
        unset = ctypes.c_size_t(-1).value
        self.params = (_Param * 3)(
            _Param(b"key", OCTET_STRING, ctypes.addressof(self._mac), len(mac), unset),
            _Param(b"digest", UTF8_STRING, ctypes.addressof(self._digest), 6, unset),
            _Param(None, 0, None, 0, 0),
        )


_KEYS: Final[dict[int, tuple[_Key, ...]]] = {}
"""By `SSL_CTX *`: one callback serves all contexts."""


def set_ticket_keys(context: ssl.SSLContext, keys: Sequence[bytes]) -> None:
    """Encrypt tickets with the first key and take those of all; raises ValueError."""
    if not keys or any(len(key) not in SIZES for key in keys):
        raise ValueError(f"a ticket key has {SIZES[0]} or {SIZES[1]} bytes")
    library = checked()
    pointer = context_pointer(context)
    library.err_clear()
    if len(keys) == 1 and len(keys[0]) == SIZES[1]:
        if library.ctx_ctrl(pointer, SET_TICKET_KEYS, SIZES[1], keys[0]) != 1:
            raise library.failure("SSL_CTX_set_tlsext_ticket_keys()")
        return
    _KEYS[pointer] = tuple(_Key(key) for key in keys)
    weakref.finalize(context, _KEYS.pop, pointer, None).atexit = False
    if library.ctx_set_ticket_callback(pointer, _callback()) != 1:
        raise library.failure("SSL_CTX_set_tlsext_ticket_key_evp_cb()")


def _place(keys: Sequence[_Key], name: bytes) -> int | None:
    return next((place for place, known in enumerate(keys) if known.name == name), None)


@cache
def _callback() -> Any:
    """SSL_CTX_set_tlsext_ticket_key_evp_cb(3)."""
    library = checked()

    def answer(tls: int, name: Any, iv: Any, cipher: int, mac: int, encrypts: int) -> int:
        try:
            keys = _KEYS[library.ssl_get_ctx(tls)]
            place = 0 if encrypts else _place(keys, ctypes.string_at(name, NAME))
            if place is None:
                return UNKNOWN
            if encrypts:
                ctypes.memmove(name, keys[0].name, NAME)
                if library.rand_bytes(iv, IV) != 1:
                    return ERROR
            key = keys[place]
            init = library.encrypt_init if encrypts else library.decrypt_init
            if init(cipher, key.cipher, None, key.secret, iv) != 1 or library.mac_set_params(mac, key.params) != 1:
                return ERROR
            renew = not encrypts and (place or library.ssl_version(tls) == TLS_1_3)
            return RENEW if renew else GOOD
        except BaseException:  # what a callback that raises would answer is whatever the stack holds
            return ERROR

    try:
        return _Callback(answer)
    except MemoryError:  # libffi finds no memory that may be executed
        raise NotAvailable("it may not make callbacks") from None
