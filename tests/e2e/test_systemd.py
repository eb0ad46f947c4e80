"""The shipped units: what systemd's own tools say of them, and how they behave under a real systemd."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from certs import Authority
from deadline import seconds, wait_for
from needs import program, requires
from systemd_namespace import PROGRAMS, Machine, lay, why_not
from systemd_service import CONFIG, LIBRARIES, UNIT, Service, install, other_python

UNITS: Final = Path(__file__).parents[2] / "systemd"

SERVING: Final = """\
worker_processes 2;
pid /run/penstock/penstock.pid;
error_log stderr notice;
metrics_listen 127.0.0.1:9145;
events {{ worker_connections 1024; }}
stream {{
    log_format short '$server_port $status';
    access_log /var/log/penstock/access.log short;
    server {{ listen 0.0.0.0:443;  return "{greeting}"; }}
    server {{ listen 0.0.0.0:5555; return "{greeting}"; }}
    server {{ listen 0.0.0.0:5432; proxy_pass 127.0.0.1:7000; }}
}}
"""


# What needs no running systemd.


@pytest.fixture
def offline(tmp_path: Path) -> Path:
    """A root with the units and something to execute."""
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    for unit in UNITS.glob("penstock.*"):
        shutil.copy(unit, units)
    executable = tmp_path / "usr/local/bin/penstock"
    executable.parent.mkdir(parents=True)
    executable.write_text("#!/bin/sh\n")
    executable.chmod(0o755)
    return tmp_path


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run((program("systemd-analyze"), *arguments), capture_output=True, text=True, check=False)


@requires("systemd-analyze")
@pytest.mark.parametrize("unit", ["penstock.service", "penstock.socket"])
def test_verify_is_silent(offline: Path, unit: str) -> None:
    done = analyze("verify", "--man=no", "--recursive-errors=no", f"--root={offline}", unit)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@requires("systemd-analyze")
def test_verify_would_tell_an_unknown_key(offline: Path) -> None:
    unit = offline / "etc/systemd/system" / UNIT
    unit.write_text(unit.read_text().replace("[Service]\n", "[Service]\nNoSuchKey=yes\n"))
    done = analyze("verify", "--man=no", "--recursive-errors=no", f"--root={offline}", UNIT)
    assert "NoSuchKey" in done.stderr


@requires("systemd-analyze")
def test_exposure_is_below_two() -> None:
    done = analyze("security", "--offline=true", "--no-pager", "--threshold=20", str(UNITS / UNIT))
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert done.returncode == 0, done.stdout
    assert score is not None
    assert float(score[1]) < 2.0


# A booted one.


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A systemd with Penstock installed in /opt/penstock, not started."""
    reason = why_not() or other_python()
    if reason is not None:
        pytest.skip(reason)
    machine = Machine(tmp_path_factory.mktemp("systemd"), LIBRARIES)
    install(machine)
    lay(machine, CONFIG, SERVING.format(greeting="one"))
    for unit in UNITS.glob("penstock.*"):
        lay(machine, f"/etc/systemd/system/{unit.name}", unit.read_text())
    with machine:
        yield machine


@pytest.fixture
def service(machine: Machine) -> Iterator[Service]:
    """Penstock ready to be started; stopped afterwards, drop-ins and all."""
    service = Service(machine)
    service.configure(SERVING.format(greeting="one"))
    yield service
    machine.run("systemctl", "stop", "penstock.socket", UNIT)
    machine.run("systemctl", "reset-failed", check=False)
    for unit in (UNIT, "penstock.socket"):
        shutil.rmtree(machine.path(f"/etc/systemd/system/{unit}.d"), ignore_errors=True)
    machine.run("systemctl", "daemon-reload")


booted = requires(*PROGRAMS)


