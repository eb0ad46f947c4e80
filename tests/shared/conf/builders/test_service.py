"""`service {}`: Kong's fields."""

from __future__ import annotations

import pytest
from builds import gateway, mistake, pair_files, stream, warnings

from penstock.shared.model.address import ipv4, ipv6
from penstock.shared.model.stream import Service

FILES = {**pair_files("a"), **pair_files("b")}


def service(block: str, before: str = "") -> Service:
    return gateway(f"{before} service s {{ {block} }}", FILES).services[0]


def test_a_url_is_protocol_host_and_port() -> None:
    found = service("url tcp://10.0.0.7:5432;")
    assert (found.name, found.protocol, found.host, found.port) == ("s", "tcp", "10.0.0.7", 5432)
    assert (found.upstream.name, found.upstream.implicit) == ("10.0.0.7:5432", True)
    assert found.upstream.peers[0].address == ipv4("10.0.0.7", 5432)


def test_the_parts_may_be_written_one_by_one() -> None:
    assert service("protocol tls; host both.test; port 80;").host == "both.test"
    found = service("host 10.0.0.7; port 80;")
    assert (found.protocol, found.port) == ("tcp", 80)


@pytest.mark.parametrize("block", ["url tcp://[::1]:80;", "host [::1]; port 80;", "host ::1; port 80;"])
def test_an_ipv6_address(block: str) -> None:
    found = service(block)
    assert (found.host, found.upstream.name, found.upstream.peers[0].address) == ("::1", "[::1]:80", ipv6("::1", 80))


def test_kong_s_defaults() -> None:
    found = service("url tcp://10.0.0.7:5432;")
    proxy = found.settings.proxy
    assert (proxy.connect_timeout, proxy.timeout, proxy.next_upstream_tries) == (60.0, 60.0, 6)
    assert (found.retries, found.enabled, found.settings.upstream_tls.on) == (5, True, False)


def test_times_are_milliseconds_unless_they_have_a_unit() -> None:
    proxy = service("url tcp://h:1; connect_timeout 1500; read_timeout 2s; write_timeout 90000;").settings.proxy
    assert (proxy.connect_timeout, proxy.timeout) == (1.5, 90.0)


def test_the_idle_time_is_the_longer_of_two_one_of_which_may_be_the_default() -> None:
    assert service("url tcp://h:1; read_timeout 5s;").settings.proxy.timeout == 60.0
    assert service("url tcp://h:1; read_timeout 5s; write_timeout 4s;").settings.proxy.timeout == 5.0


def test_retries_come_on_top_of_the_first_try() -> None:
    assert service("url tcp://h:1; retries 0;").settings.proxy.next_upstream_tries == 1


def test_a_host_may_name_an_upstream_whose_ports_count() -> None:
    before = "upstream Group { server 10.0.0.1:1; server 10.0.0.2:2; }"
    found = service("url tcp://group:9;", before)
    assert (found.upstream.name, len(found.upstream.peers)) == ("Group", 2)
    assert service("host group;", before).upstream.name == "Group"


def test_services_and_servers_with_one_address_share_its_upstream() -> None:
    text = "server { listen 1; proxy_pass 10.0.0.1:80; } service s { url tcp://10.0.0.1:80; }"
    result = stream(text)
    assert result.gateway.services[0].upstream is getattr(result.servers[0].handler, "upstream", None)


def test_a_name_without_address_is_warned_about() -> None:
    assert warnings("service s { url tcp://gone.test:80; }") == ['host not found in upstream "gone.test:80"']


def test_a_tls_service_is_sent_its_name_and_not_verified_unless_told() -> None:
    tls = service("url tls://vault.internal:8200;").settings.upstream_tls
    assert (tls.on, tls.server_name, tls.name, tls.verify) == (True, True, None, False)


def test_fields_of_tls() -> None:
    tls = service(
        "url tls://h:1; tls_verify on; tls_verify_depth 3; ca_certificates a.crt b.crt; client_certificate a.crt a.key;"
    ).settings.upstream_tls
    assert tls.pair is not None
    assert (tls.verify, tls.verify_depth, tls.pair.subject) == (True, 3, "CN=a.test")
    assert tls.trusted_ca == FILES["a.crt"] + FILES["b.crt"]


def test_a_client_certificate_and_its_key_may_be_one_file() -> None:
    both = {"both.pem": FILES["a.crt"] + FILES["a.key"]}
    found = gateway("service s { url tls://h:1; client_certificate both.pem; }", both).services[0]
    assert found.settings.upstream_tls.pair is not None


def test_verification_without_authorities_trusts_the_system_s() -> None:
    tls = service("url tls://h:1; tls_verify on;").settings.upstream_tls
    assert (tls.verify, tls.trusted_ca) == (True, None)


def test_the_protocol_decides_over_proxy_ssl() -> None:
    before = "proxy_ssl on; proxy_ssl_verify off;"
    assert service("url tcp://h:1;", before).settings.upstream_tls.on is False


def test_nginx_s_directives_of_the_stream_stand_where_kong_s_do_not() -> None:
    before = "proxy_timeout 7s; proxy_connect_timeout 8s; proxy_next_upstream_tries 9;"
    proxy = service("url tcp://h:1;", before).settings.proxy
    assert (proxy.timeout, proxy.connect_timeout, proxy.next_upstream_tries) == (7.0, 8.0, 9)


def test_kong_s_fields_win_over_the_stream() -> None:
    before = "proxy_timeout 7s; proxy_connect_timeout 8s; proxy_next_upstream_tries 9;"
    proxy = service("url tcp://h:1; read_timeout 90s; connect_timeout 2s; retries 1;", before).settings.proxy
    assert (proxy.timeout, proxy.connect_timeout, proxy.next_upstream_tries) == (90.0, 2.0, 2)


def test_nginx_s_directives_in_the_block_are_the_last_word() -> None:
    proxy = service("url tcp://h:1; read_timeout 90s; proxy_timeout 3s; access_log off;").settings.proxy
    assert proxy.timeout == 3.0


def test_a_service_can_be_switched_off() -> None:
    assert service("url tcp://h:1; enabled off; tags a b;").enabled is False


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("", 'no "url" or "host" in service "s"'),
        ("url tcp://h:1; port 1;", '"port" is already given by "url"'),
        ("url h:1;", 'invalid url "h:1"'),
        ("url http://h:1;", 'invalid url "http://h:1"'),
        ("url tcp://h:1/;", 'invalid url "tcp://h:1/"'),
        ("url tcp://h:x;", 'invalid port in url "tcp://h:x"'),
        ("url tcp://unix:/x;", 'invalid url "tcp://unix:/x"'),
        ("url tcp://h;", 'no port for the service\'s host "h"'),
        ("host h;", 'no port for the service\'s host "h"'),
        ("protocol udp; host h; port 1;", 'invalid value "udp"'),
        ("host h; port 65536;", 'invalid port in "65536" of the "port" directive'),
    ],
)
def test_mistakes(block: str, complaint: str) -> None:
    assert mistake(f"service s {{ {block} }}").text == complaint


def test_two_services_of_a_name() -> None:
    error = mistake("service s { url tcp://h:1; }\nservice s { url tcp://h:1; }")
    assert (error.text, error.hint) == ('duplicate service "s"', "the first is at /etc/penstock/penstock.conf:1")
