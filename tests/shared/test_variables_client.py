"""The client's certificate, as nginx writes it."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from certs import Authority, Pair
from clients import careless, connect_tls, read_all
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from handshake import meet
from needs import requires
from nginx import Nginx
from viewed import NOON, Viewed, at_noon, terminated

from penstock.shared.openssl.verification import accept_unknown_authorities
from penstock.shared.variables_client import GETTERS, quoted

ODD = (
    x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
    x509.NameAttribute(NameOID.DOMAIN_COMPONENT, "example"),
    x509.NameAttribute(NameOID.ORGANIZATION_NAME, 'A, "B" + <C>; D\\E'),
    x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "#Größe "),
    x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@b.test"),
    x509.NameAttribute(NameOID.STREET_ADDRESS, " Way 1"),
    x509.NameAttribute(NameOID.SERIAL_NUMBER, "77"),
    x509.NameAttribute(NameOID.USER_ID, "joe"),
    x509.NameAttribute(NameOID.GIVEN_NAME, "Jo\x01"),
    x509.NameAttribute(NameOID.SURNAME, "E=x"),
    x509.NameAttribute(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), "private"),
)
NAMES = sorted(GETTERS)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A self-signed certificate in which everything is unusual."""
    key = ec.generate_private_key(ec.SECP256R1())
    both = x509.RelativeDistinguishedName(
        [x509.NameAttribute(NameOID.COMMON_NAME, "first"), x509.NameAttribute(NameOID.TITLE, "second")]
    )
    name = x509.Name([*(x509.RelativeDistinguishedName([part]) for part in ODD), both])
    begin = datetime.datetime(2024, 1, 5, 9, 8, 7, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 0x0ABC, begin, begin.replace(year=2044))
    certificate = builder.add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256())
    pair = Pair(*(tmp_path_factory.mktemp("odd") / file for file in ("crt", "key")))
    pair.crt.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pair.key.write_bytes(key.private_bytes(*form))
    return pair


def presented(authority: Authority, pair: Pair) -> Viewed:
    """A session whose client showed this certificate."""
    server, client = authority.server("gate.test"), careless()
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(pair.crt)
    client.load_cert_chain(pair.crt, pair.key)
    return terminated(meet(server, client).server)


@pytest.fixture(scope="module")
def answers(authority: Authority, odd: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What nginx's variables say of the odd certificate."""
    pair = authority.issue("gate.test")
    names = [name for name in NAMES if name != "ssl_client_escaped_cert"]  # not in the stream module of 1.22
    answer = "\x02".join(f"${name}" for name in names)
    text = f"""stream {{ server {{
        listen 127.0.0.1:%%PORT_tls%% ssl; ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%;
        ssl_client_certificate %%CA%%; ssl_verify_client on; return "{answer}";
    }} }}"""
    directory = tmp_path_factory.mktemp("client")
    context = careless()
    context.load_cert_chain(odd.crt, odd.key)
    with Nginx(directory, text, CRT=pair.crt, KEY=pair.key, CA=odd.crt) as nginx:
        with connect_tls(nginx.port("tls"), context) as client:
            data = read_all(client).decode()
        yield dict(zip(names, data.split("\x02"), strict=True))


@requires("nginx-stream")
@pytest.mark.parametrize("name", sorted({*NAMES} - {"ssl_client_escaped_cert", "ssl_client_v_remain"}))
def test_nginx_says_the_same(authority: Authority, odd: Pair, answers: dict[str, str], name: str) -> None:
    assert GETTERS[name](presented(authority, odd)) == answers[name]


def test_the_escaped_certificate_is_the_raw_one(authority: Authority, odd: Pair) -> None:
    session = presented(authority, odd)
    escaped = GETTERS["ssl_client_escaped_cert"](session)
    assert escaped is not None
    assert unquote(escaped) == GETTERS["ssl_client_raw_cert"](session) == odd.crt.read_text()
    assert not set(escaped) & set(" \n+/=")


def test_days_remain_and_never_less_than_none(authority: Authority, odd: Pair) -> None:
    at_noon()
    end = datetime.datetime(2044, 1, 5, 9, 8, 7, tzinfo=datetime.UTC).timestamp()
    assert GETTERS["ssl_client_v_remain"](presented(authority, odd)) == str(int((end - NOON) // 86400))


def test_no_certificate_is_none(authority: Authority) -> None:
    session = terminated(meet(authority.server("gate.test"), careless()).server)
    values = {name: GETTERS[name](session) for name in NAMES}
    assert values.pop("ssl_client_verify") == "NONE"
    assert set(values.values()) == {None}


def test_a_certificate_that_was_let_in_unverified_says_what_is_wrong(authority: Authority, odd: Pair) -> None:
    server, client = authority.server("gate.test"), careless()
    accept_unknown_authorities(server)
    client.load_cert_chain(odd.crt, odd.key)
    session = terminated(meet(server, client).server)
    assert GETTERS["ssl_client_verify"](session) == "FAILED:self-signed certificate"


@pytest.mark.parametrize("name", NAMES)
def test_without_tls_nothing_is_found(name: str) -> None:
    assert GETTERS[name](Viewed()) is None


@pytest.mark.parametrize(("text", "escaped"), [(" ", r"\ "), ("a b", "a b"), ("##", r"\##"), ("é", r"\C3\A9")])
def test_names_are_escaped_as_rfc_2253_says(text: str, escaped: str) -> None:
    assert quoted(text) == escaped
