from __future__ import annotations

from builds import pair_files, stream

from penstock.shared.every_settings import every_settings, terminating_settings

TEXT = """
server { listen 1; proxy_pass 127.0.0.1:1; proxy_timeout 1s; }
service s { url tcp://127.0.0.1:1; read_timeout 2s; write_timeout 2s; }
route a { protocols tls; snis a; proxy_timeout 3s; }
route b { protocols tls_passthrough; snis b; service s; }
route c { protocols tls_passthrough; snis c; service s; }
route d { protocols tcp tls; snis d; proxy_timeout 4s; }
"""


def test_the_settings_of_all_blocks_come_once() -> None:
    found = every_settings(stream(TEXT, pair_files()))
    assert [settings.proxy.timeout for settings in found] == [1.0, 600.0, 2.0, 3.0, 2.0, 4.0]


def test_routes_that_end_tls_are_told_from_the_others() -> None:
    found = terminating_settings(stream(TEXT, pair_files()))
    assert [settings.proxy.timeout for settings in found] == [3.0, 4.0]
