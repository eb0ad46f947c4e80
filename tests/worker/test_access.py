"""`allow` and `deny`."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

import pytest
from clients import connect_unix
from workerbench import Bench

from penstock.shared.model.settings import AccessRule
from penstock.worker.access import allowed


@dataclass
class Client:
    """What the rules read of a session."""

    remote_addr: str
    said: list[str] = field(default_factory=list)

    def error(self, text: str) -> None:
        self.said.append(text)


def rule(word: str, what: str) -> AccessRule:
    if what in ("all", "unix"):
        return AccessRule(word == "allow", None, unix=what == "unix")
    return AccessRule(word == "allow", ip_network(what))


def rules(text: str) -> tuple[AccessRule, ...]:
    return tuple(rule(*line.split()) for line in text.split(";"))


@pytest.mark.parametrize(("text", "welcome"), [("allow 10.0.0.0/8; deny all", True), ("deny all", False)])
def test_a_denial_is_said_in_nginx_words(text: str, welcome: bool) -> None:
    client = Client("10.1.2.3")
    assert allowed(client, rules(text)) is welcome  # type: ignore[arg-type]  # all that it reads of a session
    assert client.said == ([] if welcome else ["access forbidden by rule while initializing session"])


def test_without_rules_all_may_come_in() -> None:
    assert allowed(Client("10.1.2.3"), ())  # type: ignore[arg-type]


def test_a_client_that_is_denied_hears_nothing(tmp_path: Path) -> None:
    text = "server { listen 127.0.0.1:%%PORT_a%%; deny 127.0.0.9; allow 127.0.0.0/8; deny all; return in; }"
    with Bench(text, tmp_path) as bench:
        assert bench.hear_all(bench.client()) == b"in"
        assert bench.ended(bench.client(source="127.0.0.9"))
        assert bench.refused("denied") == 1
        assert bench.status(403) == 1
        assert bench.line("access forbidden by rule while initializing session, client: 127.0.0.9, server: ")


def test_a_mapped_client_is_judged_by_its_ipv4_address(tmp_path: Path) -> None:
    text = "server { listen [::]:%%PORT_a%% ipv6only=off; allow 127.0.0.1; deny all; return in; }"
    with Bench(text, tmp_path) as bench:
        assert bench.hear_all(bench.client()) == b"in"
        assert bench.ended(bench.client(host="::1"))


def test_a_client_of_a_unix_socket_is_judged_as_one(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    text = f"server {{ listen unix:{path}; allow unix:; deny all; return in; }}"
    with Bench(text, tmp_path) as bench, connect_unix(str(path)) as client:
        client.setblocking(False)
        assert bench.hear_all(client) == b"in"
