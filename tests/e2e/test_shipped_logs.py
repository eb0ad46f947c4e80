"""The plugins that log, in a started Penstock, with real receivers: what arrives, what waits, and what is lost."""

from __future__ import annotations

import json
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import peers
import pytest
from certs import Authority
from clients import ask, connect, read_all
from deadline import wait_for
from gate import Gate
from peers import Full, Peer
from ports import free_port
from three_ways import HEAD, WAYS, routes, visited


class Kept:
    """A TCP server that keeps what comes."""

    def __init__(self, port: int = 0) -> None:
        self.data = bytearray()
        self.peer = Peer(self._keep, port=port)

    def _keep(self, connection: socket.socket) -> None:
        while data := connection.recv(65536):
            self.data += data

    def lines(self) -> list[bytes]:
        """What came, by line."""
        return bytes(self.data).split(b"\n")[:-1]


class Datagrams:
    """A socket that keeps what comes."""

    def __init__(self, path: Path | None = None) -> None:
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(str(path) if path else ("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port = 0 if path else self.socket.getsockname()[1]
        self.found: list[bytes] = []

    def lines(self) -> list[bytes]:
        """Every datagram so far."""
        try:
            while True:
                self.found.append(self.socket.recv(65536))
        except BlockingIOError:
            return self.found


class Web:
    """An HTTP server that keeps bodies; `statuses` are the next answers, then 200."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.statuses: list[int] = []
        kept = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                kept.bodies.append((dict(self.headers), body))
                self.send_response(kept.statuses.pop(0) if kept.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()
        self.port = self.server.server_address[1]

    def close(self) -> None:
        """Stop."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()


@pytest.fixture(scope="module")
def tcp() -> Iterator[Kept]:
    kept = Kept()
    yield kept
    kept.peer.close()


@pytest.fixture(scope="module")
def udp() -> Iterator[Datagrams]:
    kept = Datagrams()
    yield kept
    kept.socket.close()


@pytest.fixture(scope="module")
def statsd() -> Iterator[Datagrams]:
    kept = Datagrams()
    yield kept
    kept.socket.close()


@pytest.fixture(scope="module")
def syslog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Datagrams, Path]]:
    path = tmp_path_factory.mktemp("syslog") / "log"
    kept = Datagrams(path)
    yield kept, path
    kept.socket.close()


PLUGINS: Final = """
    plugin tcp-log { host 127.0.0.1; port %%TCP%%; custom_fields { mine "<$protocol>"; } }
    plugin udp-log { host localhost; port %%UDP%%; at_connect on; }
    plugin http-log { http_endpoint http://127.0.0.1:%%WEB%%/log; headers { X-Gate one; } }
    plugin syslog { host unix:%%SYSLOG%%; facility local3; client_errors_severity warning; }
    plugin statsd { host 127.0.0.1; port %%STATSD%%; }
"""


@pytest.fixture(scope="module")
def gate(
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    echo: Peer,
    tls_echo: Peer,
    web: Web,
    tcp: Kept,
    udp: Datagrams,
    statsd: Datagrams,
    syslog: tuple[Datagrams, Path],
) -> Iterator[Gate]:
    pair = authority.issue("*.ended.test")
    values: dict[str, object] = {"CRT": pair.crt, "KEY": pair.key, "ECHO": echo, "TLS_ECHO": tls_echo}
    values |= {"TCP": tcp.peer.port, "UDP": udp.port, "WEB": web.port, "SYSLOG": syslog[1], "STATSD": statsd.port}
    refused = routes("no", "plugin acl { deny { sni *; tls_version none; } }")
    text = "worker_processes 2; stream {" + PLUGINS + HEAD + routes("yes", "") + refused + "}"
    with Gate(tmp_path_factory.mktemp("logs"), text, **values) as running:
        yield running


Receive = Callable[[], list[bytes]]


@pytest.fixture
def receivers(
    web: Web, tcp: Kept, udp: Datagrams, statsd: Datagrams, syslog: tuple[Datagrams, Path]
) -> dict[str, Receive]:
    return {
        "tcp-log": tcp.lines,
        "udp-log": udp.lines,
        "http-log": lambda: [json.dumps(body).encode() for _, body in web.bodies],
        "syslog": lambda: [line[line.index(b"{") :] for line in syslog[0].lines()],
        "statsd": statsd.lines,
    }


RECORDS: Final = ("tcp-log", "udp-log", "http-log", "syslog")


def arrived(receive: Receive, before: int, route: str, event: str = "end") -> dict[str, Any]:
    """The first record of a route behind so many."""

    def find() -> dict[str, Any] | None:
        rows = [json.loads(line) for line in receive()[before:]]
        return next((row for row in rows if row["route"]["name"] == route and row["event"] == event), None)

    found = wait_for(find, f"a record of {route}")
    assert found is not None
    return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", RECORDS)
