"""OpenSSL's functions, out of the library that Python's `_ssl` module is linked to.

`dlopen` of the extension that is already loaded finds what it was linked with, so that these are the same functions,
and the same version, that made the objects they are called on. A copy that hides its symbols, as statically linked
ones do, is found out here.
"""

from __future__ import annotations

import ctypes
import ssl
import sys
from collections.abc import Callable
from ctypes import POINTER, c_char_p, c_int, c_long, c_size_t, c_uint64, c_ulong, c_void_p
from functools import cache
from typing import Any, Final

TEXT_STRING: Final = 0x02
"""ERR_TXT_STRING: an error has a text beside its reason."""
VERSION_TEXT: Final = 0
"""OPENSSL_VERSION."""

Function = Callable[..., Any]


class NotAvailable(ValueError):
    """This Python does not let us at OpenSSL; the text says why."""

    def __init__(self, why: str) -> None:
        super().__init__(f"not available with this Python ({why})")
        self.why = why


class Library:
    """The functions, each with the types that OpenSSL 3 declares; raises NotAvailable where one is missing."""

    def __init__(self, handle: ctypes.CDLL) -> None:
        self._handle = handle
        pointer = c_void_p
        self.version_num = self._find("OpenSSL_version_num", c_ulong)
        self.version = self._find("OpenSSL_version", c_char_p, c_int)
        self.err_clear = self._find("ERR_clear_error", None)
        self.err_get_all = self._find(
            "ERR_get_error_all",
            c_ulong,
            POINTER(c_char_p),
            POINTER(c_int),
            POINTER(c_char_p),
            POINTER(c_char_p),
            POINTER(c_int),
        )
        self.err_string = self._find("ERR_error_string_n", None, c_ulong, c_char_p, c_size_t)

        self.server_method = self._find("TLS_server_method", pointer)
        self.client_method = self._find("TLS_client_method", pointer)
        self.ctx_ctrl = self._find("SSL_CTX_ctrl", c_long, pointer, c_int, c_long, c_void_p)
        self.ctx_get_options = self._find("SSL_CTX_get_options", c_uint64, pointer)
        self.ctx_get_num_tickets = self._find("SSL_CTX_get_num_tickets", c_size_t, pointer)
        self.ctx_get_verify_mode = self._find("SSL_CTX_get_verify_mode", c_int, pointer)
        self.ctx_get_verify_depth = self._find("SSL_CTX_get_verify_depth", c_int, pointer)
        self.ctx_set_verify_depth = self._find("SSL_CTX_set_verify_depth", None, pointer, c_int)
        self.ctx_get_timeout = self._find("SSL_CTX_get_timeout", c_long, pointer)
        self.ctx_set_timeout = self._find("SSL_CTX_set_timeout", c_long, pointer, c_long)
        self.ctx_set_id_context = self._find("SSL_CTX_set_session_id_context", c_int, pointer, c_char_p, ctypes.c_uint)
        self.load_client_ca_file = self._find("SSL_load_client_CA_file", pointer, c_char_p)
        self.ctx_set_client_ca_list = self._find("SSL_CTX_set_client_CA_list", None, pointer, pointer)
        self.ctx_set_cert_verify_callback = self._find(
            "SSL_CTX_set_cert_verify_callback", None, pointer, pointer, pointer
        )
        self.ctx_set_ticket_callback = self._find("SSL_CTX_set_tlsext_ticket_key_evp_cb", c_int, pointer, pointer)

        self.conf_new = self._find("SSL_CONF_CTX_new", pointer)
        self.conf_free = self._find("SSL_CONF_CTX_free", None, pointer)
        self.conf_set_flags = self._find("SSL_CONF_CTX_set_flags", ctypes.c_uint, pointer, ctypes.c_uint)
        self.conf_set_ctx = self._find("SSL_CONF_CTX_set_ssl_ctx", None, pointer, pointer)
        self.conf_value_type = self._find("SSL_CONF_cmd_value_type", c_int, pointer, c_char_p)
        self.conf_cmd = self._find("SSL_CONF_cmd", c_int, pointer, c_char_p, c_char_p)
        self.conf_finish = self._find("SSL_CONF_CTX_finish", c_int, pointer)

        self.store_ctx_set_verify_cb = self._find("X509_STORE_CTX_set_verify_cb", None, pointer, pointer)
        self.store_ctx_get_error = self._find("X509_STORE_CTX_get_error", c_int, pointer)
        self.verify_cert = self._find("X509_verify_cert", c_int, pointer)
        self.verify_error_string = self._find("X509_verify_cert_error_string", c_char_p, c_long)

        self.ssl_ctrl = self._find("SSL_ctrl", c_long, pointer, c_int, c_long, c_void_p)
        self.ssl_get_ctx = self._find("SSL_get_SSL_CTX", pointer, pointer)
        self.ssl_get_verify_mode = self._find("SSL_get_verify_mode", c_int, pointer)
        self.ssl_get_version = self._find("SSL_get_version", c_char_p, pointer)
        self.ssl_version = self._find("SSL_version", c_int, pointer)
        self.ssl_get_verify_result = self._find("SSL_get_verify_result", c_long, pointer)
        self.cipher_find = self._find("SSL_CIPHER_find", pointer, pointer, pointer)
        self.cipher_name = self._find("SSL_CIPHER_get_name", c_char_p, pointer)
        self.nid_name = self._find("OBJ_nid2sn", c_char_p, c_int)

        self.rand_bytes = self._find("RAND_bytes", c_int, pointer, c_int)
        self.aes_128_cbc = self._find("EVP_aes_128_cbc", pointer)
        self.aes_256_cbc = self._find("EVP_aes_256_cbc", pointer)
        cipher_init = (pointer, pointer, pointer, pointer, pointer)
        self.encrypt_init = self._find("EVP_EncryptInit_ex", c_int, *cipher_init)
        self.decrypt_init = self._find("EVP_DecryptInit_ex", c_int, *cipher_init)
        self.mac_set_params = self._find("EVP_MAC_CTX_set_params", c_int, pointer, pointer)

    def _find(self, name: str, result: Any, *arguments: Any) -> Function:
        try:
            found = self._handle[name]  # an object of our own: other users of the library keep their declarations
        except AttributeError:
            raise NotAvailable(f"its OpenSSL has no {name}") from None
        found.restype = result
        found.argtypes = arguments
        return found

    def failure(self, call: str) -> ValueError:
        """nginx's sentence for a call that failed, with all that OpenSSL has to say; its queue is empty afterwards."""
        told = []
        file, function, data = c_char_p(), c_char_p(), c_char_p()
        line, flags = c_int(), c_int()
        while code := self.err_get_all(file, line, function, data, flags):
            buffer = ctypes.create_string_buffer(256)
            self.err_string(code, buffer, len(buffer))
            text = buffer.value.decode(errors="replace")
            if flags.value & TEXT_STRING and data.value:
                text += ":" + data.value.decode(errors="replace")
            told.append(" ".join(text.split()))
        return ValueError(f"{call} failed" + (f" (SSL: {' '.join(told)})" if told else ""))


@cache
def load() -> Library:
    """The library; raises NotAvailable unless it is the one that `ssl` speaks of."""
    if sys.implementation.name != "cpython" or not sys.platform.startswith("linux"):
        raise NotAvailable(f"{sys.implementation.name} on {sys.platform}")
    if ssl.OPENSSL_VERSION_INFO[0] < 3:
        raise NotAvailable(f"{ssl.OPENSSL_VERSION} is older than OpenSSL 3")
    import _ssl

    library = Library(ctypes.CDLL(getattr(_ssl, "__file__", None)))
    if library.version_num() != ssl.OPENSSL_VERSION_NUMBER:
        raise NotAvailable("another OpenSSL is in the way")
    if library.version(VERSION_TEXT).decode() != ssl.OPENSSL_VERSION:
        raise NotAvailable("another OpenSSL is in the way")
    return library
