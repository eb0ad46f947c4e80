"""Protocols that begin in clear: their TLS is routed by name in every mode, with real clients and servers."""

from __future__ import annotations

import imaplib
import poplib
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import psycopg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import SMTP
from certs import Authority
from clients import connect, read_all, s_client
from gate import Gate
from needs import need, requires
from peers import Peer
from ports import free_port
from postgres import Postgres

POSTGRES = """
stream {
    log_format names '$sni $route $status';
    access_log %%DIR%%/access.log names;
    stream_listen 127.0.0.1:%%PORT_pg%% starttls=postgres;
    ssl_alpn postgresql;
    certificate { ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
    service clear  { url tcp://127.0.0.1:%%PG%%; retries 0; }
    service sealed { url tls://127.0.0.1:%%PG%%; retries 0; tls_verify off; }
    route ends    { protocols tls; snis ends.test; service clear; }
    route again   { protocols tls; snis again.test; service sealed; }
    route through { protocols tls_passthrough; snis through.test; service clear; }
    route plain   { protocols tcp; destinations 127.0.0.1:%%PORT_pg%%; service clear; }
}
"""


@pytest.fixture(scope="module")
def database(authority: Authority) -> Iterator[Postgres]:
    """A PostgreSQL with a certificate for `postgres.test`."""
    need("postgres")
    cluster = Postgres()
    try:
        pair = authority.issue("postgres.test")
        cluster.secure(Path(pair.crt), Path(pair.key))
        cluster.start()
        yield cluster
        cluster.stop()
    finally:
        cluster.remove()


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, authority: Authority, database: Postgres) -> Iterator[Gate]:
    pair = authority.issue("gateway.test")
    with Gate(tmp_path_factory.mktemp("pg"), POSTGRES, PG=database.port, CRT=pair.crt, KEY=pair.key) as gate:
        yield gate


def starttls(port: int, protocol: str, authority: Authority) -> str:
    """What openssl says of the gateway's certificate."""
    return s_client(
        port, "-starttls", protocol, "-servername", "ends.test", "-CAfile", str(authority.file),
        "-verify_hostname", "gateway.test",
    )  # fmt: skip


def asked(gate: Gate, name: str, **options: str) -> tuple[int, bool]:
    """What a database answers through the gateway, and whether it saw TLS."""
    where = f"host={name} hostaddr=127.0.0.1 port={gate.port('pg')} user=postgres dbname=postgres connect_timeout=20"
    chosen = {"sslmode": "require", "gssencmode": "disable", **options}
    with psycopg.connect(where + "".join(f" {key}={value}" for key, value in chosen.items())) as connection:
        row = connection.execute("SELECT 6 * 7, (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())").fetchone()
    assert row is not None
    return row[0], row[1]


@pytest.mark.parametrize(
    ("name", "sealed", "negotiation"),
    [
        ("ends.test", False, "postgres"),
        ("again.test", True, "postgres"),
        ("through.test", True, "postgres"),
        ("ends.test", False, "direct"),
        ("again.test", True, "direct"),  # passed through it would need a server of PostgreSQL 17
    ],
)
def test_postgresql_is_routed_by_name(gate: Gate, name: str, sealed: bool, negotiation: str) -> None:
    assert asked(gate, name, sslnegotiation=negotiation) == (42, sealed)


def test_postgresql_may_stay_in_clear(gate: Gate) -> None:
    assert asked(gate, "anything", sslmode="disable") == (42, False)


def test_who_would_rather_have_gssapi_is_served_too(gate: Gate) -> None:
    assert asked(gate, "ends.test", gssencmode="prefer") == (42, False)


def test_psql_reaches_the_database(gate: Gate, database: Postgres) -> None:
    where = f"host=ends.test hostaddr=127.0.0.1 port={gate.port('pg')} user=postgres sslmode=require"
    assert database.run("psql", where, "-Atc", "SELECT 1") == "1\n"


@requires("openssl")
def test_openssl_meets_the_gateway_s_certificate(gate: Gate, authority: Authority) -> None:
    assert "Verification: OK" in starttls(gate.port("pg"), "postgres", authority)


