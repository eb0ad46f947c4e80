"""Plugins from a folder, in a started Penstock: what they see, what they decide, and what they can break."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from certs import Authority
from clients import careless, client_hello, connect, connect_tls, ended_without_a_byte, read_exactly
from deadline import wait_for
from gate import Gate
from peers import Peer

FOLDER: Final = Path(__file__).parent.parent / "data" / "plugins"

NOTHING_BUT_ALERTS: Final = re.compile(r"\[(?:alert|emerg)\]")
"""What plugins raise is logged with its traceback, and that is meant here."""

CONFIG: Final = """
stream {
    plugin_path %%FOLDER%%;
    plugin_timeout 400ms;
    map $protocol $mapped { TCP stream; }
    log_format f '$sni $ja4 $refusal $status';
    access_log %%DIR%%/access.log f;

    stream_listen 127.0.0.1:%%PORT_one%%;
    server { listen 127.0.0.1:%%PORT_server%%; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_udp%% udp; proxy_pass 127.0.0.1:9; }

    certificate { ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
    upstream pool { server %%PEER_B%%; }
    service echo    { url tcp://%%ECHO%%; plugin puppet { path %%DIR%%/told; mark service; } }
    service other   { url tcp://%%PEER_A%%; connect_timeout 3s; }

    plugin puppet { path told; }
    plugin sleeper {}
    plugin file-log { path records.json; at_connect on; custom_fields { mine "<$protocol>"; } }

    route plain  { protocols tcp; destinations :%%PORT_one%%; service echo; }
    route ended  { protocols tls; snis *.ended.test; service echo; plugin puppet { path %%DIR%%/told; mark route; } }
    route passed { protocols tls_passthrough; snis *.passed.test; service echo; }
    route lost   { protocols tls; snis *.lost.test; }
}
"""


@pytest.fixture(scope="module")
def gate(
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    echo: Peer,
    peer_a: Peer,
    peer_b: Peer,
    tls_echo: Peer,
) -> Iterator[Gate]:
    pair = authority.issue("ended.test")
    values = {"CRT": pair.crt, "KEY": pair.key, "ECHO": echo, "PEER_A": peer_a, "PEER_B": peer_b, "FOLDER": FOLDER}
    with Gate(tmp_path_factory.mktemp("plugins"), CONFIG, TLS_ECHO=tls_echo, **values) as running:
        running.trouble = NOTHING_BUT_ALERTS
        yield running


def told(gate: Gate, port: int) -> dict[str, Any]:
    """What the puppet's log hook saw of the session that came from a port."""

    def find() -> dict[str, Any] | None:
        file = gate.directory / "told"
        rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        found = [row for row in rows if row["phase"] == "log" and row["record"].get("client_port") == port]
        return found[-1] if found else None

    found = wait_for(find, "the puppet's log")
    assert found is not None
    return found


def logged(gate: Gate, text: str) -> str:
    """The line of the error log that holds a text, once it is there."""
    return gate.logged(re.escape(text))


def order(gate: Gate, text: str, name: str = "one") -> tuple[bytes, dict[str, Any]]:
    """What a plain session that orders something gets, and what was told of it."""
    with connect(gate.port(name)) as client:
        port = client.getsockname()[1]
        client.sendall(text.encode())
        try:
            answer = client.recv(100)
        except ConnectionResetError:
            answer = b""
    return answer, told(gate, port)


def order_tls(gate: Gate, name: str, text: bytes = b"x") -> tuple[bytes, dict[str, Any]]:
    """The same with TLS that ends at the gateway."""
    with connect_tls(gate.port("one"), careless(), name) as client:
        port = client.getsockname()[1]
        client.sendall(text)
        try:
            answer = client.recv(100)
        except (ConnectionError, ssl.SSLError):
            answer = b""
    return answer, told(gate, port)


def test_a_hook_sees_a_plain_session(gate: Gate) -> None:
    answer, row = order(gate, "look ")
    assert answer == b"look "
    seen = row["ctx"]["seen"]
    assert seen["client"] == ["127.0.0.1", row["record"]["client_port"]]
    assert seen["server"] == ["127.0.0.1", gate.port("one")]
    assert (seen["route"], seen["service"]) == ("plain", "echo")
    assert seen["tls"] == [False, None, [], [], False]
    assert (seen["first"], seen["variable"], seen["mapped"]) == (5, "TCP", "<stream>")
    assert row["ctx"]["connected"] == 0


def test_a_hook_sees_tls_that_ended_here(gate: Gate) -> None:
    answer, row = order_tls(gate, "look.ended.test")
    seen = row["ctx"]["seen"]
    assert answer == b"x"
    assert seen["tls"] == [True, "look.ended.test", [], ["TLSv1.3"], True]
    assert seen["ja4"].startswith("t13d")
    assert seen["first"] == 0
    assert row["ctx"]["certificate"] is True


def test_a_hook_sees_tls_that_is_passed_through(gate: Gate) -> None:
    hello = client_hello("look.passed.test")
    with connect(gate.port("one")) as client:
        port = client.getsockname()[1]
        client.sendall(hello)
        assert read_exactly(client, len(hello)) == hello
    seen = told(gate, port)["ctx"]["seen"]
    assert seen["tls"][1] == "look.passed.test"
    assert seen["first"] == len(hello)
    assert seen["ciphers"] > 5


def test_the_nearest_scope_wins(gate: Gate) -> None:
    assert order(gate, "nothing ")[1]["mark"] == "service"
    assert order_tls(gate, "nothing.ended.test")[1]["mark"] == "route"
    assert order(gate, "nothing ", "server")[1]["mark"] == "global"


def test_a_refusal_has_a_status_a_word_and_last_words(gate: Gate) -> None:
    answer, row = order(gate, "refuse ")
    assert answer == b"go away\n"
    assert (row["record"]["session"]["status"], row["record"]["refusal"]) == (503, "denied")
    assert logged(gate, 'connection refused: denied: plugin "puppet": told to, client: 127.0.0.1')
    assert order_tls(gate, "refuse.ended.test")[0] == b"go away\n"


def test_last_words_stay_out_of_tls_that_is_passed_through(gate: Gate) -> None:
    with connect(gate.port("one")) as client:
        client.sendall(client_hello("refuse.passed.test"))
        assert ended_without_a_byte(client)


def test_an_answer_is_a_success(gate: Gate) -> None:
    answer, row = order(gate, "answer ")
    assert answer == b"answered\n"
    assert row["record"]["session"]["status"] == 200
    assert "refusal" not in row["record"]


def test_a_plugin_may_answer_on_a_route_without_service(gate: Gate) -> None:
    assert order_tls(gate, "answer.lost.test")[0] == b"answered\n"


def test_a_route_without_service_is_refused_after_its_plugins(gate: Gate) -> None:
    _, row = order_tls(gate, "nothing.lost.test")
    assert (row["record"]["session"]["status"], row["record"]["refusal"]) == (503, "no_service")


def test_a_certificate_hook_refuses_before_the_handshake(gate: Gate) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect_tls(gate.port("one"), careless(), "early.ended.test")
    assert logged(gate, 'denied: plugin "puppet": too early')


def test_a_certificate_hook_may_wait_with_the_hello_still_there(gate: Gate) -> None:
    answer, row = order_tls(gate, "wait.ended.test")
    assert answer == b"x"
    assert row["ctx"]["hello"] > 200


def test_a_plugin_chooses_where_a_session_goes(gate: Gate, peer_a: Peer, tls_echo: Peer) -> None:
    assert order(gate, "service other ")[0] == b"a"
    assert order_tls(gate, "service.lost.test")[0] == b"a"
    assert order(gate, "upstream pool ")[0] == b"b"
    assert order(gate, f"target 127.0.0.1 {peer_a.port} ")[0] == b"a"
    assert order(gate, f"tls {tls_echo.port} ")[0] == f"tls {tls_echo.port} ".encode()


def test_a_plugin_that_chooses_what_is_not_there_fails(gate: Gate) -> None:
    assert order(gate, "service othr ")[1]["record"]["refusal"] == "plugin"
    assert logged(gate, 'unknown service "othr", did you mean "other"?')


def test_a_target_that_is_chosen_is_in_the_record(gate: Gate, peer_a: Peer) -> None:
    (attempt,) = order(gate, f"target 127.0.0.1 {peer_a.port} ")[1]["record"]["tries"]
    assert (attempt["ip"], attempt["port"], attempt["outcome"]) == ("127.0.0.1", peer_a.port, "ok")


def test_timeouts_can_be_set(gate: Gate) -> None:
    with connect(gate.port("one")) as client:
        client.sendall(b"idle 0.2 ")
        assert client.recv(100) == b"idle 0.2 "
        assert client.recv(100) == b""


def test_an_exception_refuses_its_own_session(gate: Gate) -> None:
    with connect(gate.port("one")) as other:
        other.sendall(b"nothing ")
        assert other.recv(100)
        answer, row = order(gate, "raise ")
        assert answer == b""
        assert (row["record"]["session"]["status"], row["record"]["refusal"]) == (500, "plugin")
        other.sendall(b"more")
        assert other.recv(100) == b"more"
    assert logged(gate, 'plugin: "puppet" failed in preread: ZeroDivisionError: on purpose')
    assert order(gate, "plainraise ")[1]["record"]["refusal"] == "plugin"
    assert gate.metric("penstock_plugin_errors_total", plugin="sleeper", phase="preread") == 1


def test_a_traceback_is_written_once_a_minute(gate: Gate) -> None:
    order(gate, "raise ")
    wait_for(lambda: "Traceback (most recent call last)" in gate.errors(), "a traceback")
    before = gate.errors().count("Traceback")
    order(gate, "raise ")
    assert gate.errors().count("Traceback") == before


def test_a_hook_that_takes_too_long_is_cut_off(gate: Gate) -> None:
    before = gate.metric("penstock_plugin_timeouts_total", plugin="puppet", phase="preread")
    assert order(gate, "sleep 30 ")[1]["record"]["refusal"] == "plugin"
    assert logged(gate, '"puppet" took longer than 0.4 s')
    assert gate.metric("penstock_plugin_timeouts_total", plugin="puppet", phase="preread") == before + 1


def test_a_hook_that_cancels_itself_has_failed(gate: Gate) -> None:
    assert order(gate, "cancel ")[1]["record"]["refusal"] == "plugin"


def test_an_async_hook_may_wait(gate: Gate) -> None:
    assert order(gate, "sleep 0.05 ")[0] == b"sleep 0.05 "


def test_a_client_that_leaves_while_a_hook_waits_is_let_go(gate: Gate) -> None:
    with connect(gate.port("one")) as client:
        port = client.getsockname()[1]
        client.sendall(b"sleep 0.1 ")
    assert told(gate, port)["record"]["session"]["status"] == 200


def test_a_plain_hook_that_blocks_is_named_and_counted(gate: Gate) -> None:
    order(gate, "block ")
    assert logged(gate, 'plugin "sleeper": preread held up the worker for ')
    assert gate.metric("penstock_plugin_slow_total", plugin="sleeper", phase="preread") >= 1


def test_a_log_hook_that_fails_is_logged(gate: Gate) -> None:
    with connect(gate.port("one")) as client:
        client.sendall(b"logfails ")
        assert client.recv(100)
    assert logged(gate, 'plugin "puppet" failed in log: RuntimeError: no log today')


def test_hooks_are_counted(gate: Gate) -> None:
    order(gate, "nothing ")
    metrics = gate.metrics()
    assert metrics.value("penstock_plugin_calls_total", plugin="puppet", phase="preread") >= 1
    assert metrics.value("penstock_plugin_calls_total", plugin="puppet", phase="configure") >= 3
    assert metrics.value("penstock_plugin_duration_seconds_total", plugin="puppet", phase="log") > 0


def test_fingerprints_are_variables(gate: Gate) -> None:
    _, row = order_tls(gate, "look.ended.test")
    line = f"look.ended.test {row['ctx']['seen']['ja4']} - 200"
    wait_for(lambda: line in (gate.directory / "access.log").read_text(), "the line")


def records(gate: Gate, port: int) -> list[dict[str, Any]]:
    file = gate.directory / "records.json"
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [row for row in rows if row.get("client_port") == port]


def test_a_session_leaves_a_record_at_connect_and_at_its_end(gate: Gate) -> None:
    _, row = order(gate, "field ")
    port = row["record"]["client_port"]
    wait_for(lambda: len(records(gate, port)) == 2, "two records")
    first, last = records(gate, port)
    assert (first["event"], last["event"]) == ("connect", "end")
    assert first["session"]["status"] == 0
    assert last["session"] | {"tcp": 0} == {
        "status": 200, "received": 6, "sent": 6, "server_addr": "127.0.0.1", "server_port": gate.port("one"),
        "protocol": "TCP", "tcp": 0,
    }  # fmt: skip
    assert last["mine"] == "<TCP>"
    assert last["puppet"] == {"told": [1, 2]}
    assert "client_ip" not in last
    assert (last["route"]["name"], last["service"]["name"]) == ("plain", "echo")
    assert last["session"]["tcp"]["rtt_us"] > 0
    assert last["upstream"]["tcp"]["retransmits"] == 0
    assert (last["upstream"]["received"], last["upstream"]["sent"]) == (6, 6)


def test_datagrams_have_plugins_too(gate: Gate) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect(("127.0.0.1", gate.port("udp")))
        client.send(b"answer ")
        assert client.recv(100) == b"answered\n"
        row = told(gate, client.getsockname()[1])
    assert row["record"]["session"]["protocol"] == "UDP"
    assert row["record"]["session"]["status"] == 200
    assert row["ctx"]["order"] == ["answer"]


def test_a_datagrams_session_can_be_refused(gate: Gate) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect(("127.0.0.1", gate.port("udp")))
        client.send(b"refuse ")
        assert client.recv(100) == b"go away\n"
        assert told(gate, client.getsockname()[1])["record"]["refusal"] == "denied"
