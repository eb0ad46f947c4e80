"""The check of Python's layout: right here, and refused without harm where it is not."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from certs import Authority
from clients import careless
from handshake import meet

import penstock
from penstock.shared.openssl import pointers
from penstock.shared.openssl.binding import NotAvailable
from penstock.shared.openssl.pointers import checked, connection_pointer, context_pointer, unavailable

PYTHONS = sorted({sys.executable, *(path for path in ("/usr/bin/python3",) if os.path.exists(path))})


def test_this_python_is_known() -> None:
    assert unavailable() == ""


@pytest.mark.parametrize("python", PYTHONS)
def test_the_systems_python_passes_the_check_or_says_why_not(python: str) -> None:
    code = "import sys; sys.version_info >= (3, 11) or sys.exit()\n"
    code += "from penstock.shared.openssl import pointers; print(pointers.unavailable())"
    command = [python, "-X", "faulthandler", "-c", code]
    source = str(Path(penstock.__file__).parent.parent)
    ended = subprocess.run(command, env={"PYTHONPATH": source}, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.strip() == ""


@pytest.mark.parametrize("offset", [-pointers.WORD, pointers.WORD, 2 * pointers.WORD, 4])
def test_another_layout_is_noticed_before_anything_is_called(monkeypatch: pytest.MonkeyPatch, offset: int) -> None:
    monkeypatch.setattr(pointers, "HEADER", pointers.HEADER + offset)
    assert "layout" in str(pointers._checked.__wrapped__())


def test_what_is_no_memory_of_ours_is_not_looked_at() -> None:
    for pointer in (0, 8, 0x7FFF_FFFF_F000_0000, 3):
        with pytest.raises(NotAvailable):
            pointers._check_structure(pointer, 1)


def test_a_structure_of_another_kind_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pointer = context_pointer(context)
    pointers._check_structure(pointer, checked().server_method())
    with pytest.raises(NotAvailable, match="layout"):
        pointers._check_structure(pointer, checked().client_method())


class Elsewhere:
    """A connection that keeps its context in another place."""

    __slots__ = ("first", "second", "third")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def test_a_connection_that_keeps_its_context_elsewhere_is_refused() -> None:
    with pytest.raises(NotAvailable, match="layout"):
        pointers._connection(Elsewhere())


def test_a_python_without_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pointers, "_checked", lambda: "a reason")
    assert unavailable() == "a reason"
    with pytest.raises(NotAvailable, match=r"^not available with this Python \(a reason\)$"):
        pointers.checked.__wrapped__()


def test_contexts_and_connections_are_told_apart() -> None:
    one, two = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert context_pointer(one) != context_pointer(two)
    checked().ctx_set_verify_depth(context_pointer(one), 7)
    assert checked().ctx_get_verify_depth(context_pointer(one)) == 7
    assert checked().ctx_get_verify_depth(context_pointer(two)) != 7


def test_a_connection_is_found_only_while_it_is_open(authority: Authority) -> None:
    server = authority.server("gate.test")
    met = meet(server, careless())
    found = connection_pointer(met.server)
    assert found
    assert checked().ssl_get_ctx(found) == context_pointer(server)
    waiting = server.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)
    assert connection_pointer(waiting) is None
    met.server._sslobj = None  # type: ignore[attr-defined]  # what closing a socket does
    assert connection_pointer(met.server) is None
