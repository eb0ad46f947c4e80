"""TCP_INFO."""

from __future__ import annotations

import socket

from penstock.worker.kit.tcp_info import tcp_info


def test_a_connection_has_a_round_trip_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()) as sock:
        found = tcp_info(sock)
    assert found is not None
    assert 0 < found["rtt_us"] < 1_000_000
    assert found["retransmits"] == 0
    assert set(found) == {"rtt_us", "rttvar_us", "retransmits"}


def test_what_is_no_tcp_has_none() -> None:
    left, right = socket.socketpair()
    with left, right:
        assert tcp_info(left) is None
    assert tcp_info(left) is None
    assert tcp_info(None) is None
