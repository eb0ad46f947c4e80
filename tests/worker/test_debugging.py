"""Which clients are logged at level debug, and where."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from penstock.shared.errorlog import ErrorLog, LogFiles
from penstock.shared.model.log import ErrorLogTarget, Level
from penstock.shared.model.settings import Settings
from penstock.worker.debugging import DebugConnections
from penstock.worker.target import Target

NETWORKS = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))


@pytest.mark.parametrize(
    ("address", "covered"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("2001:db8::1", True),
        ("11.0.0.0", False),
        ("fe80::1%eth0", False),
        ("unix:", False),
    ],
)
def test_clients_are_known_by_their_address(address: str, covered: bool) -> None:
    assert DebugConnections(NETWORKS, unix=False).covers(address) is covered


def test_those_of_unix_sockets_are_named_apart() -> None:
    assert DebugConnections((), unix=True).covers("unix:")
    assert not DebugConnections((), unix=True).covers("10.0.0.1")


def test_every_target_of_their_log_takes_every_line(tmp_path: Path) -> None:
    files = LogFiles()
    paths = (tmp_path / "few", tmp_path / "more")
    targets = tuple(
        ErrorLogTarget(str(path), level) for path, level in zip(paths, (Level.CRIT, Level.WARN), strict=True)
    )
    target = Target.of(0, Settings(), ErrorLog(targets, files, lambda: 0.0, lambda: 1), ())
    debugging = DebugConnections(NETWORKS, unix=False)
    assert debugging.target("11.0.0.1", target) is target
    loud = debugging.target("10.0.0.1", target)
    for one in (target, loud):
        one.log.debug("x")
    assert [path.read_text().count("[debug] 1#1: x") for path in paths] == [1, 1]
    assert ((target.says_debug, target.says_info), (loud.says_debug, loud.says_info)) == ((False,) * 2, (True,) * 2)
    assert debugging.target("10.0.0.2", target).log is loud.log
    files.close()


def test_their_lost_lines_are_counted_with_the_others() -> None:
    files = LogFiles()
    log = ErrorLog((ErrorLogTarget("/dev/full"),), files, lambda: 0.0, lambda: 1)
    log.verbose().debug("x")
    log.error("y")
    assert (log.lost, log.verbose().lost) == (2, 2)
    files.close()