def test_what_is_no_postgresql_is_refused(gate: Gate) -> None:
    before = gate.metric("penstock_refused_total", reason="sniff_malformed")
    with connect(gate.port("pg")) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert read_all(client) == b""
    gate.wait_metric("penstock_refused_total", before + 1, reason="sniff_malformed")


def test_an_upstream_that_offers_no_tls_is_told(tmp_path: Path, authority: Authority) -> None:
    def refuses(connection: socket.socket) -> None:
        connection.recv(8)
        connection.sendall(b"N")
        connection.recv(1)

    pair = authority.issue("gateway.test")
    with Peer(refuses) as peer, Gate(tmp_path, POSTGRES, PG=peer.port, CRT=pair.crt, KEY=pair.key) as gate:
        with pytest.raises(psycopg.OperationalError):
            asked(gate, "through.test")
        gate.wait_metric("penstock_refused_total", 1, reason="upstream_tls")
        assert "the upstream does not offer TLS while starting postgres with upstream" in gate.error_log.read_text()


# -- mail

MAIL = """
stream {
    stream_listen 127.0.0.1:%%PORT_smtp%% starttls=smtp;
    stream_listen 127.0.0.1:%%PORT_imap%% starttls=imap;
    stream_listen 127.0.0.1:%%PORT_pop3%% starttls=pop3;
    stream_listen 127.0.0.1:%%PORT_ldap%% starttls=ldap;
    certificate { ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
    service smtp  { url tcp://127.0.0.1:%%SMTP%%; }
    service imap  { url tcp://%%IMAP%%; }
    service pop3  { url tcp://%%POP3%%; }
    service ldap  { url tcp://%%LDAP%%; }
    route smtp-ends    { protocols tls tcp; destinations :%%PORT_smtp%%; service smtp; }
    route smtp-through { protocols tls_passthrough; snis through.test; destinations :%%PORT_smtp%%; service smtp; }
    route imap         { protocols tls tcp; destinations :%%PORT_imap%%; service imap; }
    route pop3         { protocols tls tcp; destinations :%%PORT_pop3%%; service pop3; }
    route ldap         { protocols tls tcp; destinations :%%PORT_ldap%%; service ldap; }
}
"""


class Kept(Message):
    """Keeps the subjects of the messages that come."""

    def __init__(self) -> None:
        super().__init__()
        self.subjects: list[str] = []

    def handle_message(self, message: EmailMessage) -> None:  # type: ignore[override]  # the base class has the wider type
        self.subjects.append(str(message["Subject"]))


