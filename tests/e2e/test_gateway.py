"""The sniffing gateway: one port, four ways to treat a session, chosen by what is seen of it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import peers
import pytest
from certs import Authority
from clients import (
    careless,
    client_hello,
    connect,
    connect_tls,
    echoed,
    ended_without_a_byte,
    read_exactly,
    s_client,
)
from gate import Gate
from needs import requires
from peers import Peer

CONFIG = """
stream {
    log_format gate '$server_port $status $bytes_received $bytes_sent';
    access_log %%DIR%%/access.log gate;

    stream_listen 127.0.0.1:%%PORT_one%%;
    stream_listen 127.0.0.1:%%PORT_ssl%% ssl;
    stream_listen 127.0.0.1:%%PORT_plain%% plain;
    stream_listen 127.0.0.1:%%PORT_proxied%% proxy_protocol;
    stream_listen 127.0.0.1:%%PORT_elsewhere%%;
    stream_listen 127.0.0.1:%%PORT_raw%%;
    set_real_ip_from 127.0.0.1;

    certificate { ssl_certificate %%DEFAULT_CRT%%; ssl_certificate_key %%DEFAULT_KEY%%; }
    certificate { snis terminated.test; ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
    certificate { snis *.wild.test;     ssl_certificate %%WILD_CRT%%; ssl_certificate_key %%WILD_KEY%%; }

    service plain-echo  { url tcp://%%ECHO%%; }
    service tls-echo    { url tls://%%TLS_ECHO%%; tls_verify off; }
    service raw-tls     { url tcp://%%TLS_ECHO%%; }
    service service-a   { url tcp://%%PEER_A%%; }
    service service-b   { url tcp://%%PEER_B%%; }
    service service-c   { url tcp://%%PEER_C%%; }
    service refusing    { url tcp://127.0.0.1:%%PORT_nobody%%; retries 0; }

    route terminate   { protocols tls;             snis terminated.test; service plain-echo; }
    route wildcard    { protocols tls;             snis *.wild.test;     service service-b; }
    route longer      { protocols tls;             snis *.long.wild.test; service service-c; }
    route exact       { protocols tls;             snis exact.wild.test; service service-a; }
    route passthrough { protocols tls_passthrough; snis passed.test;     service raw-tls; }
    route not-wrapped { protocols tls_passthrough; snis wrapped.test;    service tls-echo; }
    route reencrypt   { protocols tls;             snis again.test;      service tls-echo; }
    route dead        { protocols tls;             snis dead.test;       service refusing; }
    route untouched   { protocols tcp; destinations 127.0.0.1:%%PORT_raw%%; service raw-tls; }
    route plain       { protocols tcp; destinations 127.0.0.1:%%PORT_one%%; service plain-echo; }
    route plain-only  { protocols tcp; destinations 127.0.0.1:%%PORT_plain%%; service plain-echo; }
    route from-far    { protocols tcp; sources 192.0.2.0/24;             service service-a; }
    route from-one    { protocols tcp; sources 192.0.2.7;                service service-b; }
    route both-ways   { protocols tcp; sources 192.0.2.0/24; destinations :4444; service service-c; }
}
"""


@pytest.fixture(scope="module")
def gate(
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    echo: Peer,
    tls_echo: Peer,
    peer_a: Peer,
    peer_b: Peer,
    peer_c: Peer,
) -> Iterator[Gate]:
    pair, default, wild = (authority.issue(name) for name in ("terminated.test", "default.test", "*.wild.test"))
    with Gate(
        tmp_path_factory.mktemp("gateway"), CONFIG,
        ECHO=echo, TLS_ECHO=tls_echo, PEER_A=peer_a, PEER_B=peer_b, PEER_C=peer_c, CRT=pair.crt, KEY=pair.key,
        DEFAULT_CRT=default.crt, DEFAULT_KEY=default.key, WILD_CRT=wild.crt, WILD_KEY=wild.key,
    ) as running:  # fmt: skip
        yield running


def listener(gate: Gate, port: str) -> str:
    """The `listener` label of a port."""
    return f"127.0.0.1:{gate.port(port)}"


def certificate_names(client: ssl.SSLSocket) -> set[str]:
    """The names in the certificate the gateway showed (the context must verify, or nothing is kept)."""
    certificate = client.getpeercert()
    assert certificate is not None
    return {str(entry[1]) for entry in certificate["subjectAltName"]}


def unnamed(authority: Authority) -> ssl.SSLContext:
    """A context that verifies the chain and not the name."""
    context = authority.client()
    context.check_hostname = False
    return context


# -- four modes on one port


def test_tls_is_terminated(gate: Gate, authority: Authority) -> None:
    with connect_tls(gate.port("one"), authority.client(), "terminated.test") as client:
        assert echoed(client, b"in the clear behind") == b"in the clear behind"


def test_tls_is_passed_through(gate: Gate, authority: Authority) -> None:
    with connect_tls(gate.port("one"), unnamed(authority), "passed.test") as client:
        assert certificate_names(client) == {"peer.test"}
        assert echoed(client, b"sealed to the end") == b"sealed to the end"


def test_what_is_passed_through_is_not_wrapped_once_more_for_a_tls_service(gate: Gate, authority: Authority) -> None:
    with connect_tls(gate.port("one"), unnamed(authority), "wrapped.test") as client:
        assert certificate_names(client) == {"peer.test"}
        assert echoed(client, b"sealed once") == b"sealed once"


def test_tls_is_encrypted_again(gate: Gate, authority: Authority) -> None:
    with connect_tls(gate.port("one"), unnamed(authority), "again.test") as client:
        assert certificate_names(client) == {"default.test"}
        assert echoed(client, b"opened and sealed") == b"opened and sealed"


def test_plain_bytes_are_relayed(gate: Gate) -> None:
    with connect(gate.port("one")) as client:
        assert echoed(client, b"plain") == b"plain"


def test_tls_meets_a_tcp_route_untouched_when_no_tls_route_matches(gate: Gate, authority: Authority) -> None:
    with connect_tls(gate.port("raw"), unnamed(authority), "untouched.test") as client:
        assert certificate_names(client) == {"peer.test"}


@requires("openssl")
def test_openssl_reaches_its_route(gate: Gate, authority: Authority) -> None:
    flags = ("-CAfile", str(authority.file), "-servername", "terminated.test", "-verify_return_error", "-no_ign_eof")
    assert "by openssl" in s_client(gate.port("one"), "-quiet", *flags, send=b"by openssl\n", until="by openssl\n")


# -- which route, which certificate


@pytest.mark.parametrize(
    ("name", "peer"),
    [
        ("exact.wild.test", b"a"),
        ("x.wild.test", b"b"),
        ("x.y.wild.test", b"b"),
        ("x.long.wild.test", b"c"),
        ("EXACT.wild.test", b"a"),
    ],
)
def test_an_exact_name_precedes_a_longer_wildcard_precedes_a_shorter(gate: Gate, name: str, peer: bytes) -> None:
    with connect_tls(gate.port("one"), careless(), name) as client:
        assert read_exactly(client, 1) == peer


def test_a_trailing_dot_is_dropped(gate: Gate) -> None:
    with connect_tls(gate.port("one"), careless(), "exact.wild.test.") as client:
        assert read_exactly(client, 1) == b"a"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("terminated.test", "terminated.test"), ("x.wild.test", "*.wild.test"), ("x.y.wild.test", "default.test")],
)
def test_the_certificate_follows_the_name(gate: Gate, authority: Authority, name: str, shown: str) -> None:
    with connect_tls(gate.port("one"), unnamed(authority), name) as client:
        assert certificate_names(client) == {shown}


@pytest.mark.parametrize(
    ("source", "destination", "peer"),
    [("192.0.2.7", 4444, b"c"), ("192.0.2.8", 4444, b"c"), ("192.0.2.7", 1, b"b"), ("192.0.2.8", 1, b"a")],
)
def test_source_and_destination_precede_an_address_precedes_a_network(
    gate: Gate, source: str, destination: int, peer: bytes
) -> None:
    with connect(gate.port("proxied")) as client:
        client.sendall(f"PROXY TCP4 {source} 127.0.0.1 1111 {destination}\r\nx".encode())
        assert read_exactly(client, 1) == peer


def test_a_proxy_header_may_come_in_pieces(gate: Gate) -> None:
    with connect(gate.port("proxied")) as client:
        for piece in (b"PROXY TCP4 192.0.2.7", b" 127.0.0.1 1111 44", b"44\r\nx"):
            client.sendall(piece)
        assert read_exactly(client, 1) == b"c"


def test_tls_behind_a_proxy_header(gate: Gate, authority: Authority) -> None:
    with connect(gate.port("proxied")) as plain:
        plain.sendall(b"PROXY TCP4 192.0.2.7 127.0.0.1 1111 2222\r\n")
        with authority.client().wrap_socket(plain, server_hostname="terminated.test") as client:
            assert echoed(client, b"x") == b"x"


def test_a_hello_in_many_segments_and_records_is_routed(gate: Gate) -> None:
    hello = client_hello("passed.test")
    records = hello[:3] + (60).to_bytes(2) + hello[5:65] + hello[:3] + (len(hello) - 65).to_bytes(2) + hello[65:]
    before = gate.metric("penstock_sniff_total", outcome="tls", listener=listener(gate, "one"))
    with connect(gate.port("one")) as client:
        for start in range(0, len(records), 50):
            client.sendall(records[start : start + 50])
        assert read_exactly(client, 3)[:1] == b"\x16"
    assert gate.metric("penstock_sniff_total", outcome="tls", listener=listener(gate, "one")) == before + 1


# -- refusals


def refused(gate: Gate, port: str, reason: str, data: bytes) -> str:
    """Send `data`, be closed without a byte, be counted by reason; gives the log's line."""
    labels = {"listener": listener(gate, port), "reason": reason}
    before = gate.metric("penstock_refused_total", **labels)
    with connect(gate.port(port)) as client:
        client.sendall(data)
        assert ended_without_a_byte(client)
        port_of_client = client.getsockname()[1]
    gate.wait_metric("penstock_refused_total", before + 1, **labels)
    number = gate.logged(rf"\*\d+ client 127\.0\.0\.1:{port_of_client} connected")
    session = number.split("*")[1].split()[0]
    return gate.logged(rf"\[(?:info|notice|warn|error)\] .*\*{session} (?!client 127)")


def test_a_name_without_a_route_is_refused_and_named(gate: Gate) -> None:
    line = refused(gate, "elsewhere", "no_route", client_hello("stranger.test"))
    assert "stranger.test" in line


def test_plain_bytes_without_a_route_are_refused(gate: Gate) -> None:
    refused(gate, "elsewhere", "no_route", b"hello\n")


def test_no_name_never_meets_a_route_by_name(gate: Gate) -> None:
    refused(gate, "elsewhere", "no_route", client_hello(None))


def test_a_tls_port_refuses_plain_bytes(gate: Gate) -> None:
    refused(gate, "ssl", "tls_required", b"GET / HTTP/1.0\r\n\r\n")


def test_a_tls_port_serves_tls(gate: Gate, authority: Authority) -> None:
    with connect_tls(gate.port("ssl"), authority.client(), "terminated.test") as client:
        assert echoed(client, b"x") == b"x"


def test_a_plain_port_never_looks_for_tls(gate: Gate) -> None:
    hello = client_hello("terminated.test")
    with connect(gate.port("plain")) as client:
        assert echoed(client, hello) == hello


def test_a_bad_proxy_header_is_refused(gate: Gate) -> None:
    refused(gate, "proxied", "proxy_protocol", b"GET / HTTP/1.0\r\n\r\n")


def test_a_dead_service_is_refused_and_counted(gate: Gate) -> None:
    before = gate.metric("penstock_upstream_connects_total", outcome="refused")
    with connect_tls(gate.port("one"), careless(), "dead.test") as client:
        assert ended_without_a_byte(client)
    gate.wait_metric("penstock_upstream_connects_total", before + 1, outcome="refused")
    gate.logged(r"connect\(\) failed \(111: Connection refused\) while connecting to upstream")


# -- what is counted


def test_bytes_of_an_open_session_are_visible(gate: Gate) -> None:
    labels = {"listener": listener(gate, "one"), "route": "plain"}
    before = gate.metric("penstock_bytes_total", direction="in", **labels)
    with connect(gate.port("one")) as client:
        echoed(client, b"x" * 1000)
        gate.wait_metric("penstock_bytes_total", before + 1000, direction="in", **labels)
        assert gate.metric("penstock_sessions_active", listener=listener(gate, "one")) >= 1
    gate.wait_metric("penstock_sessions_active", 0, listener=listener(gate, "one"))


def test_sessions_are_counted_by_route_and_service(gate: Gate) -> None:
    labels = {"listener": listener(gate, "one"), "route": "plain", "service": "plain-echo", "status": "200"}
    before = gate.metric("penstock_sessions_total", **labels)
    with connect(gate.port("one")) as client:
        echoed(client, b"x")
    gate.wait_metric("penstock_sessions_total", before + 1, **labels)


def test_handshakes_are_counted_by_version(gate: Gate) -> None:
    labels = {"listener": listener(gate, "one"), "version": "TLSv1.3", "outcome": "ok"}
    before = gate.metric("penstock_tls_handshakes_total", **labels)
    with connect_tls(gate.port("one"), careless(), "terminated.test") as client:
        echoed(client, b"x")
    gate.wait_metric("penstock_tls_handshakes_total", before + 1, **labels)


def test_bytes_read_to_sniff_count_as_received(gate: Gate) -> None:
    with connect(gate.port("one")) as client:
        echoed(client, b"x" * 333)
    gate.logged(rf"^{gate.port('one')} 200 333 333$", "access.log")


# -- without any certificate


def test_a_gateway_without_certificates_makes_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    text = """
stream {
    stream_listen 127.0.0.1:%%PORT_1%%;
    service echo { url tcp://%%ECHO%%; }
    route all { protocols tls tcp; destinations :%%PORT_1%%; service echo; }
}
"""
    with Peer(peers.echo) as echo, Gate(tmp_path_factory.mktemp("bare"), text, ECHO=echo) as gate:
        with connect_tls(gate.port(1), careless()) as client:
            assert echoed(client, b"x") == b"x"
            shown = client.getpeercert(binary_form=True)
        assert shown is not None
        assert b"localhost" in shown
