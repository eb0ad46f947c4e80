from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from builds import gateway
from workerbench import Bench

from penstock.shared.errorlog import ErrorLog, LogFiles
from penstock.shared.model.settings import Settings
from penstock.worker.route_targets import RouteTargets
from penstock.worker.target import Target

TEXT = """
service s { url tcp://127.0.0.1:1; }
service t { url tcp://127.0.0.1:2; }
route a { protocols tls_passthrough; snis a; service s; }
route b { protocols tls_passthrough; snis b; service s; }
route c { protocols tls_passthrough; snis c; service s; proxy_timeout 1s; }
route d { protocols tls_passthrough; snis d; service t; }
route e { protocols tls_passthrough; snis e; service t; }
"""


@pytest.fixture
def made() -> list[int]:
    """The indices of the targets in the order in which they were made."""
    return []


@pytest.fixture
def targets(made: list[int]) -> RouteTargets:
    log = ErrorLog((), LogFiles(), time.time, os.getpid)

    def make(index: int) -> Target:
        made.append(index)
        return Target.of(index, Settings(), log, ())

    return RouteTargets(gateway(TEXT).routes, make)


def test_a_target_is_made_when_it_is_asked_for_and_kept(targets: RouteTargets, made: list[int]) -> None:
    assert targets[3] is targets[3]
    assert made == [3]


def test_one_of_each_settings_and_service_is_made_beforehand(targets: RouteTargets, made: list[int]) -> None:
    targets.prepare()
    assert made == [0, 2, 3]


def test_those_that_are_missing_can_be_made(targets: RouteTargets, made: list[int]) -> None:
    first = targets[1]
    assert [target.number for target in targets.complete()] == [0, 1, 2, 3, 4]
    assert targets[1] is first
    assert made == [1, 0, 2, 3, 4]


def test_a_worker_is_ready_without_most_of_them(tmp_path: Path) -> None:
    with Bench("stream_listen 127.0.0.1:%%PORT_gate%%;" + TEXT, tmp_path) as bench:
        tables = bench.listener("gate").tables
        assert tables is not None
        assert sorted(tables.targets) == [0, 2, 3]
        assert tables.targets[4].service_name == "t"