@booted
def test_it_starts_on_port_443_as_a_user_without_rights(service: Service) -> None:
    service.start()
    assert service.active == "active"
    assert service.greeting() == "one"
    real, effective, *_ = (int(uid) for uid in service.status_of("Uid", service.pid).split())
    assert real == effective
    assert 61184 <= real <= 65519  # systemd's range of dynamic users
    assert int(service.status_of("CapEff", service.pid), 16) == 1 << 10  # CAP_NET_BIND_SERVICE
    assert service.status_of("NoNewPrivs", service.pid) == "1"
    assert service.status_of("Seccomp", service.pid) == "2"


@booted
def test_status_says_what_is_served(service: Service) -> None:
    service.start()
    assert service.machine.show(UNIT, "StatusText") == "generation 1, 2 workers"


@booted
def test_it_keeps_its_files_in_the_folders_that_systemd_made(service: Service) -> None:
    service.start()
    assert service.machine.path("/run/penstock/penstock.pid").read_text().strip() == str(service.pid)
    assert service.greeting() == "one"
    log = service.machine.path("/var/log/private/penstock/access.log")
    wait_for(lambda: "443 200" in log.read_text(), "the access log has the session")


@booted
def test_reload_applies_a_good_configuration(service: Service) -> None:
    service.start()
    before = service.pid
    for greeting in ("two", "three", "four"):
        service.configure(SERVING.format(greeting=greeting))
        service.machine.run("systemctl", "reload", UNIT)
        assert service.greeting() == greeting
    assert service.pid == before
    assert service.machine.show(UNIT, "StatusText") == "generation 4, 2 workers"


@booted
def test_reload_fails_on_a_bad_configuration_and_the_old_one_serves_on(service: Service) -> None:
    service.start()
    service.configure(SERVING.format(greeting="two").replace("listen 0.0.0.0:443;", "lissen 0.0.0.0:443;"))
    done = service.machine.run("systemctl", "reload", UNIT, check=False)
    assert done.returncode == 1
    assert service.active == "active"
    assert service.greeting() == "one"
    assert "penstock.conf:9" in service.machine.show(UNIT, "StatusText")
    assert 'unknown directive "lissen"' in service.machine.journal()


@booted
def test_a_good_reload_follows_a_refused_one(service: Service) -> None:
    service.start()
    service.configure("nonsense")
    assert service.machine.run("systemctl", "reload", UNIT, check=False).returncode == 1
    service.configure(SERVING.format(greeting="two"))
    service.machine.run("systemctl", "reload", UNIT)
    assert service.greeting() == "two"


@booted
def test_a_bad_configuration_at_the_start_fails_with_its_reason_in_the_journal(service: Service) -> None:
    service.drop_in("[Service]\nRestart=no\n")
    service.configure("worker_processes none;\n")
    assert service.machine.run("systemctl", "start", UNIT, check=False).returncode == 1
    assert service.active == "failed"
    assert f"{CONFIG}:1" in service.machine.journal()


@booted
def test_a_master_that_hangs_is_started_again_by_the_watchdog(service: Service) -> None:
    service.drop_in("[Service]\nWatchdogSec=1s\nTimeoutAbortSec=1s\n")
    service.start()
    hung = service.pid
    service.machine.run("kill", "-STOP", str(hung))
    wait_for(lambda: service.pid not in (0, hung) and service.active == "active", "the watchdog has restarted it", 30)
    assert service.machine.show(UNIT, "NRestarts") == "1"
    assert service.greeting() == "one"


@booted
def test_the_watchdog_leaves_a_healthy_master_alone(service: Service) -> None:
    service.drop_in("[Service]\nWatchdogSec=500ms\n")
    service.start()
    pid = service.pid
    started = monotonic_of(service)
    wait_for(lambda: monotonic_of(service) > started + 2_000_000, "four periods of the watchdog have passed", 20)
    assert service.pid == pid


def monotonic_of(service: Service) -> int:
    """When the watchdog was last fed, in microseconds."""
    return int(service.machine.show(UNIT, "WatchdogTimestampMonotonic"))


