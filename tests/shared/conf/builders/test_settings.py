"""Everything that a session obeys."""

from __future__ import annotations

from builds import settings

from penstock.shared.model.settings import Settings


def test_nothing_written_gives_the_model_s_defaults() -> None:
    assert settings("") == Settings()


def test_times_sizes_and_switches() -> None:
    found = settings(
        "preread_buffer_size 4k; preread_timeout 5s; proxy_protocol_timeout 6s; ssl_handshake_timeout 7s; "
        "ssl_preread on; tcp_nodelay off;"
    )
    assert found == Settings(
        preread_buffer_size=4096,
        preread_timeout=5.0,
        proxy_protocol_timeout=6.0,
        handshake_timeout=7.0,
        ssl_preread=True,
        tcp_nodelay=False,
    )


def test_the_stream_s_are_inherited() -> None:
    assert settings("", before="preread_timeout 5s;").preread_timeout == 5.0
    assert settings("preread_timeout 6s;", before="preread_timeout 5s;").preread_timeout == 6.0


def test_variables_are_set_in_order() -> None:
    found = settings("set $b $remote_addr; set $a x;").sets
    assert [(name, value.source) for name, value in found] == [("b", "$remote_addr"), ("a", "x")]
