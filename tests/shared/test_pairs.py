"""Certificates and keys, good and bad."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest
from certs import Authority, Pair
from cryptography.hazmat.primitives import serialization
from handshake import meet
from needs import program, requires

from penstock.shared import pairs
from penstock.shared.model.tls import KeyPair
from penstock.shared.model.where import Where
from penstock.shared.pairs import key_type, load, localhost_pairs, read_pair, self_signed


def read(pair: Pair, *passwords: bytes) -> KeyPair:
    return read_pair(pair.crt.read_bytes(), pair.key.read_bytes(), "a.crt", "a.key", passwords, Where("c", 3))


def encrypted(key: Path, password: bytes) -> bytes:
    plain = serialization.load_pem_private_key(key.read_bytes(), None)
    return plain.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password),
    )


@pytest.fixture
def pair(authority: Authority) -> Pair:
    return authority.issue("a.example")


def test_a_good_pair_tells_its_subject_its_end_and_its_place(pair: Pair) -> None:
    found = read(pair)
    assert "CN=" in found.subject or "O=" in found.subject
    assert found.not_after > 1_700_000_000
    assert (found.certificate_path, found.key_path, found.where) == ("a.crt", "a.key", Where("c", 3))


def test_the_key_is_not_in_the_repr(pair: Pair) -> None:
    assert "PRIVATE" not in repr(read(pair))


def test_a_key_of_another_certificate_is_refused(pair: Pair, authority: Authority) -> None:
    other = authority.issue("b.example")
    with pytest.raises(
        ValueError, match=r'^SSL_CTX_use_PrivateKey\("a.key"\) failed \(key values mismatch with "a.crt"'
    ):
        read(Pair(pair.crt, other.key))


def test_a_key_of_another_type_is_refused(pair: Pair, authority: Authority) -> None:
    other = authority.issue("b.example", rsa=True)
    with pytest.raises(ValueError, match=r'^SSL_CTX_use_PrivateKey\("a.key"\) failed \(key type mismatch'):
        read(Pair(pair.crt, other.key))


def test_a_certificate_file_without_certificate_has_no_start_line(pair: Pair) -> None:
    with pytest.raises(ValueError, match=r'^cannot load certificate "a.crt": .*no start line'):
        read(Pair(pair.key, pair.key))


def test_a_key_file_without_key_has_no_start_line(pair: Pair) -> None:
    with pytest.raises(ValueError, match=r'^cannot load certificate key "a.key": .*no start line'):
        read(Pair(pair.crt, pair.crt))


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(ValueError, match="no start line"):
        read_pair(b"", b"", "a.crt", "a.key", (), Where("c", 3))


def test_damaged_base64_is_refused_in_one_line(pair: Pair) -> None:
    damaged = pair.crt.read_bytes().replace(b"MII", b"!!!", 1)
    with pytest.raises(ValueError, match=r'^cannot load certificate "a.crt": .*\)$'):
        read_pair(damaged, pair.key.read_bytes(), "a.crt", "a.key", (), Where("c", 3))


def test_a_damaged_chain_is_refused(pair: Pair) -> None:
    damaged = pair.crt.read_bytes() + b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    with pytest.raises(ValueError, match=r'^cannot load certificate "a.crt"'):
        read_pair(damaged, pair.key.read_bytes(), "a.crt", "a.key", (), Where("c", 3))


def test_a_damaged_key_is_refused(pair: Pair) -> None:
    key = b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"
    with pytest.raises(ValueError, match=r"a\.key"):
        read_pair(pair.crt.read_bytes(), key, "a.crt", "a.key", (), Where("c", 3))


def test_an_encrypted_key_opens_with_any_of_the_passwords(pair: Pair) -> None:
    key = encrypted(pair.key, b"open sesame")
    found = read_pair(pair.crt.read_bytes(), key, "a.crt", "a.key", (b"wrong", b"open sesame"), Where("c", 3))
    load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), found)


@pytest.mark.parametrize(("passwords", "words"), [((), "bad password read"), ((b"wrong",), "bad decrypt")])
def test_an_encrypted_key_without_its_password_is_refused(pair: Pair, passwords: tuple[bytes, ...], words: str) -> None:
    key = encrypted(pair.key, b"open sesame")
    with pytest.raises(ValueError, match=rf'^cannot load certificate key "a.key": .*{words}'):
        read_pair(pair.crt.read_bytes(), key, "a.crt", "a.key", passwords, Where("c", 3))


def test_one_file_may_hold_certificate_and_key(pair: Pair) -> None:
    both = pair.crt.read_bytes() + pair.key.read_bytes()
    assert read_pair(both, both, "a.pem", "a.pem", (), Where("c", 3)).not_after


@requires("openssl")
def test_a_key_preceded_by_its_curve_is_read(tmp_path: Path) -> None:
    key = tmp_path / "k"
    crt = tmp_path / "c"
    openssl = program("openssl")
    subprocess.run([openssl, "ecparam", "-name", "prime256v1", "-genkey", "-out", key], check=True)
    request = [openssl, "req", "-x509", "-key", str(key), "-subj", "/CN=x", "-out", str(crt)]
    subprocess.run(request, check=True, capture_output=True)
    assert key.read_bytes().startswith(b"-----BEGIN EC PARAMETERS")
    assert read(Pair(crt, key)).subject == "CN=x"


@requires("openssl")
def test_a_key_too_small_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "k"
    crt = tmp_path / "c"
    request = [program("openssl"), "req", "-x509", "-newkey", "rsa:512", "-nodes", "-subj", "/CN=x"]
    subprocess.run([*request, "-keyout", str(key), "-out", str(crt)], check=True, capture_output=True)
    with pytest.raises(ValueError, match=r'^SSL_CTX_use_certificate\("a.crt"\) failed \(ee key too small\)'):
        read(Pair(crt, key))


def test_types_of_keys_are_told_apart(authority: Authority) -> None:
    assert key_type(read(authority.issue("a.example"))) == "ecdsa"
    assert key_type(read(authority.issue("a.example", rsa=True))) == "rsa"


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_a_self_signed_pair_serves_its_names(kind: pairs.Kind) -> None:
    pair = self_signed(("gateway.localhost", "127.0.0.1", "::1"), kind)
    assert pair.subject == "CN=gateway.localhost"
    assert key_type(pair) == kind
    assert read_pair(pair.certificate, pair.key, "a", "b").not_after == pair.not_after
    client = ssl.create_default_context(cadata=pair.certificate.decode())
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load(server, pair)
    for name in ("gateway.localhost", "127.0.0.1", "::1"):
        meet(server, client, name)


def test_the_default_certificate_is_made_once() -> None:
    assert localhost_pairs() is localhost_pairs()
    assert [key_type(pair) for pair in localhost_pairs()] == ["ecdsa", "rsa"]
    assert {pair.subject for pair in localhost_pairs()} == {"CN=localhost"}
