"""Bytes as a file: OpenSSL, as Python drives it, reads keys, bundles and parameters by path only.

The file lives in memory and is reachable through this process's own `/proc` entry alone, which works after
privileges were dropped and without a writable file system. It is gone when the block ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def memory_file(content: bytes) -> Iterator[str]:
    """The path of a file with this content, for as long as the block runs."""
    descriptor = os.memfd_create("penstock", os.MFD_CLOEXEC)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
