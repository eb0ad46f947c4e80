"""What a worker's process is given."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from newborn import answer

from penstock.shared.birth import Birth
from penstock.shared.model.process import CpuAffinity, Variable
from penstock.shared.model.stream import Main


def test_as_many_descriptors_as_the_system_allows(tmp_path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limits: Callable[[Birth], str] = lambda _: str(resource.getrlimit(resource.RLIMIT_NOFILE))  # noqa: E731
    assert answer(tmp_path, limits) == f"({hard}, {hard})"
    assert answer(tmp_path, limits, Main(worker_rlimit_nofile=512)) == "(512, 512)"


def test_the_working_directory(tmp_path: Path) -> None:
    assert answer(tmp_path, lambda _: os.getcwd(), Main(working_directory=str(tmp_path))) == str(tmp_path)
    missing = f"{tmp_path}/none"
    text = answer(tmp_path, lambda _: "unreachable", Main(working_directory=missing))
    assert text == f'chdir("{missing}") failed: No such file or directory'


def environment(_: Birth) -> str:
    return repr(sorted(os.environ.items()))


def test_of_the_environment_only_the_zone_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.delenv("TZ", raising=False)
    assert answer(tmp_path, environment) == "[]"
    monkeypatch.setenv("TZ", "UTC")
    assert answer(tmp_path, environment) == "[('TZ', 'UTC')]"


def test_variables_are_kept_and_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "k")
    monkeypatch.setenv("TZ", "UTC")
    given = (Variable("GIVEN", "g=1"), Variable("GIVEN", "later"), Variable("E", ""), Variable("TZ", "IST-5:30"))
    text = answer(tmp_path, environment, Main(environment=(Variable("KEPT"), Variable("NONE"), *given)))
    assert text == "[('E', ''), ('GIVEN', 'g=1'), ('KEPT', 'k'), ('TZ', 'IST-5:30')]"


def test_a_given_zone_is_that_of_the_logs(tmp_path: Path) -> None:
    main = Main(environment=(Variable("TZ", "IST-5:30"),), worker_rlimit_nofile=-5)
    answer(tmp_path, lambda _: "", main)
    (there,) = (tmp_path / "e.log").read_text().splitlines()
    (tmp_path / "e.log").unlink()
    answer(tmp_path, lambda _: "", Main(environment=(Variable("TZ", "NST3:30"),), worker_rlimit_nofile=-5))
    (here,) = (tmp_path / "e.log").read_text().splitlines()
    assert there[11:13] != here[11:13]


def test_the_priority(tmp_path: Path) -> None:
    here = os.getpriority(os.PRIO_PROCESS, 0)
    priority: Callable[[Birth], str] = lambda _: str(os.getpriority(os.PRIO_PROCESS, 0))  # noqa: E731
    assert answer(tmp_path, priority) == str(here)
    assert answer(tmp_path, priority, Main(worker_priority=15)) == "15"


def test_the_size_of_a_core(tmp_path: Path) -> None:
    limits: Callable[[Birth], str] = lambda _: str(resource.getrlimit(resource.RLIMIT_CORE))  # noqa: E731
    assert answer(tmp_path, limits, Main(worker_rlimit_core=4096)) == "(4096, 4096)"
    assert answer(tmp_path, limits) == str(resource.getrlimit(resource.RLIMIT_CORE))


def processors(_: Birth) -> str:
    return " ".join(map(str, sorted(os.sched_getaffinity(0))))


def test_a_worker_runs_on_its_processors(tmp_path: Path) -> None:
    last = max(os.sched_getaffinity(0))
    affinity = CpuAffinity((frozenset({last}),))
    assert answer(tmp_path, processors, Main(worker_cpu_affinity=affinity)) == str(last)
    assert f"[notice] sched_setaffinity(): using cpu #{last}".split("] ")[1] in (tmp_path / "e.log").read_text()
    first = min(os.sched_getaffinity(0))
    assert answer(tmp_path, processors, Main(worker_cpu_affinity=CpuAffinity((), auto=True))) == str(first)


def test_processors_that_are_not_there_are_an_alert(tmp_path: Path) -> None:
    everywhere = processors(None)  # type: ignore[arg-type]  # it is not asked
    for mask in (frozenset[int](), frozenset({1023})):
        assert answer(tmp_path, processors, Main(worker_cpu_affinity=CpuAffinity((mask,)))) == everywhere
    text = (tmp_path / "e.log").read_text()
    assert text.count("sched_setaffinity() failed (22: Invalid argument)") == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")
def test_what_the_system_refuses_is_an_alert(tmp_path: Path) -> None:
    assert answer(tmp_path, lambda _: "goes on", Main(worker_priority=-15)) == "goes on"
    assert "[alert]" in (tmp_path / "e.log").read_text()
