"""The main context and `events {}`."""

from __future__ import annotations

from typing import Any

import pytest
from builds import PREFIX, build, main_mistake

from penstock.shared.model.address import ipv4, ipv6, unix
from penstock.shared.model.log import Level
from penstock.shared.model.stream import Main, User


def main(text: str, **system: Any) -> Main:
    return build(text, **system).main


def test_nothing_written_gives_nginx_s_defaults() -> None:
    found = main("")
    assert (found.daemon, found.master_process, found.user, found.worker_processes) == (True, True, None, 1)
    assert (found.worker_connections, found.worker_shutdown_timeout, found.multi_accept) == (512, None, False)
    assert found.pid == f"{PREFIX}/logs/penstock.pid"
    (log,) = found.error_logs
    assert (log.path, log.level) == (f"{PREFIX}/logs/error.log", Level.ERROR)


def test_everything_written() -> None:
    found = main(
        "daemon off; master_process off; user web log; worker_processes 3; worker_shutdown_timeout 5s; "
        "worker_rlimit_nofile 1000; working_directory /tmp; pid run/x.pid; error_log stderr info; "
        "events { worker_connections 10; multi_accept on; }"
    )
    assert (found.daemon, found.master_process, found.user) == (False, False, User("web", 33, 4, (33,)))
    assert (found.worker_processes, found.worker_shutdown_timeout, found.worker_rlimit_nofile) == (3, 5.0, 1000)
    assert (found.working_directory, found.pid) == ("/tmp", f"{PREFIX}/run/x.pid")
    assert (found.worker_connections, found.multi_accept) == (10, True)


def test_as_many_workers_as_processors() -> None:
    assert main("worker_processes auto;").worker_processes == 4


def test_metrics_may_be_served_in_several_places() -> None:
    text = "metrics_listen 127.0.0.1:9145; metrics_listen [::1]:9145; metrics_listen unix:/run/m; metrics_listen 9146;"
    assert [where.column for where in main(text).metrics_where] == [16, 47, 74, 102]
    assert main(text).metrics_listen == (
        ipv4("127.0.0.1", 9145),
        ipv6("::1", 9145),
        unix("/run/m"),
        ipv4("0.0.0.0", 9146),
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("user nosuch;", 'getpwnam("nosuch") failed'),
        ("user web nosuch;", 'getgrnam("nosuch") failed'),
        ("worker_processes x;", '"worker_processes" directive invalid value'),
        ("daemon maybe;", 'invalid value "maybe" in "daemon" directive, it must be "on" or "off"'),
        ("metrics_listen 127.0.0.1;", 'one port is expected in "127.0.0.1" of the "metrics_listen" directive'),
        ("metrics_listen 9145-9146;", 'one port is expected in "9145-9146" of the "metrics_listen" directive'),
        (
            "metrics_listen localhost:9145;",
            'a numeric address is expected in "localhost:9145" of the "metrics_listen" directive',
        ),
        ("metrics_listen 127.0.0.1:x;", 'invalid port in "127.0.0.1:x" of the "metrics_listen" directive'),
    ],
)
def test_mistakes(text: str, complaint: str) -> None:
    error = main_mistake(text)
    assert error.text == complaint
    assert error.where is not None


def test_a_worker_needs_at_least_one_connection() -> None:
    assert main_mistake("events { worker_connections 0; }").where is not None


def test_who_is_not_root_stays_who_he_is() -> None:
    configuration = build("user nosuch;", privileged=False)
    assert configuration.main.user is None
    (notice,) = configuration.notices
    assert notice.text.startswith('the "user" directive makes sense only if the master process runs with super-user')


def test_debugged_clients_are_networks_names_and_unix_sockets() -> None:
    found = main("events { debug_connection 10.0.0.0/8; debug_connection two.test; debug_connection unix:; }")
    assert [str(network) for network in found.debug_networks] == ["10.0.0.0/8", "10.0.0.1/32", "10.0.0.2/32"]
    assert (found.debug_unix, main("").debug_unix, main("").debug_networks) == (True, False, ())


def test_a_debugged_client_that_cannot_be_found() -> None:
    text = main_mistake("events { debug_connection nobody.test; }").text
    assert text == 'host not found in debug_connection "nobody.test"'
