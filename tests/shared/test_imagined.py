"""A connection that nobody made."""

from __future__ import annotations

from penstock.shared.imagined import Imagined, Question
from penstock.shared.model.address import ipv4
from penstock.shared.template import compile_template
from penstock.shared.variables import GETTERS, lookup


def imagined(tls: bool = True) -> Imagined:
    question = Question(tls, "A.test.", ("h2",), ("10.0.0.1", 4), ("10.0.0.2", 5))
    found = Imagined(question, ipv4("10.0.0.2", 5))
    found.greet()
    return found


def test_variables_read_it_like_a_session() -> None:
    text = compile_template("$remote_addr:$remote_port $server_addr:$server_port $ssl_preread_server_name $sni", lookup)
    assert text.render(imagined()) == "10.0.0.1:4 10.0.0.2:5 A.test. a.test"


def test_plain_traffic_has_no_hello() -> None:
    assert compile_template("<$ssl_preread_server_name>", lookup).render(imagined(tls=False)) == "<>"


def test_no_variable_fails_on_it() -> None:
    for getter in GETTERS.values():
        getter(imagined())
