"""Contexts made of settings, met by real clients; tickets across real forks."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from certs import Authority
from clients import s_client
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from handshake import OLD, client, filled, key_pair, meet
from needs import program, requires
from peers import Peer, echo

from penstock.shared import tls_contexts
from penstock.shared.errors import ConfigError
from penstock.shared.hello import ClientHello
from penstock.shared.model.tls import ConfCommand, KeyPair, ServerTls, UpstreamTls
from penstock.shared.model.where import NOWHERE
from penstock.shared.tls_contexts import alpn_acceptable, blank, fill, upstream_context


@pytest.fixture
def pair(authority: Authority) -> KeyPair:
    return key_pair(authority, "a.example")


@pytest.fixture
def ca(authority: Authority) -> bytes:
    return authority.file.read_bytes()


def speaks(context: ssl.SSLContext, protocol: str) -> bool:
    try:
        return meet(context, client(protocol)).client.version() == protocol
    except ssl.SSLError:
        return False


# protocols and ciphers


@pytest.mark.parametrize(
    "protocols",
    [
        {"TLSv1.2", "TLSv1.3"},
        {"TLSv1.3"},
        {"TLSv1.2"},
        {"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"},
        {"TLSv1", "TLSv1.2"},
        {"TLSv1.1", "TLSv1.3"},
        {"TLSv1", "TLSv1.3"},
        {"SSLv2", "SSLv3", "TLSv1"},
    ],
    ids=lambda protocols: "+".join(sorted(protocols)),
)
def test_exactly_the_protocols_named_are_spoken(pair: KeyPair, protocols: set[str]) -> None:
    context = filled(ServerTls(pairs=(pair,), protocols=frozenset(protocols), ciphers=OLD))
    spoken = {word for word in ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3") if speaks(context, word)}
    assert spoken == protocols - {"SSLv2", "SSLv3"}


def test_old_protocols_need_a_security_level_as_in_nginx(pair: KeyPair) -> None:
    context = filled(ServerTls(pairs=(pair,), protocols=frozenset({"TLSv1"})))
    assert not speaks(context, "TLSv1")


def test_ciphers_are_those_named(pair: KeyPair) -> None:
    context = filled(ServerTls(pairs=(pair,), ciphers="ECDHE-ECDSA-CHACHA20-POLY1305"))
    cipher = meet(context, client("TLSv1.2")).client.cipher()
    assert cipher is not None
    assert cipher[0] == "ECDHE-ECDSA-CHACHA20-POLY1305"


@pytest.mark.parametrize("prefer", [False, True])
def test_whose_order_of_ciphers_counts(pair: KeyPair, prefer: bool) -> None:
    ours, theirs = "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"
    context = filled(ServerTls(pairs=(pair,), ciphers=f"{ours}:{theirs}", prefer_server_ciphers=prefer))
    cipher = meet(context, client("TLSv1.2", f"{theirs}:{ours}")).client.cipher()
    assert cipher is not None
    assert cipher[0] == (ours if prefer else theirs)


@requires("openssl")
@pytest.mark.parametrize(("curve", "group"), [("secp384r1", "secp384r1"), ("P-521", "secp521r1"), ("x25519", "X25519")])
def test_the_curve_is_the_one_named(pair: KeyPair, curve: str, group: str) -> None:
    context = filled(ServerTls(pairs=(pair,), ecdh_curve=curve))
    with Peer(echo, tls=context) as peer:
        assert re.search(rf"Server Temp Key: .*\b{group}\b", s_client(peer.port))


@requires("openssl")
def test_finite_field_parameters_are_taken(authority: Authority) -> None:
    tls = ServerTls(pairs=(key_pair(authority, "a.example", rsa=True),), ciphers="DHE-RSA-AES128-GCM-SHA256")
    command = [program("openssl"), "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048"]
    parameters = subprocess.run(command, check=True, capture_output=True).stdout
    with pytest.raises(ssl.SSLError):
        meet(filled(tls), client("TLSv1.2"))
    cipher = meet(filled(replace(tls, dhparam=parameters)), client("TLSv1.2")).client.cipher()
    assert cipher is not None
    assert cipher[0] == "DHE-RSA-AES128-GCM-SHA256"


@requires("openssl")
def test_clients_may_not_renegotiate(pair: KeyPair) -> None:
    with Peer(echo, tls=filled(ServerTls(pairs=(pair,)))) as peer:
        said = s_client(peer.port, "-tls1_2", send=b"R\n", until="no renegotiation")
    assert "RENEGOTIATING" in said
    assert "no renegotiation" in said


def test_each_client_gets_the_type_of_key_it_can_use(authority: Authority) -> None:
    both = (key_pair(authority, "a.example"), key_pair(authority, "a.example", rsa=True))
    context = filled(ServerTls(pairs=both))
    for algorithm in ("ECDSA", "RSA"):
        cipher = meet(context, client("TLSv1.2", f"ECDHE-{algorithm}-AES128-GCM-SHA256")).client.cipher()
        assert cipher is not None
        assert algorithm in cipher[0]


def test_the_chain_is_presented(pair: KeyPair, authority: Authority) -> None:
    met = meet(filled(ServerTls(pairs=(pair,))), authority.client(), "a.example")
    assert met.client.getpeercert()


# ALPN


def test_alpn_follows_the_servers_order(pair: KeyPair) -> None:
    context = filled(ServerTls(pairs=(pair,), alpn=("one", "two")))
    offer = upstream_context(UpstreamTls(alpn=("two", "one")))
    assert meet(context, offer).server.selected_alpn_protocol() == "one"


@pytest.mark.parametrize(
    ("ours", "theirs", "acceptable"),
    [
        ((), (), True),
        ((), ("h2",), True),
        (("h2",), (), True),
        (("a", "h2"), ("h2", "b"), True),
        (("a",), ("b",), False),
    ],
)
def test_only_alpn_without_overlap_is_unacceptable(
    ours: tuple[str, ...], theirs: tuple[str, ...], acceptable: bool
) -> None:
    hello = ClientHello(None, theirs, 0x0303, ())
    assert alpn_acceptable(ServerTls(alpn=ours), hello) is acceptable


@requires("openssl")
@pytest.mark.parametrize(
    ("alert", "flags", "words"),
    [
        (tls_contexts.NO_APPLICATION_PROTOCOL, (), "no application protocol"),
        (tls_contexts.NO_APPLICATION_PROTOCOL, ("-tls1", "-cipher", OLD), "no application protocol"),
        (tls_contexts.UNRECOGNIZED_NAME, ("-servername", "x"), "unrecognized name"),
    ],
    ids=("alpn", "alpn of TLS 1.0", "name"),
)
def test_alerts_are_understood_by_openssl(alert: bytes, flags: tuple[str, ...], words: str) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(alert)

    with Peer(answer) as peer:
        assert words in s_client(peer.port, *flags)


# client certificates


@pytest.mark.parametrize("protocol", ["TLSv1.2", "TLSv1.3"])
def test_a_required_client_certificate_is_required(pair: KeyPair, ca: bytes, protocol: str) -> None:
    context = filled(ServerTls(pairs=(pair,), verify_client="on", client_ca=ca))
    with pytest.raises(ssl.SSLError):
        meet(context, client(protocol))
    assert meet(context, client(protocol, certificate=pair)).server.getpeercert()


def test_an_optional_client_certificate_may_be_missing_but_not_be_a_strangers(
    pair: KeyPair, ca: bytes, stranger: KeyPair
) -> None:
    context = filled(ServerTls(pairs=(pair,), verify_client="optional", client_ca=ca))
    assert meet(context, client()).server.getpeercert() is None
    assert meet(context, client(certificate=pair)).server.getpeercert()
    with pytest.raises(ssl.SSLError):
        meet(context, client(certificate=stranger))


def test_a_ca_that_is_only_trusted_lets_clients_in_too(pair: KeyPair, ca: bytes, stranger: KeyPair) -> None:
    tls = ServerTls(pairs=(pair,), verify_client="on", client_ca=stranger.certificate, trusted_ca=ca)
    assert meet(filled(tls), client(certificate=pair)).server.getpeercert()


def test_a_revoked_client_is_kept_out(pair: KeyPair, ca: bytes, authority: Authority) -> None:
    revoked = key_pair(authority, "revoked.example")
    tls = ServerTls(pairs=(pair,), verify_client="on", client_ca=ca)
    assert meet(filled(tls), client(certificate=revoked)).server.getpeercert()
    context = filled(replace(tls, crl=revocation_list(authority, revoked)))
    assert meet(context, client(certificate=pair)).server.getpeercert()
    with pytest.raises(ssl.SSLError, match="revoked"):
        meet(context, client(certificate=revoked))


@pytest.fixture
def stranger(tmp_path: Path) -> KeyPair:
    return key_pair(Authority(tmp_path), "stranger.example")


def revocation_list(authority: Authority, *revoked: KeyPair) -> bytes:
    issuer = x509.load_pem_x509_certificate(authority.ca.cert_pem.bytes())
    key = serialization.load_pem_private_key(authority.ca.private_key_pem.bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    start, end = issuer.not_valid_before_utc, issuer.not_valid_after_utc
    builder = x509.CertificateRevocationListBuilder(issuer.subject, start, end)
    for pair in revoked:
        serial = x509.load_pem_x509_certificate(pair.certificate).serial_number
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder(serial, start).build())
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


# what is refused


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pairs": ()}, 'no "ssl_certificate" is defined'),
        ({"ciphers": "NONSENSE"}, 'SSL_CTX_set_cipher_list\\("NONSENSE"\\) failed \\(no cipher match\\)'),
        ({"protocols": frozenset({"SSLv3"})}, "no protocol that OpenSSL speaks is among SSLv3"),
        ({"ecdh_curve": "nonsense"}, 'SSL_CTX_set1_curves_list\\("nonsense"\\) failed'),
        ({"ecdh_curve": "X25519:nonsense"}, 'SSL_CTX_set1_curves_list\\("X25519:nonsense"\\) failed'),
        ({"conf_commands": (ConfCommand("Foo", "x"),)}, 'SSL_CONF_cmd\\("Foo", "x"\\) failed .*unknown cmd name'),
        ({"key_log": "/nowhere/keys"}, 'open\\(\\) "/nowhere/keys" failed \\(2: No such file or directory\\)'),
        ({"dhparam": b"nonsense"}, r"PEM_read_bio_DHparams\(\) failed \("),
        ({"verify_client": "on"}, 'no "ssl_client_certificate" for "ssl_verify_client"'),
        ({"verify_client": "on", "client_ca": b"nonsense"}, r"SSL_CTX_load_verify_locations\(\) failed \("),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_openssl_refuses_is_a_configuration_error(pair: KeyPair, change: dict[str, Any], words: str) -> None:
    where = NOWHERE if "conf_commands" in change else None if change == {"pairs": ()} else pair.where
    with pytest.raises(ConfigError, match=f"^{words}") as caught:
        fill(blank(), replace(ServerTls(pairs=(pair,)), **change))
    assert caught.value.where == where
    assert "\n" not in str(caught.value)


# what only OpenSSL's own interface sets


@pytest.mark.parametrize("depth", [0, 1])
def test_chains_of_clients_and_upstreams_have_a_depth(
    pair: KeyPair, ca: bytes, authority: Authority, depth: int
) -> None:
    leaf = authority.ca.create_child_ca().issue_cert("deep.example")
    chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
    deep = replace(pair, certificate=chain, key=leaf.private_key_pem.bytes())
    server = filled(ServerTls(pairs=(pair,), verify_client="on", client_ca=ca, verify_depth=depth))
    verifying = upstream_context(UpstreamTls(verify=True, trusted_ca=ca, verify_depth=depth))
    for ours, theirs in ((server, client(certificate=deep)), (filled(ServerTls(pairs=(deep,))), verifying)):
        if depth:
            assert meet(ours, theirs)
            continue
        with pytest.raises(ssl.SSLError):
            meet(ours, theirs)


def test_commands_come_last_and_may_bring_files(pair: KeyPair, authority: Authority) -> None:
    rsa = key_pair(authority, "a.example", rsa=True)
    commands = (
        ConfCommand("Certificate", "rsa.crt", rsa.certificate),
        ConfCommand("PrivateKey", "rsa.key", rsa.key),
        ConfCommand("Protocol", "-TLSv1.3"),
    )
    context = filled(ServerTls(pairs=(pair,), conf_commands=commands))
    assert not speaks(context, "TLSv1.3")
    cipher = meet(context, client("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")).client.cipher()
    assert cipher is not None


def test_secrets_are_logged_for_their_owner_only(pair: KeyPair, tmp_path: Path) -> None:
    files = [tmp_path / "server", tmp_path / "client"]
    context = filled(ServerTls(pairs=(pair,), key_log=str(files[0])))
    meet(context, upstream_context(UpstreamTls(key_log=str(files[1]))))
    secrets = [{line for line in file.read_text().splitlines() if line[0] != "#"} for file in files]
    assert secrets[0] == secrets[1] != set()
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


# the upstream's side


def test_an_upstream_is_verified_against_the_trusted_ca(pair: KeyPair, ca: bytes, stranger: KeyPair) -> None:
    verifying = upstream_context(UpstreamTls(verify=True, trusted_ca=ca))
    assert meet(filled(ServerTls(pairs=(pair,))), verifying).client.getpeercert()
    with pytest.raises(ssl.SSLCertVerificationError):
        meet(filled(ServerTls(pairs=(stranger,))), verifying)


def test_an_upstream_that_is_not_verified_may_be_anyone(stranger: KeyPair) -> None:
    assert meet(filled(ServerTls(pairs=(stranger,))), upstream_context(UpstreamTls()), "any.example")


def test_a_revoked_upstream_is_refused(pair: KeyPair, ca: bytes, authority: Authority) -> None:
    verifying = upstream_context(UpstreamTls(verify=True, trusted_ca=ca, crl=revocation_list(authority, pair)))
    with pytest.raises(ssl.SSLCertVerificationError, match="revoked"):
        meet(filled(ServerTls(pairs=(pair,))), verifying)


def test_an_upstream_may_ask_for_our_certificate(pair: KeyPair, ca: bytes) -> None:
    context = filled(ServerTls(pairs=(pair,), verify_client="on", client_ca=ca))
    assert meet(context, upstream_context(UpstreamTls(pair=pair)))


def test_the_systems_authorities_stand_in_for_a_trusted_ca(pair: KeyPair) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        meet(filled(ServerTls(pairs=(pair,))), upstream_context(UpstreamTls(verify=True)))


def test_a_name_is_sent_only_when_given(pair: KeyPair) -> None:
    names: list[str | None] = []
    context = filled(ServerTls(pairs=(pair,)))
    context.sni_callback = lambda _tls, name, _context: names.append(name)
    meet(context, upstream_context(UpstreamTls()))
    meet(context, upstream_context(UpstreamTls()), "a.example")
    assert names == [None, "a.example"]


@pytest.mark.parametrize(
    ("tls", "words"),
    [
        (UpstreamTls(ciphers="NONSENSE"), "no cipher match"),
        (UpstreamTls(verify=True, trusted_ca=b"nonsense"), "SSL_CTX_load_verify_locations"),
    ],
)
def test_what_openssl_refuses_of_an_upstream_is_a_configuration_error(tls: UpstreamTls, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        upstream_context(tls)
