"""What answers `stream_listen`."""

from __future__ import annotations

import pytest
from builds import gateway, mistake, pair_files

from penstock.shared.model.listen import Mode
from penstock.shared.model.stream import Gateway


def test_without_any_of_it_the_gateway_is_empty() -> None:
    assert gateway("") == Gateway()


def test_listeners_keep_their_order_and_mode() -> None:
    text = "stream_listen 0.0.0.0:5555; stream_listen 0.0.0.0:8443 ssl; stream_listen 0.0.0.0:5432 plain;"
    assert [listen.mode for listen in gateway(text).listens] == [Mode.SNIFF, Mode.TLS, Mode.PLAIN]


def test_its_own_settings_are_the_stream_s() -> None:
    assert gateway("preread_timeout 3s; allow all;").settings.preread_timeout == 3.0


def test_limits_of_sniffing() -> None:
    found = gateway("sniff_limit pending=7;")
    assert (found.sniff_pending, found.sniff_per_source) == (7, 64)
    assert gateway("sniff_limit pending=7 per_source=3;").sniff_per_source == 3


@pytest.mark.parametrize("word", ["pending=0", "pending=x", "pendng=1", "pending", "pending=-1"])
def test_mistakes_in_limits(word: str) -> None:
    assert mistake(f"sniff_limit {word};").text == f'invalid parameter "{word}"'


def test_a_near_limit_is_offered() -> None:
    assert mistake("sniff_limit pendng=1;").hint == 'did you mean "pending="?'


def test_half_a_proxy_ssl_in_the_stream_is_completed_by_servers() -> None:
    server = "server { listen 1; proxy_pass 10.0.0.1:1; proxy_ssl_trusted_certificate a.crt; }"
    assert gateway(f"proxy_ssl on; proxy_ssl_verify on; {server}", pair_files()).settings.upstream_tls.on is False


def test_the_configuration_of_the_design_s_example() -> None:
    found = gateway(
        """
        stream_listen 0.0.0.0:5555;
        certificate { snis gateway.example.com *.apps.example.com; ssl_certificate a.crt; ssl_certificate_key a.key; }
        service orders { url tcp://10.0.0.7:5432; retries 3; connect_timeout 2s; }
        service vault { url tls://vault.internal:8200; tls_verify on; ca_certificates a.crt; }
        route orders-tls { protocols tls; snis orders.example.com; service orders; }
        route vault-raw { protocols tls_passthrough; snis vault.example.com; service vault; }
        route legacy { protocols tcp; sources 10.0.0.0/8; destinations :5555; service orders; }
        """,
        pair_files(),
    )
    assert [service.name for service in found.services] == ["orders", "vault"]
    assert [route.service and route.service.name for route in found.routes] == ["orders", "vault", "orders"]
    assert found.routes[0].settings.proxy.next_upstream_tries == 4


def test_ports_in_front_of_the_gateway() -> None:
    found = gateway("port_maps 443:8443 80:8080;")
    assert (found.listened_port(443), found.seen_port(8080)) == (8443, 80)
    assert (found.listened_port(1), found.seen_port(1)) == (1, 1)


@pytest.mark.parametrize("words", ["443", "443:x", "0:1", "443:66000", "443:1 443:2", "1:443 2:443"])
def test_a_mapping_that_is_none(words: str) -> None:
    assert "443" in mistake(f"port_maps {words};").text or words == "0:1"