KEEP_CONNECTING: Final = """
import json, socket, sys, threading
tally = {"greeted": 0, "cut": 0, "refused": 0}
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
while not over.is_set():
    try:
        with socket.create_connection(("127.0.0.1", PORT), 30) as client:
            tally["greeted" if client.recv(9) else "cut"] += 1
    except ConnectionRefusedError:
        tally["refused"] += 1
    except ConnectionResetError:
        tally["cut"] += 1
    if sum(tally.values()) == 1:
        print("first", flush=True)
print(json.dumps(tally))
"""


@booted
def test_socket_activation_refuses_nobody_over_a_restart(service: Service) -> None:
    service.machine.run("systemctl", "start", "penstock.socket")
    assert service.active == "inactive"
    command = service.machine.in_network(sys.executable, "-c", KEEP_CONNECTING.replace("PORT", "5555"))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "first\n"
        wait_for(lambda: service.active == "active", "the first connection has started it")
        pids = {service.pid}
        for _ in range(3):
            service.machine.run("systemctl", "restart", UNIT)
            pids.add(service.pid)
        tally = json.loads(client.communicate(timeout=seconds(60))[0])
    assert len(pids) == 4
    assert tally["refused"] == 0
    assert tally["greeted"] > 10


@booted
def test_without_the_socket_unit_a_restart_does_refuse(service: Service) -> None:
    """What the test above would see if it saw nothing."""
    service.start()
    command = service.machine.in_network(sys.executable, "-c", KEEP_CONNECTING.replace("PORT", "5555"))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "first\n"
        service.machine.run("systemctl", "restart", UNIT)
        tally = json.loads(client.communicate(timeout=seconds(60))[0])
    assert tally["refused"] > 0


@booted
def test_the_service_follows_an_upgrade_in_place_and_is_stopped_after_it(service: Service) -> None:
    service.drop_in("[Service]\nWatchdogSec=1s\n")
    service.machine.run("systemctl", "start", "penstock.socket")  # port 5555 is systemd's, the others are ours
    service.start()
    old = service.pid
    command = service.machine.in_network(sys.executable, "-c", KEEP_CONNECTING.replace("PORT", "5555"))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "first\n"
        service.machine.run("systemctl", "kill", "-s", "USR2", "--kill-whom=main", UNIT)
        wait_for(lambda: service.pid not in (0, old), "the new master is the main process")
        service.machine.run("kill", "-WINCH", str(old))
        service.machine.run("kill", "-QUIT", str(old))
        wait_for(lambda: not service.machine.path(f"/proc/{old}").exists(), "the old master has ended")
        tally = json.loads(client.communicate(timeout=seconds(60))[0])
    assert (tally["refused"], tally["cut"]) == (0, 0)
    service.configure(SERVING.format(greeting="two"))
    service.machine.run("systemctl", "reload", UNIT)
    assert service.greeting() == "two"
    fed = monotonic_of(service)
    wait_for(lambda: monotonic_of(service) > fed + 2_000_000, "the new master has fed the watchdog for two periods", 20)
    assert (service.active, service.machine.show(UNIT, "NRestarts")) == ("active", "0")
    service.machine.run("systemctl", "stop", UNIT)
    assert (service.active, service.machine.show(UNIT, "Result")) == ("inactive", "success")


@booted
def test_an_upgrade_that_is_taken_back_leaves_the_service_as_it_was(service: Service) -> None:
    service.start()
    old = service.pid
    service.machine.run("systemctl", "kill", "-s", "USR2", "--kill-whom=main", UNIT)
    wait_for(lambda: service.pid not in (0, old), "the new master is the main process")
    service.machine.run("kill", "-WINCH", str(old))
    service.machine.run("systemctl", "kill", "-s", "QUIT", "--kill-whom=main", UNIT)
    wait_for(lambda: service.pid == old, "the old master is the main process again")
    assert service.greeting() == "one"
    service.machine.run("systemctl", "reload", UNIT)
    service.machine.run("systemctl", "stop", UNIT)
    assert (service.active, service.machine.show(UNIT, "Result")) == ("inactive", "success")


