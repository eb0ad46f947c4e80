"""The library is the one that `ssl` speaks of."""

from __future__ import annotations

import ctypes
import ssl
import sys

import pytest

from penstock.shared.openssl import binding
from penstock.shared.openssl.binding import Library, NotAvailable, load


def test_it_is_the_version_that_ssl_names() -> None:
    assert load().version_num() == ssl.OPENSSL_VERSION_NUMBER


def test_a_library_without_openssls_functions_is_not_available() -> None:
    with pytest.raises(NotAvailable, match=r"^not available with this Python \(its OpenSSL has no OpenSSL_version_num"):
        Library(ctypes.CDLL("libm.so.6"))


@pytest.mark.parametrize(
    ("module", "name", "value", "why"),
    [
        (ssl, "OPENSSL_VERSION_INFO", (1, 1, 1, 23, 15), "is older than OpenSSL 3"),
        (ssl, "OPENSSL_VERSION_NUMBER", 0x30000000, "another OpenSSL is in the way"),
        (ssl, "OPENSSL_VERSION", "OpenSSL 3.0.0", "another OpenSSL is in the way"),
        (sys, "platform", "win32", "cpython on win32"),
    ],
)
def test_another_version_or_system_is_not_available(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, value: object, why: str
) -> None:
    monkeypatch.setattr(module, name, value)
    with pytest.raises(NotAvailable, match=why):
        binding.load.__wrapped__()


def test_a_failure_tells_all_that_openssl_says_and_empties_its_queue() -> None:
    openssl = load()
    assert openssl.load_client_ca_file(b"/nowhere/ca.pem") is None
    text = str(openssl.failure("call()"))
    assert text.startswith(
        "call() failed (SSL: error:80000002:system library::No such file or directory:calling fopen("
    )
    assert str(openssl.failure("call()")) == "call() failed"