def test_a_session_arrives_as_a_record(gate: Gate, receivers: dict[str, Receive], name: str, way: str) -> None:
    receive = receivers[name]
    before = len(receive())
    assert visited(gate, "yes", way) == b"hello"
    record = arrived(receive, before, f"yes_{way}")
    assert record["session"]["status"] == 200
    assert record["tries"][0]["outcome"] == "ok"
    assert ("tls" in record["session"]) is (way == "ended")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", RECORDS)
def test_a_refused_session_arrives_too(gate: Gate, receivers: dict[str, Receive], name: str, way: str) -> None:
    receive = receivers[name]
    before = len(receive())
    assert visited(gate, "no", way) == b""
    record = arrived(receive, before, f"no_{way}")
    assert (record["session"]["status"], record["refusal"], record["tries"]) == (403, "denied", [])


@pytest.mark.parametrize("way", WAYS)
def test_statsd_gets_the_figures_of_a_session(gate: Gate, receivers: dict[str, Receive], way: str) -> None:
    receive = receivers["statsd"]
    before = len(receive())
    assert visited(gate, "yes", way) == b"hello"
    service = "tls_echo" if way == "passed" else "echo"
    wanted = rf"kong\.service\.{service}\.(request\.count:1\|c|latency:\d+\|ms|status\.200:1\|c)"

    def matched() -> bool:
        return sum(re.fullmatch(wanted, line.decode()) is not None for line in receive()[before:]) == 3

    wait_for(matched, "three of its figures")


def test_fields_of_ones_own_and_events_are_sent(gate: Gate, receivers: dict[str, Receive]) -> None:
    before = {name: len(receivers[name]()) for name in RECORDS}
    assert visited(gate, "yes", "plain") == b"hello"
    assert arrived(receivers["tcp-log"], before["tcp-log"], "yes_plain")["mine"] == "<TCP>"
    assert arrived(receivers["udp-log"], before["udp-log"], "yes_plain", "connect")["session"]["status"] == 0


def test_headers_are_sent_and_one_record_is_an_object(gate: Gate, web: Web) -> None:
    before = len(web.bodies)
    assert visited(gate, "yes", "plain") == b"hello"
    wait_for(lambda: len(web.bodies) > before, "a request")
    headers, body = web.bodies[before]
    assert (headers["X-Gate"], headers["Content-Type"]) == ("one", "application/json")
    assert isinstance(body, dict)


def test_what_http_refuses_is_sent_again(gate: Gate, web: Web) -> None:
    web.statuses[:] = [500, 429]
    before = len(web.bodies)
    assert visited(gate, "yes", "plain") == b"hello"
    wait_for(lambda: len(web.bodies) >= before + 3, "three requests")
    assert web.bodies[before][1]["connection"] == web.bodies[before + 2][1]["connection"]
    gate.logged(r'plugin "http-log": a delivery failed, it is tried again: OSError: the server answered 500')


@pytest.mark.parametrize(("name", "priority"), [("yes", 158), ("no", 156)])
def test_syslog_has_facility_and_severity(gate: Gate, syslog: tuple[Datagrams, Path], name: str, priority: int) -> None:
    before = len(syslog[0].lines())
    visited(gate, name, "plain")
    line = wait_for(lambda: syslog[0].lines()[before:], "a line")[0].decode()
    assert re.match(rf"<{priority}>\w{{3}} [ \d]\d \d\d:\d\d:\d\d \S+ penstock: {{", line), line


def test_records_are_counted(gate: Gate, receivers: dict[str, Receive]) -> None:
    before = gate.metrics()
    assert visited(gate, "yes", "plain") == b"hello"
    for name in (*RECORDS, "statsd"):
        for outcome in ("queued", "delivered"):
            labels = {"plugin": name, "outcome": outcome}
            least = before.value("penstock_plugin_records_total", **labels) + 1
            wait_for(lambda: gate.metric("penstock_plugin_records_total", **labels) >= least, f"{labels}")  # noqa: B023
    assert receivers


# Receivers that are away, or slow; and the end.

ONE_METRIC: Final = "metrics { name request_count; stat_type counter; }"
ONE: Final = "stream { server { listen 127.0.0.1:%%PORT_a%%; return hello; } plugin %%PLUGIN%% }"


def sessions(gate: Gate, count: int) -> None:
    for _ in range(count):
        assert ask(gate.port("a")) == b"hello"


def test_records_wait_for_a_server_that_is_away(tmp_path: Path) -> None:
    port = free_port()
    with Gate(tmp_path, ONE, PLUGIN=f"tcp-log {{ host 127.0.0.1; port {port}; }}") as gate:
        sessions(gate, 3)
        gate.logged('plugin "tcp-log": a delivery failed, it is tried again: ConnectionRefusedError')
        kept = Kept(port)
        wait_for(lambda: len(kept.lines()) == 3, "all records")
        kept.peer.close()


