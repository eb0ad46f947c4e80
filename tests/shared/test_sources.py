"""What variables take from the process."""

from __future__ import annotations

from penstock.shared.sources import Sources


def test_before_they_are_installed_the_clock_stands_at_the_epoch() -> None:
    assert Sources().clock.now() == 0.0


def test_the_host_is_in_lower_case() -> None:
    sources = Sources()
    sources.install(now=lambda: 1.0, pid=lambda: 7, hostname="Gate-1.Example")
    assert sources.hostname == "gate-1.example"


def test_the_pid_is_asked_for_each_time() -> None:
    sources = Sources()
    pids = iter((1, 2))
    sources.install(now=lambda: 1.0, pid=lambda: next(pids), hostname="")
    assert [sources.pid(), sources.pid()] == [1, 2]
