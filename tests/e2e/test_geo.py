"""`geo` and `split_clients`: every address and key gets the same value from nginx and from Penstock."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients import connect, connect_unix, read_all
from daemon import Daemon
from oracle import PROGRAMS, oracle

from penstock.shared.split_clients import MIX, RANGE, murmur

CONFIG = """
stream {
    set_real_ip_from 127.0.0.1;
    set_real_ip_from unix:;

    geo $nets {
        default       none;
        127.0.0.0/8   loop;
        10.0.0.0/8    ten;
        10.1.0.0/16   ten-one;
        10.1.2.0/24   ten-one-two;
        10.1.2.3      exact;
        10.2.0.0/16   deleted;
        delete        10.2.0.0/16;
        10.3.0.0/16   first;
        10.3.0.0/16   second;
        11.0.0.1/8    low-bits;
        192.168.0.0/16 $remote_addr;
        2001:db8::/32 documentation;
        2001:db8:1::/48 inner;
        ::ffff:12.0.0.0/104 never;
        12.0.0.0/8    mapped;
        include       %%DIR%%/more.geo;
    }
    geo $bare { 10.0.0.0/8 ten; }
    geo $six  { ::/0 six; 0.0.0.0/0 four; }
    geo $empty { 10.0.0.0/8 ""; default x; }
    geo $nowhere { 255.255.255.255 nowhere; default somewhere; }
    geo $ranges {
        ranges;
        default             none;
        10.0.0.0-10.0.0.255 a;
        10.0.0.16-10.0.0.31 b;
        10.0.0.0-10.0.0.3   c;
        10.0.0.255-10.0.0.255 d;
        10.1.0.0-10.3.255.255 wide;
        10.2.0.0-10.2.255.255 part;
        delete              10.3.0.0-10.3.255.255;
        10.4.255.255-10.5.0.0 edge;
        include             %%DIR%%/more.ranges;
        9.0.0.0-9.0.0.9     before;
    }
    geo $ranges_bare { ranges; 10.0.0.0-10.0.0.0 one; }
    geo $proxy_protocol_addr $other { default none; 10.0.0.0/8 ten; 255.255.255.255 nowhere; 2001:db8::/32 six; }
    geo $pid $not_an_address { default none; 255.255.255.255 nowhere; }
    geo $ssl_preread_server_name $not_found { default none; 255.255.255.255 nowhere; }

    split_clients $binary_remote_addr    $thirds { 33.33% a; 33.33% b; 33.34% c; }
    split_clients $binary_remote_addr    $rest   { 0.01% a; 0.5% b; 12.34% c; * d; }
    split_clients $binary_remote_addr    $half   { 50% a; }
    split_clients $binary_remote_addr    $all    { 100% a; * b; }
    split_clients $remote_addr           $text   { 10% a; 20% b; 30% c; * d; }
    split_clients "${remote_addr}x"      $text1  { 10% a; 20% b; 30% c; * d; }
    split_clients "${remote_addr}xy"     $text2  { 10% a; 20% b; 30% c; * d; }
    split_clients "${remote_addr}xyz"    $text3  { 10% a; 20% b; 30% $pid; * d; }
    split_clients "$ssl_preread_server_name" $none { 50% a; * d; }

    server {
        listen 127.0.0.1:%%PORT_geo%% proxy_protocol;
        listen unix:%%DIR%%/geo.sock;
        return "$nets|$bare|$six|$empty|$nowhere|$ranges|$ranges_bare|$other|$not_an_address|$not_found";
    }
    server {
        listen 127.0.0.1:%%PORT_split%% proxy_protocol;
        return "$thirds|$rest|$half|$all|$text|$text1|$text2|$text3|$none";
    }
}
"""


@pytest.fixture(scope="module", params=PROGRAMS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("geo")
    (directory / "more.geo").write_text("13.0.0.0/8 included;\ninclude inner.geo;\n")
    (directory / "inner.geo").write_text("14.0.0.0/8 nested; # a comment\n")
    (directory / "more.ranges").write_text("ranges;\n13.0.0.0-13.0.0.1 included;\n")
    with oracle(request.param, directory, CONFIG) as daemon:
        yield daemon


def as_client(running: Daemon, port: str, address: str) -> list[str]:
    """What the server says to a client of that address."""
    family, server = ("TCP6", "::1") if ":" in address else ("TCP4", "127.0.0.1")
    with connect(running.port(port)) as client:
        client.sendall(f"PROXY {family} {address} {server} 1 2\r\n".encode())
        return read_all(client).decode().split("|")


@pytest.mark.parametrize(
    ("address", "values"),
    [
        ("127.0.0.1", "loop||four|x|somewhere|none||none"),
        ("9.0.0.9", "none||four|x|somewhere|before||none"),
        ("9.0.0.10", "none||four|x|somewhere|none||none"),
        ("10.0.0.0", "ten|ten|four||somewhere|c|one|ten"),
        ("10.0.0.3", "ten|ten|four||somewhere|c||ten"),
        ("10.0.0.4", "ten|ten|four||somewhere|a||ten"),
        ("10.0.0.16", "ten|ten|four||somewhere|b||ten"),
        ("10.0.0.31", "ten|ten|four||somewhere|b||ten"),
        ("10.0.0.32", "ten|ten|four||somewhere|a||ten"),
        ("10.0.0.255", "ten|ten|four||somewhere|d||ten"),
        ("10.1.0.0", "ten-one|ten|four||somewhere|wide||ten"),
        ("10.1.2.0", "ten-one-two|ten|four||somewhere|wide||ten"),
        ("10.1.2.3", "exact|ten|four||somewhere|wide||ten"),
        ("10.1.3.0", "ten-one|ten|four||somewhere|wide||ten"),
        ("10.2.0.1", "ten|ten|four||somewhere|part||ten"),
        ("10.3.0.1", "second|ten|four||somewhere|none||ten"),
        ("10.4.255.254", "ten|ten|four||somewhere|none||ten"),
        ("10.4.255.255", "ten|ten|four||somewhere|edge||ten"),
        ("10.5.0.0", "ten|ten|four||somewhere|edge||ten"),
        ("10.5.0.1", "ten|ten|four||somewhere|none||ten"),
        ("11.2.3.4", "low-bits||four|x|somewhere|none||none"),
        ("12.2.3.4", "mapped||four|x|somewhere|none||none"),
        ("13.0.0.1", "included||four|x|somewhere|included||none"),
        ("14.0.0.1", "nested||four|x|somewhere|none||none"),
        ("192.168.1.1", "$remote_addr||four|x|somewhere|none||none"),
        ("0.0.0.0", "none||four|x|somewhere|none||none"),
        ("255.255.255.254", "none||four|x|somewhere|none||none"),
        ("2001:db8::1", "documentation||six|x|somewhere|none||six"),
        ("2001:db8:1::1", "inner||six|x|somewhere|none||six"),
        ("2001:db9::1", "none||six|x|somewhere|none||none"),
        ("::1", "none||six|x|somewhere|none||none"),
        ("::", "none||six|x|somewhere|none||none"),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "none||six|x|somewhere|none||none"),
        ("::ffff:10.1.2.3", "exact|ten|four||somewhere|wide||ten"),
        ("::ffff:12.0.0.1", "mapped||four|x|somewhere|none||none"),
    ],
)
def test_an_address_has_its_value(running: Daemon, address: str, values: str) -> None:
    assert "|".join(as_client(running, "geo", address)) == values + "|nowhere|nowhere"


def test_a_unix_socket_s_client_is_nowhere(running: Daemon) -> None:
    with connect_unix(str(Path(running.directory) / "geo.sock")) as client:
        assert read_all(client).decode() == "none||four|x|nowhere|none||nowhere|nowhere|nowhere"


def unmixed(value: int) -> bytes:
    """The four bytes whose hash is `value`: MurmurHash2 of four bytes can be run backwards."""
    back = pow(MIX, -1, RANGE + 1)
    value ^= value >> 15 ^ value >> 30
    value = value * back & RANGE
    value ^= value >> 13 ^ value >> 26
    value ^= 4 * MIX & RANGE
    value = value * back & RANGE
    value ^= value >> 24
    return (value * back & RANGE).to_bytes(4, "little")


SHARES = {
    "thirds": ([(3333, "a"), (3333, "b"), (3334, "c")], ""),
    "rest": ([(1, "a"), (50, "b"), (1234, "c")], "d"),
    "half": ([(5000, "a")], ""),
    "all": ([(10000, "a")], "b"),
    "text": ([(1000, "a"), (2000, "b"), (3000, "c")], "d"),
    "text3": ([(1000, "a"), (2000, "b"), (3000, "$pid")], "d"),
}
"""Hundredths of a percent with their values, and the value of all that is left."""


def ends(name: str) -> list[tuple[int, str]]:
    """Where each share ends; each is rounded down by itself."""
    found, end = [], 0
    for percent, value in SHARES[name][0]:
        end += percent * RANGE // 10000
        found.append((end, value))
    return found


def share(name: str, hashed: int) -> str:
    """The value of a hash."""
    return next((value for end, value in ends(name) if hashed < end), SHARES[name][1])


BORDERS = [
    (name, hashed)
    for name in ("thirds", "rest", "half", "all")
    for end, _ in ends(name)
    for hashed in (end - 1, end, end + 1)
    if hashed <= RANGE
]


@pytest.mark.parametrize(("name", "hashed"), BORDERS)
def test_a_share_ends_where_nginx_s_ends(running: Daemon, name: str, hashed: int) -> None:
    key = unmixed(hashed)
    assert murmur(key) == hashed
    assert as_client(running, "split", socket.inet_ntoa(key))[list(SHARES).index(name)] == share(name, hashed)


@pytest.mark.parametrize("part", range(8))
def test_many_keys_of_every_length_are_shared_out_alike(running: Daemon, part: int) -> None:
    for number in range(25):
        address = socket.inet_ntoa((number * 2654435761 + part * 40503 & RANGE).to_bytes(4))
        key = address.encode()
        values = [share("text", murmur(key + tail)) for tail in (b"", b"x", b"xy")]
        values += [share("text3", murmur(key + b"xyz")), "a"]  # the hash of the empty text is 0
        assert as_client(running, "split", address)[4:] == values
