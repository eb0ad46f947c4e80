"""`ssl_password_file`: several passwords, CRLF, and a FIFO that gives its text once; the same on nginx and on Penstock."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from certs import Authority, Pair
from clients import connect, connect_tls, read_all
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from oracle import PROGRAMS, oracle

CONFIG = """
stream {
    ssl_password_file %%PASSWORDS%%;
    server { listen 127.0.0.1:%%PORT_a%% ssl; ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; ssl_client_certificate %%CA%%; ssl_verify_client optional; return "$ssl_client_verify"; }
    server { listen 127.0.0.1:%%PORT_b%%; proxy_pass 127.0.0.1:%%PORT_a%%; proxy_ssl on; proxy_ssl_certificate %%CRT%%; proxy_ssl_certificate_key %%KEY%%; proxy_ssl_password_file %%PLAIN%%; }
}
"""
PASSWORDS = b"wrong\r\nright\r\n"


def encrypted(pair: Pair, directory: Path) -> Path:
    """The key under a password."""
    key = load_pem_private_key(pair.key.read_bytes(), None)
    file = directory / "encrypted.key"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"right"))
    )
    return file


def write_once(fifo: Path) -> None:
    """Give the passwords to whoever opens the FIFO first; a second reader would wait for ever."""
    with open(fifo, "wb") as writer:
        writer.write(PASSWORDS)


@pytest.mark.parametrize("program", PROGRAMS)
def test_passwords_come_from_a_fifo(program: str, tmp_path: Path, authority: Authority) -> None:
    pair = authority.issue("client.test")
    key = encrypted(pair, tmp_path)
    fifo, plain = tmp_path / "fifo", tmp_path / "passwords"
    os.mkfifo(fifo, 0o600)
    plain.write_bytes(PASSWORDS.replace(b"\r", b""))
    writer = threading.Thread(target=write_once, args=(fifo,), daemon=True)
    writer.start()
    with oracle(
        program, tmp_path, CONFIG, PASSWORDS=fifo, PLAIN=plain, CRT=pair.crt, KEY=key, CA=authority.file
    ) as daemon:
        with connect_tls(daemon.port("a"), authority.client(), "client.test") as client:
            assert read_all(client) == b"NONE"
        with connect(daemon.port("b")) as client:
            assert read_all(client) == b"SUCCESS"
    writer.join(5)
    assert not writer.is_alive()
