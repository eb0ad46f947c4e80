"""OpenSSL's errors as text."""

from __future__ import annotations

import ssl

import pytest

from penstock.shared.openssl.reasons import told


def error(reason: str | None, library: str | None = "SSL") -> ssl.SSLError:
    """An error as Python raises it."""
    made = ssl.SSLError(1, f"[{library}: {reason}] a text (_ssl.c:1006)")
    made.reason, made.library = reason, library  # type: ignore[assignment]  # None where OpenSSL has none
    return made


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("HTTP_REQUEST", "error:0A00009C:SSL routines::http request"),
        ("NO_APPLICATION_PROTOCOL", "error:0A0000EB:SSL routines::no application protocol"),
        ("TLSV1_ALERT_UNKNOWN_CA", "error:0A000418:SSL routines::tlsv1 alert unknown ca:SSL alert number 48"),
        ("SOMETHING_NEW", "something new"),
    ],
)
def test_an_error_is_written_as_openssl_does(reason: str, text: str) -> None:
    assert told(error(reason)) == text


def test_other_libraries_keep_their_words() -> None:
    assert told(error("HTTP_REQUEST", "X509")) == "http request"
    assert told(error(None, None)).endswith("a text (_ssl.c:1006)")
