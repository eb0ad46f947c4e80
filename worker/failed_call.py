"""A system call that failed on a connection, in nginx's words."""

from __future__ import annotations

import errno
import os
import ssl

from ..shared.openssl.reasons import told


def describe(call: str, error: OSError) -> str:
    """nginx's form of a failed call: `recv() failed (104: Connection reset by peer)`."""
    if isinstance(error, ssl.SSLError):
        return f"SSL_{'read' if call == 'recv' else 'write'}() failed (SSL: {told(error)})"
    number = error.errno or errno.EIO
    return f"{call}() failed ({number}: {os.strerror(number)})"
