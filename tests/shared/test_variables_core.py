"""The connection, the process, the time."""

from __future__ import annotations

import pytest
from viewed import Viewed, at_noon

from penstock.shared.model.address import ipv4, ipv6, unix
from penstock.shared.variables_core import GETTERS


@pytest.mark.parametrize(
    ("name", "session", "value"),
    [
        ("connection", Viewed(number=7), "7"),
        ("bytes_received", Viewed(received=10**12), "1000000000000"),
        ("bytes_sent", Viewed(sent=3), "3"),
        ("status", Viewed(status=0), "000"),
        ("status", Viewed(status=502), "502"),
        ("session_time", Viewed(age=0.0), "0.000"),
        ("session_time", Viewed(age=3725.0126), "3725.013"),
        ("remote_port", Viewed(remote_port=65535), "65535"),
        ("server_addr", Viewed(local=ipv4("10.0.0.1", 80)), "10.0.0.1"),
        ("server_addr", Viewed(local=ipv6("2001:db8::1", 80)), "2001:db8::1"),
        ("server_addr", Viewed(local=unix("/run/x.sock")), "unix:/run/x.sock"),
        ("server_port", Viewed(local=ipv6("::1", 80)), "80"),
        ("server_port", Viewed(local=unix("/run/x.sock")), ""),
        ("server_name", Viewed(server_name="a.test"), "a.test"),
        ("protocol", Viewed(), "TCP"),
        ("nginx_version", Viewed(), "1.31.5"),
    ],
)
def test_a_sessions_values(name: str, session: Viewed, value: str) -> None:
    assert GETTERS[name](session) == value


def test_a_client_of_a_unix_socket_has_no_port() -> None:
    session = Viewed(remote_addr="unix:", remote_port=0)
    assert [GETTERS[name](session) for name in ("remote_addr", "remote_port", "binary_remote_addr")] == [
        "unix:",
        "",
        "unix:",
    ]


@pytest.mark.parametrize(
    ("address", "data"), [("127.0.0.1", b"\x7f\0\0\1"), ("255.254.1.0", b"\xff\xfe\x01\0"), ("::1", bytes(15) + b"\1")]
)
def test_a_binary_address_is_its_bytes(address: str, data: bytes) -> None:
    value = GETTERS["binary_remote_addr"](Viewed(remote_addr=address))
    assert value is not None
    assert value.encode("utf-8", "surrogateescape") == data


def test_the_process_is_seen() -> None:
    at_noon()
    values = [GETTERS[name](Viewed()) for name in ("msec", "pid", "hostname")]
    assert values == ["1795608000.250", "4711", "gate.example"]