def lines(greeting: bytes, answers: Callable[[bytes], bytes]) -> Callable[[socket.socket], None]:
    """A server of lines."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(greeting)
        with connection.makefile("rb") as reader:
            for line in reader:
                connection.sendall(answers(line.rstrip()))

    return behave


def imap(line: bytes) -> bytes:
    tag, _, command = line.partition(b" ")
    if command.upper() == b"CAPABILITY":
        return b"* CAPABILITY IMAP4rev1 REAL\r\n" + tag + b" OK done\r\n"
    return tag + (b" OK welcome\r\n" if command.startswith(b"LOGIN me ") else b" BAD\r\n")


def pop3(line: bytes) -> bytes:
    return b"+OK\r\nUSER\r\n.\r\n" if line == b"CAPA" else b"+OK " + line + b"\r\n"


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[tuple[Gate, Kept]]:
    """A gateway in front of a real SMTP server, and of small ones for IMAP, POP3 and LDAP."""
    pair, kept = authority.issue("gateway.test"), Kept()
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server = authority.issue("smtp.test")
    own.load_cert_chain(server.crt, server.key)

    class Secure(Controller):
        def factory(self) -> SMTP:
            return SMTP(self.handler, tls_context=own, hostname="real.test")

    port = free_port()
    controller = Secure(kept, hostname="127.0.0.1", port=port)
    controller.start()
    with (
        Peer(lines(b"* OK real\r\n", imap)) as imap_peer,
        Peer(lines(b"+OK real\r\n", pop3)) as pop3_peer,
        Peer(lambda connection: connection.sendall(connection.recv(100))) as echo,
        Gate(
            tmp_path_factory.mktemp("mail"), MAIL, SMTP=port, IMAP=imap_peer, POP3=pop3_peer, LDAP=echo,
            CRT=pair.crt, KEY=pair.key,
        ) as gate,
    ):  # fmt: skip
        yield gate, kept
    controller.stop()


@pytest.mark.parametrize(("name", "certificate"), [("ends.test", "gateway.test"), ("through.test", "smtp.test")])
def test_a_message_is_delivered_under_tls(
    mail: tuple[Gate, Kept], authority: Authority, name: str, certificate: str
) -> None:
    gate, kept = mail
    context = ssl.create_default_context(cafile=str(authority.file))
    context.check_hostname = False
    with smtplib.SMTP("127.0.0.1", gate.port("smtp"), timeout=20) as client:
        client._host = name  # type: ignore[attr-defined]  # what smtplib sends as SNI
        client.starttls(context=context)
        assert isinstance(client.sock, ssl.SSLSocket)
        found = client.sock.getpeercert()
        assert found is not None
        assert certificate in str(found["subjectAltName"])
        client.sendmail("a@a.test", ["b@b.test"], f"Subject: to {name}\r\n\r\nhello\r\n")
    assert f"to {name}" in kept.subjects


def test_a_message_is_delivered_in_clear(mail: tuple[Gate, Kept]) -> None:
    gate, kept = mail
    with smtplib.SMTP("127.0.0.1", gate.port("smtp"), timeout=20) as client:
        client.sendmail("a@a.test", ["b@b.test"], "Subject: in clear\r\n\r\nhello\r\n")
    assert "in clear" in kept.subjects


def test_imap(mail: tuple[Gate, Kept], authority: Authority) -> None:
    context = ssl.create_default_context(cafile=str(authority.file))
    context.check_hostname = False
    client = imaplib.IMAP4("127.0.0.1", mail[0].port("imap"), timeout=20)
    assert "STARTTLS" in client.capabilities
    client.starttls(context)
    assert "REAL" in client.capabilities  # the upstream's own, heard through TLS
    client.shutdown()


def test_imap_in_clear(mail: tuple[Gate, Kept]) -> None:
    client = imaplib.IMAP4("127.0.0.1", mail[0].port("imap"), timeout=20)
    assert client.login("me", "secret")[0] == "OK"
    client.shutdown()


def test_pop3(mail: tuple[Gate, Kept], authority: Authority) -> None:
    context = ssl.create_default_context(cafile=str(authority.file))
    context.check_hostname = False
    client = poplib.POP3("127.0.0.1", mail[0].port("pop3"), timeout=20)
    client.stls(context)
    assert client.user("me") == b"+OK USER me"
    client.close()


def test_pop3_in_clear(mail: tuple[Gate, Kept]) -> None:
    client = poplib.POP3("127.0.0.1", mail[0].port("pop3"), timeout=20)
    assert "STLS" in client.capa()
    assert client.user("me") == b"+OK USER me"
    client.close()


@requires("openssl")
@pytest.mark.parametrize("protocol", ["smtp", "imap", "pop3", "ldap"])
def test_openssl_finds_the_way_to_tls(mail: tuple[Gate, Kept], authority: Authority, protocol: str) -> None:
    assert "Verification: OK" in starttls(mail[0].port(protocol), protocol, authority)


def test_who_says_nothing_is_let_go(tmp_path: Path) -> None:
    text = (
        "stream { preread_timeout 200ms; stream_listen 127.0.0.1:%%PORT_a%% starttls=smtp;"
        " service s { url tcp://127.0.0.1:1; } route r { protocols tcp; sources 127.0.0.1; service s; } }"
    )
    with Gate(tmp_path, text) as gate, connect(gate.port("a")) as client:
        assert read_all(client) == b"220 penstock ESMTP\r\n"
        gate.wait_metric("penstock_refused_total", 1, reason="sniff_timeout")
