"""Servers that share an address."""

from __future__ import annotations

import pytest
from builds import mistake, pair_files, stream, warnings

PAIR = "ssl_certificate a.crt; ssl_certificate_key a.key;"


def server(listen: str, text: str = "") -> str:
    """A server that answers."""
    return f"server {{ listen {listen}; return x; {text} }}\n"


def test_ssl_and_proxy_protocol_of_one_hold_for_all() -> None:
    text = PAIR + server("1 ssl") + server("1 proxy_protocol default_server") + server("1")
    listens = [one.listens[0] for one in stream(text, pair_files()).servers]
    assert all(listen.ssl and listen.proxy_protocol for listen in listens)
    assert [listen.default_server for listen in listens] == [False, True, False]
    assert [listen.where.line for listen in listens] == [1, 2, 3]


@pytest.mark.parametrize("order", [("1 backlog=7", "1"), ("1", "1 backlog=7")])
def test_options_of_the_socket_are_given_by_one(order: tuple[str, str]) -> None:
    listens = [one.listens[0] for one in stream(server(order[0]) + server(order[1])).servers]
    assert [listen.backlog for listen in listens] == [7, 7]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (server("1 backlog=5") + server("1 rcvbuf=4k"), "duplicate listen options for 0.0.0.0:1"),
        (server("1 backlog=511") + server("1 setfib=1"), "duplicate listen options for 0.0.0.0:1"),
        (server("1 default_server") + server("1 default_server"), "a duplicate default server for 0.0.0.0:1"),
        (server("1", "listen *:1;"), "a duplicate listen 0.0.0.0:1"),
        (server("1", "server_name ~;"), 'empty regex in server name "~"'),
        (server("1", "server_name *x;"), 'server name "*x" is invalid'),
        (server("1", "server_name .;"), 'server name "." is invalid'),
        (server("1", "server_name a.*.b;"), 'invalid server name or wildcard "a.*.b" on 0.0.0.0:1'),
        (server("1", "server_name '~(?<status>x)';"), 'the duplicate "status" variable'),
    ],
)
def test_mistakes(text: str, complaint: str) -> None:
    assert mistake(text).text == complaint


def test_an_expression_s_group_is_a_variable() -> None:
    (one,) = stream("server { listen 1; server_name '~^(?<who>.*)$'; return $who; }").servers
    assert one.names == ("~^(?<who>.*)$",)


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            server("1", "server_name a;") + server("1", "server_name b A;"),
            'conflicting server name "a" on 0.0.0.0:1, ignored',
        ),
        (server("1") + server("1"), 'conflicting server name "" on 0.0.0.0:1, ignored'),
        (server("1", "server_name a/b;"), 'server name "a/b" has suspicious symbols'),
        (PAIR + server("1 backlog=5") + server("1 ssl", "server_name a;"), "protocol options redefined for 0.0.0.0:1"),
    ],
)
def test_warnings(text: str, warning: str) -> None:
    assert warnings(text, pair_files()) == [warning]


@pytest.mark.parametrize(
    "pair",
    [(("1 ssl", ""), ("1", "server_name a;")), (("1", ""), ("1 ssl", "server_name a;"))],
)
def test_options_left_out_or_added_once_are_no_matter(pair: tuple[tuple[str, str], tuple[str, str]]) -> None:
    assert warnings(PAIR + server(*pair[0]) + server(*pair[1]), pair_files()) == []


MISSING = 'no "ssl_certificate" is defined for the "listen ... ssl" directive'


@pytest.mark.parametrize(
    ("first", "second", "line"),
    [("", PAIR, 1), ("ssl_reject_handshake on;", "", 2)],
)
def test_where_a_certificate_is_missed(first: str, second: str, line: int) -> None:
    error = mistake(server("1 ssl", first) + server("1 ssl", second + "server_name a;"), pair_files())
    assert (error.text, error.where and error.where.line) == (MISSING, line)


def test_a_named_server_may_use_the_default_one_s_certificate() -> None:
    text = server("1 ssl") + server("1 ssl default_server", PAIR + "server_name a;")
    assert len(stream(text, pair_files()).servers) == 2
