"""What the main context gives to the workers' processes, the same by nginx and by Penstock."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

import pytest
from clients import ask
from daemon import Daemon
from deadline import wait_for
from oracle import PROGRAMS, oracle

CONFIG = """
worker_processes 3;
worker_cpu_affinity auto;
worker_priority 3;
worker_rlimit_core 1m;
worker_rlimit_nofile 600;
working_directory %%DIR%%;
env KEPT;
env GIVEN=1;
stream { server { listen 127.0.0.1:%%PORT_any%%; return x; } }
"""


@pytest.fixture(scope="module", params=PROGRAMS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with oracle(request.param, tmp_path_factory.mktemp("surroundings"), CONFIG) as daemon:
        wait_for(lambda: len(daemon.workers()) == 3, "the workers are there")
        assert ask(daemon.port("any")) == b"x"
        wait_for(lambda: daemon.errors().count("sched_setaffinity(): using cpu") == 3, "every worker has told")
        yield daemon


def test_workers_have_their_priority(running: Daemon) -> None:
    assert {os.getpriority(os.PRIO_PROCESS, pid) for pid in running.workers()} == {3}


def test_workers_have_their_limits(running: Daemon) -> None:
    for pid in running.workers():
        assert resource.prlimit(pid, resource.RLIMIT_CORE) == (1 << 20, 1 << 20)
        assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (600, 600)


def test_each_worker_has_one_processor_in_turn(running: Daemon) -> None:
    allowed = sorted(os.sched_getaffinity(0))
    expected = sorted(allowed[slot % len(allowed)] for slot in range(3))
    assert sorted(number for pid in running.workers() for number in os.sched_getaffinity(pid)) == expected


def test_workers_are_where_they_should_be(running: Daemon) -> None:
    assert {os.readlink(f"/proc/{pid}/cwd") for pid in running.workers()} == {str(running.directory)}
