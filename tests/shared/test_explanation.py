"""What would happen to a connection, decided by the worker's own rules."""

from __future__ import annotations

import json

import pytest
from builds import pair_files, stream

from penstock.shared.explanation import Answer, explain, first_destination
from penstock.shared.imagined import Question
from penstock.shared.model.stream import Stream

PAIR = "ssl_certificate a.crt; ssl_certificate_key a.key;"
STREAM = f"""
    deny 192.0.2.66;
    map $ssl_preread_server_name $up {{ a.test 127.0.0.1:1; b.test pool; default ""; }}
    upstream pool {{ least_conn; server 127.0.0.1:9001 weight=3; server 127.0.0.1:9002 backup; }}
    certificate {{ snis orders.test; {PAIR} }}
    stream_listen 0.0.0.0:5555;
    stream_listen 127.0.0.1:8443 ssl;
    stream_listen [::1]:6000 plain;
    port_maps 443:8443;
    service orders {{ host pool; }}
    service vault  {{ url tls://vault.test:8200; }}
    route exact    {{ protocols tls; snis orders.test; service orders; ssl_verify_client on;
                      ssl_client_certificate a.crt; }}
    route wide     {{ protocols tls; snis *.test; service vault; preserve_host on; }}
    route raw      {{ protocols tls_passthrough; snis raw.example; service vault; }}
    route office   {{ protocols tcp; sources 10.0.0.0/8; service orders; deny 10.6.6.0/24; }}
    route outside  {{ protocols tls; destinations :443; service orders; }}
    route nobody   {{ protocols tcp; sources 192.0.2.1; }}
    server {{ listen 127.0.0.1:7000; ssl_preread on; proxy_pass $up; }}
    server {{ listen 127.0.0.1:7001; return "you are $remote_addr"; }}
    server {{ listen 127.0.0.1:7002 ssl; server_name first.test; {PAIR} proxy_pass pool; }}
    server {{ listen 127.0.0.1:7002 ssl; server_name second.test; {PAIR} return two; }}
"""


@pytest.fixture(scope="module")
def configured() -> Stream:
    return stream(STREAM, pair_files(), resolve=lambda *_: ["127.0.0.9"])


def ask(
    configured: Stream, sni: str | None = None, source: str = "127.0.0.1", to: str = ":5555", *, plain: bool = False
) -> Answer:
    host, _, port = to.rpartition(":")
    question = Question(not plain, sni, (), (source, 40000), (host.strip("[]"), int(port)))
    answer = explain(configured, question)
    assert json.loads(json.dumps(answer)) == answer
    return answer


def test_a_session_that_ends_here(configured: Stream) -> None:
    answer = ask(configured, "Orders.test.")
    assert answer["route"]["name"] == "exact"
    assert answer["beats"] == [{"route": "wide", "because": "exact SNI over wildcard of 6 characters"}]
    assert (answer["client_tls"], answer["client_verify"]) == ("terminated", "on")
    assert answer["certificate"]["names"] == ["orders.test"]
    assert answer["service"]["name"] == "orders"
    assert answer["upstream"]["balancing"] == "least_conn"
    assert [peer["address"] for peer in answer["upstream"]["peers"]] == ["127.0.0.1:9001", "127.0.0.1:9002"]
    assert answer["upstream_tls"] is None
    assert answer["outcome"] == "proxied"


def test_a_session_that_is_encrypted_again_keeps_its_name(configured: Stream) -> None:
    answer = ask(configured, "a.test")
    assert answer["certificate"]["self_signed"] is True
    assert answer["upstream_tls"] == {"sni": "a.test", "verify": False, "name": None}


def test_what_is_passed_through_is_not_wrapped(configured: Stream) -> None:
    answer = ask(configured, "raw.example")
    assert (answer["client_tls"], answer["upstream_tls"]) == ("passed through", None)
    assert "certificate" not in answer


def test_a_port_in_front_of_the_gateway(configured: Stream) -> None:
    answer = ask(configured, "nobody.example", to="127.0.0.1:443")
    assert (answer["listener"]["address"], answer["route"]["name"]) == ("127.0.0.1:8443", "outside")


@pytest.mark.parametrize(
    ("question", "word", "status"),
    [
        ({"sni": "orders.test", "source": "192.0.2.66"}, "denied", 403),
        ({"plain": True, "source": "10.6.6.1"}, "denied", 403),
        ({"plain": True, "to": "127.0.0.1:8443"}, "tls_required", 400),
        ({"plain": True}, "no_route", 500),
        ({"sni": "nobody.example"}, "no_route", 500),
        ({"plain": True, "source": "192.0.2.1"}, "no_service", 503),
        ({"sni": "c.test", "to": ":7000"}, "internal", 500),
        ({"plain": True, "to": ":7002"}, "client_tls", 500),
    ],
)
def test_a_refusal_has_its_word_and_status(
    configured: Stream, question: dict[str, object], word: str, status: int
) -> None:
    answer = ask(configured, **question)  # type: ignore[arg-type]  # each is a keyword of `ask`
    assert (answer["outcome"], answer["refusal"], answer["status"]) == ("refused", word, status)
    assert answer["reason"]


def test_a_plain_listener_does_not_look_for_tls(configured: Stream) -> None:
    answer = ask(configured, "orders.test", source="10.1.1.1", to="[::1]:6000")
    assert (answer["sniff"], answer["route"]["name"], answer["client_tls"]) == ("not looked at", "office", "none")


def test_an_address_that_nobody_listens_on(configured: Stream) -> None:
    answer = ask(configured, to="127.0.0.2:8443")
    assert answer["listener"] is None
    assert "nothing listens on 127.0.0.2:8443" in answer["reason"]


def test_a_server_with_a_map(configured: Stream) -> None:
    assert ask(configured, "a.test", to=":7000")["rendered"] == "127.0.0.1:1"
    assert ask(configured, "b.test", to=":7000")["upstream"]["name"] == "pool"


def test_a_server_that_answers(configured: Stream) -> None:
    answer = ask(configured, source="10.1.2.3", to=":7001", plain=True)
    assert (answer["outcome"], answer["text"]) == ("answered", "you are 10.1.2.3")


@pytest.mark.parametrize(("sni", "name"), [("second.test", "second.test"), ("other.test", "first.test")])
def test_virtual_servers(configured: Stream, sni: str, name: str) -> None:
    assert ask(configured, sni, to=":7002")["server"]["names"] == [name]


def test_without_a_destination_it_is_the_first_listener(configured: Stream) -> None:
    assert first_destination(configured) == ("127.0.0.1", 5555)
    assert first_destination(Stream()) == ("127.0.0.1", 0)
