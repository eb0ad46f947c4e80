"""Relays with a rate."""

from __future__ import annotations

import socket
from pathlib import Path
from time import monotonic

import pytest
from relayed import Joined, block, relaying

from penstock.worker.relay_paced import Pace, PacedEndpoint

DOWN = "proxy_download_rate 64k;"


def read_for(joined: Joined, sock: socket.socket, size: int) -> bytes:
    """What the socket gets until it has so much."""
    got = b""

    def enough() -> bool:
        nonlocal got
        try:
            got += sock.recv(1 << 20)
        except BlockingIOError:
            pass
        return len(got) >= size

    joined.bench.until(enough)
    return got


def test_one_second_more_than_passed_is_allowed() -> None:
    pace = Pace(1000, 50.0, 16384, 60.0)
    assert pace.allowed(50.9, 0) == 1000
    assert pace.allowed(52.1, 1000) == 2000
    assert pace.allowed(52.1, 4000) == -1000


@pytest.mark.parametrize(("rate", "piece"), [(1000, 16384), (1 << 20, 52428), (1 << 30, 65536), (0, 65536)])
def test_a_fast_side_is_read_in_larger_pieces(rate: int, piece: int) -> None:
    assert Pace(rate, 0.0, 16384, 60.0).piece == piece


def test_a_download_takes_as_long_as_its_rate_says(tmp_path: Path) -> None:
    with relaying(tmp_path, DOWN) as joined:
        sent = block(96 << 10)
        began = monotonic()
        joined.far.sendall(sent)
        assert read_for(joined, joined.near, len(sent)) == sent
        assert 0.9 < monotonic() - began < 3.0


def test_the_rest_stays_in_the_kernel(tmp_path: Path) -> None:
    with relaying(tmp_path, DOWN) as joined:
        joined.far.sendall(block(96 << 10))
        read_for(joined, joined.near, 1)
        assert joined.upstream.moved == 16384
        assert not joined.client.held
        assert isinstance(joined.upstream, PacedEndpoint)
        assert joined.upstream.pace.timer is not None


def test_the_other_direction_is_not_slowed_down(tmp_path: Path) -> None:
    with relaying(tmp_path, DOWN) as joined:
        sent = block(200 << 10)
        began = monotonic()
        joined.near.sendall(sent)
        assert read_for(joined, joined.far, len(sent)) == sent
        assert monotonic() - began < 0.7


def test_an_upload_has_its_own_rate(tmp_path: Path) -> None:
    with relaying(tmp_path, "proxy_upload_rate 20k;") as joined:
        joined.near.sendall(block(60 << 10))
        read_for(joined, joined.far, 1)
        assert joined.client.moved == 16384


def test_a_rate_may_be_a_variable(tmp_path: Path) -> None:
    with relaying(tmp_path, "set $speed 10k; proxy_download_rate $speed;") as joined:
        joined.far.sendall(block(60 << 10))
        read_for(joined, joined.near, 1)
        assert joined.upstream.moved == 10 << 10


def test_a_variable_that_is_no_size_limits_nothing_and_is_told(tmp_path: Path) -> None:
    with relaying(tmp_path, "set $speed fast; proxy_download_rate $speed;") as joined:
        sent = block(200 << 10)
        began = monotonic()
        joined.far.sendall(sent)
        assert read_for(joined, joined.near, len(sent)) == sent
        assert monotonic() - began < 0.7
        assert joined.bench.line('invalid size "fast"')


def test_a_session_without_a_rate_is_not_paced(tmp_path: Path) -> None:
    with relaying(tmp_path, "proxy_download_rate 0;") as joined:
        assert not isinstance(joined.upstream, PacedEndpoint)


def test_a_pause_is_no_silence(tmp_path: Path) -> None:
    with relaying(tmp_path, DOWN + "proxy_timeout 100ms;") as joined:
        sent = block(96 << 10)
        joined.far.sendall(sent)
        assert read_for(joined, joined.near, len(sent)) == sent


def test_silence_after_a_pause_ends_the_session(tmp_path: Path) -> None:
    with relaying(tmp_path, DOWN + "proxy_timeout 100ms;") as joined:
        joined.far.sendall(block(20 << 10))
        joined.bench.until(lambda: joined.session.status == 200)
        assert joined.session.sent == 20 << 10


def test_a_pause_ends_with_its_session(tmp_path: Path) -> None:
    with relaying(tmp_path, DOWN) as joined:
        joined.far.sendall(block(64 << 10))
        read_for(joined, joined.near, 1)
        upstream = joined.upstream
        assert isinstance(upstream, PacedEndpoint)
        timer = upstream.pace.timer
        assert timer is not None
        joined.near.close()
        joined.bench.until(lambda: joined.session.status == 200)
        assert timer.cancelled()


def test_what_was_sent_before_the_end_is_delivered_at_its_rate(tmp_path: Path) -> None:
    with relaying(tmp_path, DOWN) as joined:
        sent = block(40 << 10)
        joined.far.sendall(sent)
        joined.far.close()
        assert read_for(joined, joined.near, len(sent)) == sent
        joined.bench.until(lambda: joined.session.status == 200)
