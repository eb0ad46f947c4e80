"""A call that failed, in nginx's words."""

from __future__ import annotations

import errno
import ssl

import pytest

from penstock.worker.failed_call import describe


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        ("recv", ConnectionResetError(errno.ECONNRESET, "x"), "recv() failed (104: Connection reset by peer)"),
        ("send", BrokenPipeError(errno.EPIPE, "x"), "send() failed (32: Broken pipe)"),
        ("send", OSError("no number"), "send() failed (5: Input/output error)"),
    ],
)
def test_a_failed_call_is_described_as_nginx_does(call: str, error: OSError, text: str) -> None:
    assert describe(call, error) == text


def test_a_failure_of_tls_is_described_by_its_reason() -> None:
    error = ssl.SSLError(1, "odd")
    error.reason = "WRONG_VERSION_NUMBER"
    assert describe("recv", error) == "SSL_read() failed (SSL: wrong version number)"
    assert describe("send", error) == "SSL_write() failed (SSL: wrong version number)"