@booted
def test_a_stop_between_two_masters_ends_both(service: Service) -> None:
    service.start()
    old = service.pid
    service.machine.run("systemctl", "kill", "-s", "USR2", "--kill-whom=main", UNIT)
    wait_for(lambda: service.pid not in (0, old), "the new master is the main process")
    new = service.pid
    service.machine.run("systemctl", "stop", UNIT)
    assert not any(service.machine.path(f"/proc/{pid}").exists() for pid in (old, new))
    assert service.machine.show(UNIT, "NRestarts") == "0"


PUSH_THROUGH: Final = """
import hashlib, socket, threading
sent = bytes(range(256)) * 4096 * 32
got = hashlib.sha256()
with socket.create_server(("127.0.0.1", 7000)) as upstream:
    client = socket.create_connection(("127.0.0.1", PORT), 10)
    peer, _ = upstream.accept()
    def push():
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
    threading.Thread(target=push).start()
    while part := peer.recv(1 << 20):
        got.update(part)
print(got.hexdigest() == hashlib.sha256(sent).hexdigest())
"""


def pipes_of_workers(service: Service) -> int:
    """How many ends of pipes the workers hold."""
    list_all = f"for worker in $(pgrep -P {service.pid}); do ls -l /proc/$worker/fd; done"
    return service.machine.run("sh", "-c", list_all).stdout.count("pipe:")


@booted
def test_the_hardening_lets_the_relay_splice(service: Service) -> None:
    service.start()
    before = pipes_of_workers(service)
    assert service.script(PUSH_THROUGH, 5432) == "True"
    assert pipes_of_workers(service) > before  # a worker keeps the pipe it has spliced through for the next session

    journal = service.machine.journal(f"_SYSTEMD_INVOCATION_ID={service.machine.show(UNIT, 'InvocationID')}")
    assert "start worker process" in journal
    assert "Operation not permitted" not in journal
    assert "[alert]" not in journal


@booted
def test_metrics_are_served(service: Service) -> None:
    service.start()
    ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:PORT/metrics', timeout=10).read().decode())"
    text = service.script(ask, 9145)
    assert "penstock_workers 2.0" in text
    assert "process_start_time_seconds" in text


TLS: Final = """\
pid /run/penstock/penstock.pid;
error_log stderr notice;
events {{ worker_connections 64; }}
stream {{ server {{
    listen 8443 ssl;
    ssl_certificate     /etc/penstock/gate.crt;
    ssl_certificate_key {key};
    return "secret";
}} }}
"""
TLS_CLIENT: Final = """
import socket, ssl
context = ssl._create_unverified_context()
print(context.wrap_socket(socket.create_connection(("127.0.0.1", PORT), 10)).recv(99).decode())
"""


@booted
def test_a_key_that_only_root_may_read_comes_as_a_credential(service: Service, authority: Authority) -> None:
    machine = service.machine
    pair = authority.issue("gate.test")
    shutil.copy(pair.crt, machine.path("/etc/penstock/gate.crt"))
    machine.path("/etc/penstock/gate.key").write_bytes(pair.key.read_bytes())
    machine.path("/etc/penstock/gate.key").chmod(0o600)
    service.drop_in("[Service]\nLoadCredential=gate.key:/etc/penstock/gate.key\n")
    service.configure(TLS.format(key="/run/credentials/penstock.service/gate.key"))
    service.start()
    assert service.script(TLS_CLIENT, 8443) == "secret"


@booted
def test_notify_reload_works_where_systemd_knows_it(service: Service) -> None:
    version = int(service.machine.run("systemctl", "--version").stdout.split()[1])
    if version < 253:
        pytest.skip(f"systemd {version} does not know Type=notify-reload")
    service.drop_in((UNITS / "notify-reload.conf").read_text())
    service.start()
    service.configure(SERVING.format(greeting="two"))
    service.machine.run("systemctl", "reload", UNIT)
    assert service.greeting() == "two"
