"""The peer that a key meets, one key after another, beside the real nginx."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, Final

import pytest
from clients import read_all
from needs import requires
from nginx import Nginx
from viewed import Viewed

from penstock.shared.model.address import ipv4
from penstock.shared.model.upstream import Peer, Upstream
from penstock.shared.template import compile_template
from penstock.shared.variables import lookup
from penstock.worker.balance import Balancer
from penstock.worker.balance_hash import halves
from penstock.worker.methods import make_balancer

KEYS: Final = [f"127.{number % 3}.{number}.{number * 7 % 250 + 1}" for number in range(1, 101)]

CONFIGURATION = """
events { worker_connections 1024; }
stream {
    log_format tries "$remote_addr $upstream_addr";
    server { listen 127.0.0.1:%%PORT_a%%; return a; }
    server { listen 127.0.0.1:%%PORT_b%%; return b; }
    server { listen 127.0.0.1:%%PORT_c%%; return c; }
    server { listen 127.0.0.1:%%PORT_d%%; return d; }
    upstream u { hash %%METHOD%%; %%SERVERS%% }
    server { listen 127.0.0.1:%%PORT_gate%%; proxy_pass u; access_log tries.log tries; }
}
"""
CASES = {
    "equal": "a; b; c; d",
    "weights": "a weight=5; b; c weight=3; d weight=2",
    "down": "a; b down weight=3; c; d",
    "a dead peer that is never out": "a; x max_fails=0; c weight=2; d",
    "a dead peer that is soon out": "a; x weight=3; c; d",
    "two dead peers": "a; x max_fails=3; y weight=4; d",
    "almost all is dead": "x max_fails=0 weight=25; y max_fails=0 weight=25; c; d",
    "almost all is down": "a down weight=25; b down weight=25; c; d",
    "alone": "a",
    "all down": "a down; b down",
}


def hashed(method: str, *peers: Peer) -> Balancer:
    key, _, rest = method.partition(" ")
    return make_balancer(
        Upstream("u", peers, method="hash", method_arguments=tuple(rest.split()), key=compile_template(key, lookup)),
        lambda: 1000.0,
    )


def tried_by(balance: Balancer, key: str, dead: set[int]) -> str:
    """What nginx would log of a session: the ports it tried, or the upstream's name."""
    tried, said = 0, list[str]()
    session = Viewed(remote_addr=key)
    for _ in range(max(balance.tries, 1)):
        state = balance.pick(tried, session)
        if state is None:
            return ", ".join([*said, "u"])
        tried |= state.bit
        said.append(state.text)
        failed = state.address.port in dead
        balance.free(state, failed, 1000.0)
        if not failed:
            break
    return ", ".join(said)


@requires("nginx-stream")
@pytest.mark.parametrize(
    ("case", "key"),
    [
        *((case, key) for case in CASES for key in ("$remote_addr", "$remote_addr consistent")),
        *(("weights", key) for key in ("''", "'' consistent")),
    ],
)
def test_every_key_meets_the_peer_that_it_meets_in_nginx(tmp_path: Path, case: str, key: str) -> None:
    servers = CASES[case]
    text = "".join(f"server 127.0.0.1:%%PORT_{line.strip()[0]}%% {line.strip()[1:]};" for line in servers.split(";"))
    filled = CONFIGURATION.replace("%%SERVERS%%", text).replace("%%METHOD%%", key)
    with Nginx(tmp_path, filled) as nginx:
        for source in KEYS:
            ask_from(source, nginx.port("gate"))
        said = dict(line.split(" ", 1) for line in nginx.all_logged("", len(KEYS), "tries.log"))
        balance = hashed(key.replace("''", ""), *(configured(line.split(), nginx) for line in servers.split(";")))
        dead = {nginx.port(name) for name in "xyz"}
        assert {source: tried_by(balance, source, dead) for source in KEYS} == said


def ask_from(source: str, port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=15, source_address=(source, 0)) as client:
        return read_all(client)


def configured(words: list[str], nginx: Nginx) -> Peer:
    letter, *parameters = words
    given: dict[str, Any] = {
        key: int(value) if value else True for key, _, value in (each.partition("=") for each in parameters)
    }
    address = ipv4("127.0.0.1", nginx.port(letter))
    return Peer(str(address), address, **given)


def test_a_backup_serves_where_hashing_leads_nowhere() -> None:
    peers = (Peer("a:1", ipv4("127.0.0.1", 1), down=True), Peer("b:2", ipv4("127.0.0.1", 2), backup=True))
    for method in ("$remote_addr", "$remote_addr consistent"):
        assert tried_by(hashed(method, *peers), "127.0.0.1", set()) == "127.0.0.1:2"


def test_max_conns_sends_a_key_elsewhere_until_there_is_room() -> None:
    peers = tuple(Peer(f"h:{port}", ipv4("127.0.0.1", port), max_conns=1) for port in (1, 2))
    for method in ("$remote_addr", "$remote_addr consistent"):
        balance = hashed(method, *peers)
        session = Viewed(remote_addr="10.0.0.1")
        first, second = balance.pick(0, session), balance.pick(0, session)
        assert first is not None
        assert second is not None
        assert first is not second
        assert balance.pick(0, session) is None
        balance.free(first, False, 1000.0)
        assert balance.pick(0, session) is first


def test_addresses_of_one_name_share_its_keys_in_turn() -> None:
    peers = (Peer("one:1", None), Peer("two:1", ipv4("127.0.0.2", 1)))
    balance = hashed("$remote_addr consistent", *peers)
    before = {key for key in KEYS if tried_by(balance, key, set()) == "127.0.0.2:1"}
    balance.set_addresses(0, [ipv4("127.0.1.1", 1), ipv4("127.0.1.2", 1)])
    after = {key: tried_by(balance, key, set()) for key in KEYS}
    kept = {key for key, address in after.items() if address == "127.0.0.2:1"}
    assert before == set(KEYS)
    assert 0 < len(kept) < len(KEYS)
    turns = [address for address in after.values() if address != "127.0.0.2:1"]
    assert turns == [f"127.0.1.{1 + number % 2}:1" for number in range(len(turns))]


def test_a_peer_that_goes_moves_only_its_own_keys() -> None:
    peers = [Peer(f"10.0.0.{number}:80", ipv4(f"10.0.0.{number}", 80)) for number in range(1, 9)]
    whole, less = hashed("$remote_addr consistent", *peers), hashed("$remote_addr consistent", *peers[1:])
    for key in KEYS:
        before = tried_by(whole, key, set())
        assert before == "10.0.0.1:80" or tried_by(less, key, set()) == before


def test_where_nginx_cuts_a_server() -> None:
    names = ("h:80", "h", "unix:/a:80", "UNIX:/b", "[::1]:8", "[::1]", "h:8o", "h:")
    assert [halves(name) for name in names] == [
        ("h", "80"),
        ("h", ""),
        ("/a:80", ""),
        ("/b", ""),
        ("[::1]", "8"),
        ("[::1]", ""),
        ("h:8o", ""),
        ("h", ""),
    ]