def test_the_oldest_are_dropped_counted_and_told(tmp_path: Path) -> None:
    port = free_port()
    plugin = f"tcp-log {{ host 127.0.0.1; port {port}; queue {{ max_entries 2; }} }}"
    with Gate(tmp_path, ONE, PLUGIN=plugin) as gate:
        sessions(gate, 1)
        gate.logged("a delivery failed")
        sessions(gate, 5)
        gate.wait_metric("penstock_plugin_records_total", 3, plugin="tcp-log", outcome="dropped")
        gate.logged('plugin "tcp-log": records dropped: 1, because the queue is full with 2 records')
        kept = Kept(port)
        wait_for(lambda: len(kept.lines()) == 3, "what was kept")
        kept.peer.close()
        numbers = [json.loads(line)["connection"] for line in kept.lines()]
        assert numbers == [numbers[0], numbers[0] + 4, numbers[0] + 5]


def test_a_receiver_that_does_not_answer_holds_up_no_session(tmp_path: Path) -> None:
    full = Full()
    try:
        with Gate(tmp_path, ONE, PLUGIN=f"tcp-log {{ host 127.0.0.1; port {full.port}; timeout 300; }}") as gate:
            begun = time.monotonic()
            sessions(gate, 20)
            assert time.monotonic() - begun < 20 * 0.3, "none waited for the receiver"
            gate.logged(rf"TimeoutError: nothing went to 127\.0\.0\.1:{full.port} within 0\.3 s")
            gate.stop(signal.SIGTERM)
            gate.logged('plugin "tcp-log": close took longer than 2 s')
            gate.logged(r'plugin "tcp-log": records dropped: 1\d, because the worker ends')  # some were on their way
    finally:
        full.close()


def test_a_hurried_end_waits_for_no_answer_and_tells_what_is_lost(tmp_path: Path) -> None:
    with Peer(peers.stalls) as silent:
        plugin = f"http-log {{ http_endpoint http://127.0.0.1:{silent.port}/; }}"
        with Gate(tmp_path, ONE, PLUGIN=plugin) as gate:
            sessions(gate, 3)
            silent.wait_accepted(1)
            assert gate.stop(signal.SIGTERM) == 0
            gate.logged('plugin "http-log": records dropped: 2, because the worker ends')


@pytest.mark.parametrize("name", ["tcp-log", "udp-log", "http-log", "syslog", "statsd"])
def test_what_is_queued_is_delivered_at_a_graceful_stop(tmp_path: Path, name: str) -> None:
    later = "queue { max_batch_size 100; max_coalescing_delay 1h; }"
    tcp, udp, web = Kept(), Datagrams(), Web()
    texts = {
        "tcp-log": f"tcp-log {{ host 127.0.0.1; port {tcp.peer.port}; {later} }}",
        "udp-log": f"udp-log {{ host 127.0.0.1; port {udp.port}; {later} }}",
        "http-log": f"http-log {{ http_endpoint http://127.0.0.1:{web.port}/; {later} }}",
        "syslog": f"syslog {{ host 127.0.0.1; port {udp.port}; {later} }}",
        "statsd": f"statsd {{ host 127.0.0.1; port {udp.port}; {ONE_METRIC} {later} }}",
    }

    def count() -> int:
        return len(tcp.lines()) + len(udp.lines()) + sum(len(body) for _, body in web.bodies)

    try:
        with Gate(tmp_path, ONE, PLUGIN=texts[name]) as gate:
            sessions(gate, 3)
            gate.wait_metric("penstock_plugin_records_total", 3, plugin=name, outcome="queued")
            assert count() == 0
            assert gate.stop(signal.SIGQUIT) == 0
            wait_for(lambda: count() == 3, "what was queued")
    finally:
        tcp.peer.close()
        udp.socket.close()
        web.close()


def test_batches_are_arrays(tmp_path: Path) -> None:
    web = Web()
    queue = "queue { max_batch_size 3; max_coalescing_delay 1h; }"
    plugin = f"http-log {{ http_endpoint http://127.0.0.1:{web.port}/; {queue} }}"
    try:
        with Gate(tmp_path, ONE, PLUGIN=plugin) as gate:
            sessions(gate, 7)
            wait_for(lambda: len(web.bodies) == 2, "two full batches")
            assert gate.stop(signal.SIGQUIT) == 0
        assert [len(body) for _, body in web.bodies] == [3, 3, 1]
    finally:
        web.close()


def test_tcp_log_speaks_tls(tmp_path: Path, authority: Authority) -> None:
    data = bytearray()

    def keep(connection: socket.socket) -> None:
        while more := connection.recv(65536):
            data.extend(more)

    with Peer(keep, tls=authority.server("log.test")) as peer:
        plugin = (
            f"tcp-log {{ host 127.0.0.1; port {peer.port}; tls on; tls_verify on; tls_sni log.test; "
            f"ca_certificates {authority.file}; }}"
        )
        with Gate(tmp_path, ONE, PLUGIN=plugin) as gate, connect(gate.port("a")) as client:
            assert read_all(client) == b"hello"
            wait_for(lambda: data.endswith(b"}\n"), "a record")
