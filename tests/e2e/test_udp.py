"""Datagrams: the same in nginx and in Penstock."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from daemon import Daemon
from deadline import seconds, wait_for
from gate import Gate, Tried
from oracle import PROGRAMS, oracle

CONFIG = """
worker_processes 1;
error_log %%DIR%%/info.log info;
stream {
    log_format udp '$server_port $protocol $status $bytes_received/$bytes_sent $upstream_bytes_received/$upstream_bytes_sent $server_addr';
    log_format peer '$server_port $status $upstream_addr';
    access_log %%DIR%%/access.log udp;
    proxy_timeout 300ms;
    limit_conn_zone $remote_addr zone=addr:1m;
    map $remote_addr $mapped { default 127.0.0.1:%%ECHO%%; }
    upstream dead { server 127.0.0.1:%%ECHO%% down; }
    upstream half { server 127.0.0.1:%%CLOSED%%; server 127.0.0.1:%%ECHO%%; }

    server { listen 127.0.0.1:%%PORT_plain%% udp;    proxy_pass 127.0.0.1:%%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_one%% udp;      proxy_pass 127.0.0.1:%%ECHO%%; proxy_responses 1; }
    server { listen 127.0.0.1:%%PORT_two%% udp;      proxy_pass 127.0.0.1:%%TWICE%%; proxy_responses 2; }
    server { listen 127.0.0.1:%%PORT_none%% udp;     proxy_pass 127.0.0.1:%%ECHO%%; proxy_responses 0; }
    server { listen 127.0.0.1:%%PORT_pairs%% udp;    proxy_pass 127.0.0.1:%%ECHO%%; proxy_requests 2; proxy_responses 1; }
    server { listen 127.0.0.1:%%PORT_requests%% udp; proxy_pass 127.0.0.1:%%ECHO%%; proxy_requests 1; }
    server { listen 127.0.0.1:%%PORT_silent%% udp;   proxy_pass 127.0.0.1:%%SILENT%%; proxy_responses 1; }
    server { listen 127.0.0.1:%%PORT_idle%% udp;     proxy_pass 127.0.0.1:%%SILENT%%; }
    server { listen 127.0.0.1:%%PORT_closed%% udp;   proxy_pass 127.0.0.1:%%CLOSED%%; proxy_responses 1; }
    server { listen 127.0.0.1:%%PORT_half%% udp;     proxy_pass half; proxy_responses 1; access_log %%DIR%%/access.log peer; }
    server { listen 127.0.0.1:%%PORT_dead%% udp;     proxy_pass dead; }
    server { listen 127.0.0.1:%%PORT_mapped%% udp;   proxy_pass $mapped; proxy_responses 1; }
    server { listen 127.0.0.1:%%PORT_named%% udp;    proxy_pass nowhere.$remote_addr:1; }
    server { listen 127.0.0.1:%%PORT_says%% udp;     return "$protocol $bytes_received"; }
    server { listen 127.0.0.1:%%PORT_mute%% udp;     return ""; }
    server { listen 127.0.0.1:%%PORT_denied%% udp;   proxy_pass 127.0.0.1:%%ECHO%%; deny all; }
    server { listen 127.0.0.1:%%PORT_limited%% udp;  proxy_pass 127.0.0.1:%%ECHO%%; limit_conn addr 1; proxy_timeout 2s; }
    server { listen 127.0.0.1:%%PORT_header%% udp;   proxy_pass 127.0.0.1:%%ECHO%%; proxy_protocol on; }
    server { listen %%PORT_wild%% udp;               proxy_pass 127.0.0.1:%%ECHO%%; proxy_responses 1; }
    server { listen [::1]:%%PORT_six%% udp;          proxy_pass 127.0.0.1:%%ECHO%%; proxy_responses 1; }
    server { listen 127.0.0.1:%%PORT_both%% udp;     return "udp"; }
    server { listen 127.0.0.1:%%PORT_both%%;         return "tcp"; }
    server { listen 127.0.0.1:%%PORT_own%% udp reuseport rcvbuf=64k sndbuf=64k; return "own"; }
    server { listen 127.0.0.1:%%PORT_paced%% udp;    proxy_pass 127.0.0.1:%%TWICE%%; proxy_download_rate 1000; proxy_timeout 3s; }
}
"""


class Datagrams:
    """A peer that answers each datagram so many times; it counts from how many sockets they came."""

    def __init__(self, answers: int) -> None:
        self.answers = answers
        self.senders: list[object] = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def __str__(self) -> str:
        return str(self.port)

    def _serve(self) -> None:
        while True:
            data, sender = self.sock.recvfrom(65536)
            if data == b"end of test":
                return
            self.senders.append(sender)
            for _ in range(self.answers):
                self.sock.sendto(data, sender)

    def close(self) -> None:
        """End the thread."""
        self.sock.sendto(b"end of test", self.sock.getsockname())
        self.thread.join(seconds(5))
        self.sock.close()


@pytest.fixture(scope="module")
def peers() -> Iterator[dict[str, object]]:
    closed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    closed.bind(("127.0.0.1", 0))
    # connected to itself, it refuses whatever comes from elsewhere, and nobody else gets the port
    closed.connect(closed.getsockname())
    found = {"ECHO": Datagrams(1), "TWICE": Datagrams(2), "SILENT": Datagrams(0)}
    yield {**found, "CLOSED": closed.getsockname()[1]}
    for peer in found.values():
        peer.close()
    closed.close()


@pytest.fixture(scope="module", params=PROGRAMS)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, peers: dict[str, object]
) -> Iterator[Daemon]:
    with oracle(request.param, tmp_path_factory.mktemp("udp"), CONFIG, **peers) as daemon:
        yield daemon


@pytest.fixture
def client() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(seconds(5))
        yield sock


def ask(client: socket.socket, port: int, data: bytes, host: str = "127.0.0.1") -> bytes:
    """One datagram there, one back."""
    client.sendto(data, (host, port))
    return client.recvfrom(65536)[0]


def heard_nothing(client: socket.socket) -> bool:
    client.settimeout(0.15)
    try:
        client.recv(65536)
    except TimeoutError:
        return True
    return False


def test_a_session_takes_what_one_client_sends(running: Daemon, client: socket.socket) -> None:
    port = running.port("plain")
    assert [ask(client, port, data) for data in (b"a", b"bc", b"def")] == [b"a", b"bc", b"def"]
    assert running.session("plain") == "UDP 200 6/6 6/6 127.0.0.1"
    running.logged(
        rf"{client.getsockname()[1]} connected to 127.0.0.1:{port}$|udp timed out, packets from/to client:3/3, bytes from/to client:6/6, bytes from/to upstream:6/6$",
        "info.log",
    )


def test_an_empty_datagram_is_one(running: Daemon, client: socket.socket) -> None:
    assert ask(client, running.port("one"), b"") == b""
    running.logged(
        r"udp done, packets from/to client:1/1, bytes from/to client:0/0, bytes from/to upstream:0/0$", "info.log"
    )


def test_a_session_ends_with_the_answer_expected(running: Daemon, client: socket.socket) -> None:
    number = rf"\*(\d+) udp client 127.0.0.1:{client.getsockname()[1]} "
    assert ask(client, running.port("one"), b"x") + ask(client, running.port("one"), b"y") == b"xy"
    assert len(running.all_logged(number, 2, "info.log")) == 2


def test_several_answers_are_expected(running: Daemon, client: socket.socket) -> None:
    assert ask(client, running.port("two"), b"x") + client.recv(9) == b"xx"
    assert running.session("two") == "UDP 200 1/2 2/1 127.0.0.1"


def test_no_answers_are_expected(running: Daemon, client: socket.socket) -> None:
    client.sendto(b"x", ("127.0.0.1", running.port("none")))
    assert running.session("none") == "UDP 200 1/0 0/1 127.0.0.1"
    assert heard_nothing(client)


def test_so_many_requests_make_a_session(running: Daemon, client: socket.socket) -> None:
    assert [ask(client, running.port("pairs"), b"x") for _ in range(3)] == [b"x"] * 3
    assert running.sessions("pairs", 2) == ["UDP 200 2/2 2/2 127.0.0.1", "UDP 200 1/1 1/1 127.0.0.1"]


def test_a_session_that_takes_no_more_still_hears_its_peer(running: Daemon, client: socket.socket) -> None:
    assert [ask(client, running.port("requests"), b"x") for _ in range(2)] == [b"x"] * 2
    assert running.sessions("requests", 2) == ["UDP 200 1/1 1/1 127.0.0.1"] * 2


def test_an_answer_that_does_not_come_is_a_failure(running: Daemon, client: socket.socket) -> None:
    client.sendto(b"x", ("127.0.0.1", running.port("silent")))
    assert running.session("silent") == "UDP 502 1/0 0/1 127.0.0.1"
    running.logged(
        r"\[error\].* upstream timed out \(110: Connection timed out\) while proxying connection, udp client: 127.0.0.1, server: .*, bytes from/to client:1/0, bytes from/to upstream:0/1$",
        "info.log",
    )


def test_silence_is_none_where_nothing_was_promised(running: Daemon, client: socket.socket) -> None:
    client.sendto(b"x", ("127.0.0.1", running.port("idle")))
    assert running.session("idle") == "UDP 200 1/0 0/1 127.0.0.1"


def test_a_port_that_refuses_is_logged(running: Daemon, client: socket.socket) -> None:
    assert ask(client, running.port("closed"), b"x") == b""
    assert running.session("closed") == "UDP 200 1/0 0/1 127.0.0.1"
    running.logged(
        rf"\[error\].* recv\(\) failed \(111: Connection refused\) while proxying and reading from upstream, udp client: 127.0.0.1, server: 127.0.0.1:{running.port('closed')}, upstream: ",
        "info.log",
    )


def test_after_a_refusal_the_other_peer_is_asked(running: Daemon, client: socket.socket) -> None:
    assert [ask(client, running.port("half"), b"x") for _ in range(4)] == [b"", b"x", b"x", b"x"]
    running.logged(r"\[warn\].* upstream server temporarily disabled while proxying connection, udp client", "info.log")


def test_no_live_peer(running: Daemon, client: socket.socket) -> None:
    client.sendto(b"x", ("127.0.0.1", running.port("dead")))
    assert running.session("dead") == "UDP 502 1/0 0/0 127.0.0.1"
    running.logged(
        r'no live upstreams while connecting to upstream, udp client: .*, upstream: "dead", bytes from/to client:1/0',
        "info.log",
    )


def test_the_peer_may_come_from_a_variable(running: Daemon, client: socket.socket) -> None:
    assert ask(client, running.port("mapped"), b"x") == b"x"


def test_a_name_needs_a_resolver(running: Daemon, client: socket.socket) -> None:
    client.sendto(b"x", ("127.0.0.1", running.port("named")))
    assert running.session("named").startswith("UDP 500 1/0 ")


def test_return_answers_each_datagram(running: Daemon, client: socket.socket) -> None:
    assert ask(client, running.port("says"), b"abc") == b"UDP 3"
    assert ask(client, running.port("says"), b"") == b"UDP 0"
    assert running.sessions("says", 2)[0] == "UDP 200 3/5 -/- 127.0.0.1"


def test_an_empty_return_sends_nothing(running: Daemon, client: socket.socket) -> None:
    client.sendto(b"x", ("127.0.0.1", running.port("mute")))
    assert running.session("mute") == "UDP 200 1/0 -/- 127.0.0.1"
    assert heard_nothing(client)


def test_access_rules(running: Daemon, client: socket.socket) -> None:
    client.sendto(b"x", ("127.0.0.1", running.port("denied")))
    assert running.session("denied") == "UDP 403 1/0 -/- 127.0.0.1"
    running.logged("access forbidden by rule while initializing session, udp client: 127.0.0.1, server", "info.log")


def test_sessions_count_for_limit_conn(running: Daemon, client: socket.socket) -> None:
    port = running.port("limited")
    assert ask(client, port, b"x") == b"x"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.sendto(b"y", ("127.0.0.1", port))
        assert running.session("limited") == "UDP 503 1/0 -/- 127.0.0.1"
    assert ask(client, port, b"z") == b"z"


def test_the_proxy_header_goes_before_the_first_datagram(running: Daemon, client: socket.socket) -> None:
    port = running.port("header")
    header = f"PROXY TCP4 127.0.0.1 127.0.0.1 {client.getsockname()[1]} {port}\r\n".encode()
    assert [ask(client, port, b"x"), ask(client, port, b"y")] == [header + b"x", b"y"]


def test_a_wildcard_answers_from_the_address_that_was_asked(running: Daemon, client: socket.socket) -> None:
    for host in ("127.0.0.7", "127.0.0.8"):
        client.sendto(b"x", (host, running.port("wild")))
        assert client.recvfrom(9) == (b"x", (host, running.port("wild")))
    assert running.sessions("wild", 2) == [f"UDP 200 1/1 1/1 127.0.0.{n}" for n in (7, 8)]


def test_ipv6(running: Daemon) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
        client.settimeout(seconds(5))
        assert ask(client, running.port("six"), b"x", "::1") == b"x"
    assert running.session("six") == "UDP 200 1/1 1/1 ::1"


def test_an_address_may_be_listened_on_for_both(running: Daemon, client: socket.socket) -> None:
    assert ask(client, running.port("both"), b"x") == b"udp"
    with socket.create_connection(("127.0.0.1", running.port("both")), timeout=seconds(5)) as connection:
        assert connection.recv(9) == b"tcp"


def test_parameters_of_a_socket(running: Daemon, client: socket.socket) -> None:
    assert ask(client, running.port("own"), b"x") == b"own"


def test_a_rate_does_not_split(running: Daemon, client: socket.socket) -> None:
    for _ in range(2):
        client.sendto(bytes(600), ("127.0.0.1", running.port("paced")))
    sizes = [len(client.recv(9000)) for _ in range(4)]
    assert sum(sizes) <= 2400
    if isinstance(running, Gate):  # nginx cuts what is over the second's share
        assert sizes == [600] * 4


WIDE = """
worker_processes %%WORKERS%%;
worker_shutdown_timeout 10s;
stream {
    access_log off;
    proxy_timeout 5s;
    log_format x '$server_port $pid $remote_port';
    access_log %%DIR%%/access.log x;
    server { listen %%PORT_a%% udp reuseport; proxy_pass 127.0.0.1:%%ECHO%%; }
    server { listen [::]:%%PORT_a6%% udp ipv6only=off; proxy_pass 127.0.0.1:%%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_pid%% udp; return $pid; }
}
"""


def test_a_datagram_is_never_cut(
    tmp_path_factory: pytest.TempPathFactory, peers: dict[str, object], client: socket.socket
) -> None:
    with Gate(tmp_path_factory.mktemp("wide"), WIDE, WORKERS=1, **peers) as gate:
        assert ask(client, gate.port("a"), b"x") == b"x"
        assert [len(ask(client, gate.port("a"), bytes(size))) for size in (40000, 65507)] == [40000, 65507]
        assert gate.metric("penstock_bytes_total", listener=f"udp:0.0.0.0:{gate.port('a')}", direction="in") == 105508
        gate.wait_metric("penstock_sessions_active", 1)


def test_a_dual_stack_wildcard_answers_as_it_was_asked(
    tmp_path_factory: pytest.TempPathFactory, peers: dict[str, object], client: socket.socket
) -> None:
    with Gate(tmp_path_factory.mktemp("dual"), WIDE, WORKERS=1, **peers) as gate:
        client.sendto(b"x", ("127.0.0.9", gate.port("a6")))
        assert client.recvfrom(9) == (b"x", ("127.0.0.9", gate.port("a6")))


def test_a_client_stays_with_its_worker(tmp_path_factory: pytest.TempPathFactory, peers: dict[str, object]) -> None:
    with Gate(tmp_path_factory.mktemp("stay"), WIDE, WORKERS=2, **peers) as gate, ExitStack() as stack:
        clients = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(16)]
        for one in clients:
            one.settimeout(seconds(5))
        port = gate.port("pid")
        before = [{ask(one, port, b"x") for _ in range(5)} for one in clients]
        assert all(len(pids) == 1 for pids in before)
        assert len(set().union(*before)) == 2
        gate.reload()
        after = [{ask(one, port, b"x") for _ in range(5)} for one in clients]
        assert all(len(pids) == 1 for pids in after)
        # those who shared a worker share one again: the sockets, and so the kernel's choice, are the same
        assert len({(frozenset(old), frozenset(new)) for old, new in zip(before, after, strict=True)}) == 2


@pytest.mark.parametrize(("first", "then"), [(1, 3), (3, 1)])
def test_datagrams_are_answered_over_a_change_of_workers(
    tmp_path_factory: pytest.TempPathFactory, peers: dict[str, object], client: socket.socket, first: int, then: int
) -> None:
    with Gate(tmp_path_factory.mktemp("grow"), WIDE, WORKERS=first, **peers) as gate:
        assert ask(client, gate.port("a"), b"x") == b"x"
        gate.reload(WIDE.replace("%%WORKERS%%", str(then)))
        assert [ask(client, gate.port("a"), b"%d" % n) for n in range(20)] == [b"%d" % n for n in range(20)]


def test_a_session_hears_its_peer_after_a_reload(
    tmp_path_factory: pytest.TempPathFactory, client: socket.socket
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(seconds(5))
        with Gate(tmp_path_factory.mktemp("late"), WIDE, WORKERS=1, ECHO=peer.getsockname()[1]) as gate:
            client.sendto(b"x", ("127.0.0.1", gate.port("a")))
            _, proxy = peer.recvfrom(9)
            gate.reload()
            peer.sendto(b"late", proxy)
            assert client.recvfrom(9) == (b"late", ("127.0.0.1", gate.port("a")))
            gate.stop(signal.SIGTERM)


def test_too_many_sessions_are_refused_and_the_others_go_on(
    tmp_path_factory: pytest.TempPathFactory, peers: dict[str, object]
) -> None:
    text = "events { worker_connections 8; }" + WIDE
    with Gate(tmp_path_factory.mktemp("full"), text, WORKERS=1, **peers) as gate, ExitStack() as stack:
        clients = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(5)]
        for one in clients:
            one.settimeout(seconds(5))
        assert [ask(one, gate.port("a"), b"x") for one in clients[:4]] == [b"x"] * 4
        clients[4].sendto(b"x", ("127.0.0.1", gate.port("a")))
        gate.logged("8 worker_connections are not enough")
        assert ask(clients[0], gate.port("a"), b"y") == b"y"


def test_a_udp_port_in_use_is_an_error(tmp_path_factory: pytest.TempPathFactory) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        tried = Tried(
            tmp_path_factory.mktemp("taken"), f"stream {{ server {{ listen 127.0.0.1:{port} udp; return x; }} }}"
        )
    assert tried.result.returncode == 1
    assert re.search(rf"bind\(\) to 127.0.0.1:{port} failed \(98: Address already in use\)", str(tried.result))


def test_many_datagrams_at_once_are_all_taken(
    tmp_path_factory: pytest.TempPathFactory, peers: dict[str, object], client: socket.socket
) -> None:
    with Gate(tmp_path_factory.mktemp("many"), WIDE, WORKERS=1, **peers) as gate:
        for number in range(200):
            client.sendto(b"%d" % number, ("127.0.0.1", gate.port("a")))
        assert {client.recv(9) for _ in range(200)} == {b"%d" % number for number in range(200)}
        wait_for(lambda: gate.metric("penstock_sessions_active") == 1, "one session")
