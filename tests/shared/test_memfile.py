"""Bytes that OpenSSL can read by path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from penstock.shared.memfile import memory_file


def test_the_file_holds_the_bytes() -> None:
    content = bytes(range(256)) * 1000
    with memory_file(content) as path:
        assert Path(path).read_bytes() == content


def test_no_descriptor_is_left_behind() -> None:
    before = os.listdir("/proc/self/fd")
    with pytest.raises(KeyError), memory_file(b"x"):
        raise KeyError
    assert os.listdir("/proc/self/fd") == before
