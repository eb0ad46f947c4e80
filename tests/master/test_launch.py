"""What the command line leads to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from penstock.master.launch import FILE, PREFIX, Launch, launch_of, unprivileged_user
from penstock.shared.errors import ConfigError

EMPTY = "events {}\n"


def launch(
    prefix: str | None = None, file: str | None = None, error_log: str | None = None, directives: str = ""
) -> Launch:
    return launch_of(prefix, file, directives, error_log, False, ("penstock",))


def written(tmp_path: Path, text: str) -> Launch:
    (tmp_path / "c").write_text(text)
    return launch(str(tmp_path), "c")


def test_paths_as_in_nginx() -> None:
    assert (launch().prefix, launch().file) == (PREFIX, FILE)
    assert launch("/p").file == "/p/conf/penstock.conf"
    assert launch("/p", "x.conf").file == "/p/x.conf"
    assert launch("/p", "/x.conf").file == "/x.conf"
    assert launch("/p", error_log="e.log").default_error_log == "/p/e.log"
    assert launch("/p", error_log="stderr").default_error_log == "stderr"
    assert launch("/p").default_error_log == "/p/logs/error.log"
    assert launch("p").prefix == os.path.abspath("p")


def test_the_file_is_read_anew_each_time(tmp_path: Path) -> None:
    found = written(tmp_path, EMPTY)
    assert found.load().main.worker_processes == 1
    (tmp_path / "c").write_text("worker_processes 3; events {}\n")
    assert found.load().main.worker_processes == 3
    (tmp_path / "c").write_text("worker_processes;\n")
    with pytest.raises(ConfigError):
        found.load()


def test_global_directives_come_from_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "c").write_text(EMPTY)
    assert launch(str(tmp_path), "c", directives="worker_processes 2;").load().main.worker_processes == 2


def test_the_error_log_of_the_command_line_is_for_who_names_none(tmp_path: Path) -> None:
    (tmp_path / "c").write_text(EMPTY)
    assert launch(str(tmp_path), "c", "e.log").load().main.error_logs[0].path == f"{tmp_path}/e.log"
    (tmp_path / "c").write_text(f"error_log own.log; {EMPTY}")
    assert launch(str(tmp_path), "c", "e.log").load().main.error_logs[0].path == f"{tmp_path}/own.log"


def test_without_a_master_process_there_is_one_worker(tmp_path: Path) -> None:
    assert written(tmp_path, f"master_process off; worker_processes 4; {EMPTY}").load().main.worker_processes == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's workers become somebody else")
def test_the_workers_of_root_are_nobody_unless_told_otherwise(tmp_path: Path) -> None:
    assert written(tmp_path, EMPTY).load().main.user == unprivileged_user()
    root = written(tmp_path, f"user root; {EMPTY}").load().main.user
    assert root is not None
    assert root.uid == 0
