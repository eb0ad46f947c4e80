"""`listen` and `stream_listen`."""

from __future__ import annotations

import pytest
from builds import gateway, mistake, pair_files, stream

from penstock.shared.model.address import ipv4, ipv6, unix
from penstock.shared.model.listen import Keepalive, Listen, Mode


def listens(parameters: str) -> tuple[Listen, ...]:
    """The listeners of one `listen`."""
    return stream(f"server {{ listen {parameters}; return x; }}").servers[0].listens


def listen_mistake(parameters: str) -> str:
    """The complaint about one `listen`."""
    return mistake(f"server {{ listen {parameters}; return x; }}").text


def test_a_plain_listen_has_nginx_s_defaults() -> None:
    (listen,) = listens("127.0.0.1:80")
    assert listen == Listen(ipv4("127.0.0.1", 80), listen.where)
    assert (listen.mode, listen.backlog, listen.ipv6only, listen.label) == (Mode.SERVER, 511, True, "127.0.0.1:80")


def test_a_range_of_ports_gives_a_listener_each() -> None:
    assert [listen.address.port for listen in listens("8000-8002")] == [8000, 8001, 8002]


def test_a_name_gives_a_listener_for_each_address() -> None:
    assert [str(listen.address) for listen in listens("both.test:80")] == ["10.0.0.3:80", "[2001:db8::3]:80"]


def test_other_forms_of_addresses() -> None:
    assert [listens(text)[0].address for text in ("80", "*:80", "[::1]:80", "unix:/run/x")] == [
        ipv4("0.0.0.0", 80),
        ipv4("0.0.0.0", 80),
        ipv6("::1", 80),
        unix("/run/x"),
    ]


def test_all_parameters() -> None:
    (listen,) = listens(
        "[::]:80 proxy_protocol default_server bind reuseport deferred backlog=5 rcvbuf=4k sndbuf=8k fastopen=3"
        " ipv6only=off so_keepalive=30m::10 setfib=1 accept_filter=x"
    )
    assert (listen.proxy_protocol, listen.default_server, listen.bind, listen.reuseport) == (True, True, True, True)
    assert (listen.deferred, listen.backlog, listen.rcvbuf, listen.sndbuf) == (True, 5, 4096, 8192)
    assert (listen.fastopen, listen.ipv6only, listen.so_keepalive) == (3, False, Keepalive(True, 1800, None, 10))


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ("127.0.0.1", 'no port in "127.0.0.1" of the "listen" directive'),
        ("gone.test:80", 'host not found in "gone.test:80" of the "listen" directive'),
        ("127.0.0.1:80 backlog=0", 'invalid backlog "backlog=0"'),
        ("127.0.0.1:80 rcvbuf=x", 'invalid rcvbuf "rcvbuf=x"'),
        ("127.0.0.1:80 ipv6only=maybe", 'the invalid "ipv6only=maybe" parameter'),
        ("127.0.0.1:80 so_keepalive=::", 'invalid so_keepalive value: "::"'),
        ("127.0.0.1:80 so_keepalive=x", 'invalid so_keepalive value: "x"'),
        ("127.0.0.1:80 ssl=on", 'the invalid "ssl=on" parameter'),
        ("127.0.0.1:80 backlog", 'the invalid "backlog" parameter'),
        ("127.0.0.1:80 udp ssl", '"listen" directive "ssl" parameter is incompatible with "udp"'),
        ("127.0.0.1:80 plain", 'the invalid "plain" parameter'),
    ],
)
def test_mistakes(parameters: str, text: str) -> None:
    assert listen_mistake(parameters) == text


def test_a_near_name_is_offered() -> None:
    assert mistake("server { listen 1 proxy_protocoll; }").hint == 'did you mean "proxy_protocol"?'


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("listen 127.0.0.1:80", "listen localhost:80"),
        ("listen 79-81", "listen *:80"),
        ("listen [::]:80", "listen [0::0]:80"),
    ],
)
def test_a_server_listens_on_an_address_once(first: str, second: str) -> None:
    error = mistake(f"server {{ {first};\n{second}; return x; }}")
    assert error.text.startswith("a duplicate listen ")
    assert error.text.endswith(":80")
    assert error.where is not None
    assert error.where.line == 2


def test_a_name_that_gives_an_address_twice_listens_once() -> None:
    (server,) = stream("server { listen twice.test:80; return x; }", resolve=lambda _: ["10.0.0.1"] * 2).servers
    assert len(server.listens) == 1


def test_the_gateway_and_a_server_may_not_share_an_address() -> None:
    assert mistake("stream_listen 127.0.0.1:80; server { listen 127.0.0.1:80; return x; }").text == (
        'duplicate "127.0.0.1:80" address and port pair'
    )


def test_a_wildcard_and_one_of_its_addresses_are_two() -> None:
    assert len(stream("server { listen 80; return x; } server { listen 127.0.0.1:80; return y; }").servers) == 2


@pytest.mark.parametrize(
    ("parameters", "mode"), [("", Mode.SNIFF), (" ssl", Mode.TLS), (" plain", Mode.PLAIN), (" ssl ssl", Mode.TLS)]
)
def test_the_gateway_sniffs_unless_told_what_to_expect(parameters: str, mode: Mode) -> None:
    (listen,) = gateway(f"stream_listen 127.0.0.1:5555{parameters};").listens
    assert (listen.mode, listen.ssl) == (mode, False)


def test_parameters_of_the_gateway() -> None:
    (listen,) = gateway("stream_listen [::]:5555 proxy_protocol backlog=4096;").listens
    assert (listen.proxy_protocol, listen.backlog, listen.mode) == (True, 4096, Mode.SNIFF)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ("ssl plain", '"ssl" and "plain" exclude each other'),
        ("udp", 'the invalid "udp" parameter'),
        ("default_server", 'the invalid "default_server" parameter'),
        ("sniff", 'the invalid "sniff" parameter'),
    ],
)
def test_mistakes_of_the_gateway(parameters: str, text: str) -> None:
    assert mistake(f"stream_listen 127.0.0.1:5555 {parameters};").text == text


@pytest.mark.parametrize(
    ("written", "options"),
    [
        ("", False),
        ("ssl proxy_protocol default_server", False),
        ("backlog=511", True),
        ("bind", True),
        ("setfib=1", True),
        ("accept_filter=x", True),
        ("so_keepalive=off", True),
        ("ipv6only=on", True),
    ],
)
def test_an_option_is_one_also_where_it_says_what_holds_anyway(written: str, options: bool) -> None:
    ends = f"server {{ listen [::1]:9 {written}; return x; ssl_certificate a.crt; ssl_certificate_key a.key; }}"
    (listen,) = stream(ends, pair_files()).servers[0].listens
    assert listen.options is options


def test_idle_time_alone_is_enough_for_keepalive() -> None:
    assert listens("80 so_keepalive=1m")[0].so_keepalive == Keepalive(True, 60)


def test_a_protocol_that_begins_in_clear() -> None:
    (listen,) = gateway("stream_listen 127.0.0.1:1 starttls=postgres ssl;").listens
    assert (listen.starttls, listen.mode) == ("postgres", Mode.TLS)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("starttls=mysql", '"starttls=mysql" is not possible'),
        ("starttls=smpt", 'unknown protocol "smpt" of "starttls"'),
        ("plain starttls=smtp", '"plain" and "starttls=" exclude each other'),
        ("starttls", 'the invalid "starttls" parameter'),
    ],
)
def test_a_protocol_that_cannot_be(words: str, text: str) -> None:
    assert mistake(f"stream_listen 127.0.0.1:1 {words};").text == text
