"""Depth, the names that clients are shown, and `optional_no_ca`."""

from __future__ import annotations

import gc
import re
import ssl
from pathlib import Path

import pytest
from certs import Authority
from clients import careless, s_client
from handshake import meet
from needs import requires
from peers import Peer, echo

from penstock.shared.openssl import verification
from penstock.shared.openssl.pointers import checked
from penstock.shared.openssl.verification import verify_error


@pytest.fixture
def server(authority: Authority) -> ssl.SSLContext:
    context = authority.server("gate.test")
    context.load_verify_locations(authority.file)
    return context


def client(authority: Authority, name: str, *, expired: bool = False) -> ssl.SSLContext:
    context = careless()
    context.load_cert_chain(*authority.issue(name, expired=expired))
    return context


def deep(authority: Authority, file: Path, depth: int) -> ssl.SSLContext:
    """A client with so many authorities between itself and the trusted one."""
    issuer = authority.ca
    for _ in range(depth):
        issuer = issuer.create_child_ca()
    issuer.issue_cert("deep.test").private_key_and_cert_chain_pem.write_to_path(str(file))
    context = careless()
    context.load_cert_chain(file)
    return context


@pytest.mark.parametrize(("allowed", "depth", "good"), [(0, 0, True), (0, 1, False), (1, 1, True), (1, 2, False)])
def test_a_chain_may_be_as_long_as_its_depth(
    server: ssl.SSLContext, authority: Authority, tmp_path: Path, allowed: int, depth: int, good: bool
) -> None:
    server.verify_mode = ssl.CERT_REQUIRED
    verification.set_verify_depth(server, allowed)
    long = deep(authority, tmp_path / "deep.pem", depth)
    if good:
        assert meet(server, long).server.getpeercert()
        return
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate chain too long"):
        meet(server, long)


def test_a_depth_that_no_chain_reaches_is_no_limit(server: ssl.SSLContext, authority: Authority) -> None:
    server.verify_mode = ssl.CERT_REQUIRED
    verification.set_verify_depth(server, 2**63 - 1)
    assert meet(server, client(authority, "client.test")).server.getpeercert()


@requires("openssl")
def test_clients_are_shown_the_names_of_authorities(server: ssl.SSLContext, authority: Authority) -> None:
    server.verify_mode = ssl.CERT_OPTIONAL
    with Peer(echo, tls=server) as peer:
        assert "No client certificate CA names sent" in s_client(peer.port)
    verification.show_authorities(server, authority.file.read_bytes())
    with Peer(echo, tls=server) as peer:
        assert re.search("Acceptable client certificate CA names\n.*trustme", s_client(peer.port))


def test_authorities_must_be_certificates(server: ssl.SSLContext) -> None:
    with pytest.raises(ValueError, match=r"^SSL_load_client_CA_file\(\) failed \(SSL: "):
        verification.show_authorities(server, b"nonsense")
    assert meet(server, careless()).server.version() == "TLSv1.3"


def test_unknown_authorities_are_accepted_and_told(
    server: ssl.SSLContext, authority: Authority, tmp_path: Path
) -> None:
    verification.accept_unknown_authorities(server)
    stranger = Authority(tmp_path)
    assert verify_error(meet(server, careless()).server) == ""
    assert verify_error(meet(server, client(authority, "client.test")).server) == ""
    strange = meet(server, client(stranger, "client.test")).server
    assert verify_error(strange) == "unable to verify the first certificate"
    assert strange.getpeercert(binary_form=True)


def test_what_is_wrong_otherwise_still_ends_the_handshake(
    server: ssl.SSLContext, authority: Authority, tmp_path: Path
) -> None:
    verification.accept_unknown_authorities(server)
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"):
        meet(server, client(authority, "old.test", expired=True))
    verification.set_verify_depth(server, 0)
    assert verify_error(
        meet(server, deep(authority, tmp_path / "deep.pem", 1)).server
    )  # its authority is not looked for


def test_the_callbacks_outlive_contexts_and_collections(authority: Authority, tmp_path: Path) -> None:
    stranger = client(Authority(tmp_path), "client.test")
    for _ in range(20):
        context = authority.server("gate.test")
        verification.accept_unknown_authorities(context)
        gc.collect()
        assert verify_error(meet(context, stranger).server)
        del context


def test_a_resumed_session_remembers_what_was_wrong(server: ssl.SSLContext, tmp_path: Path) -> None:
    verification.accept_unknown_authorities(server)
    stranger = client(Authority(tmp_path), "client.test")
    first = meet(server, stranger)
    again = meet(server, stranger, session=first.client.session).server
    assert again.session_reused
    assert verify_error(again) == "unable to verify the first certificate"


def test_a_judge_that_fails_refuses(
    server: ssl.SSLContext, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    verification.accept_unknown_authorities(server)
    shown = client(authority, "client.test")
    assert meet(server, shown)
    monkeypatch.setattr(checked(), "verify_cert", lambda _store: "nonsense")
    with pytest.raises(ssl.SSLError):
        meet(server, shown)
