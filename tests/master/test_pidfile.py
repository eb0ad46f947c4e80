"""The pid file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.master.pidfile import OLDBIN, PidFile, read_pid
from penstock.shared.errors import StartError


def test_the_file_holds_the_pid_and_nothing_is_beside_it(tmp_path: Path) -> None:
    PidFile(str(tmp_path / "p.pid")).write(123)
    assert (tmp_path / "p.pid").read_bytes() == b"123\n"
    assert os.listdir(tmp_path) == ["p.pid"]


def test_moving_writes_the_new_before_the_old_goes(tmp_path: Path) -> None:
    file = PidFile(str(tmp_path / "a.pid"))
    file.write(7)
    with pytest.raises(StartError, match="No such file"):
        file.move(str(tmp_path / "none" / "b.pid"), 7)
    assert read_pid(str(tmp_path / "a.pid")) == 7
    file.move(str(tmp_path / "b.pid"), 7)
    assert os.listdir(tmp_path) == ["b.pid"]
    file.remove(7)
    assert os.listdir(tmp_path) == []


def test_a_file_that_names_somebody_else_stays(tmp_path: Path) -> None:
    file = PidFile(str(tmp_path / "p.pid"))
    file.write(7)
    (tmp_path / "p.pid").write_text("8\n")
    file.remove(7)
    assert read_pid(str(tmp_path / "p.pid")) == 8


def test_a_device_is_written_to_and_never_replaced() -> None:
    file = PidFile(os.devnull)
    file.write(7)
    file.remove(7)
    assert not os.path.isfile(os.devnull)
    assert os.path.exists(os.devnull)


@pytest.fixture
def locked() -> Iterator[Path]:
    """A file that everybody may write in a folder that nobody may: outside of tmp_path, which is root's alone."""
    folder = Path(tempfile.mkdtemp())
    file = folder / "p.pid"
    file.touch()
    file.chmod(0o666)
    folder.chmod(0o555)
    yield file
    folder.chmod(0o755)
    file.unlink()
    folder.rmdir()


def test_a_file_in_a_folder_that_is_not_ours_is_written_in_place(locked: Path) -> None:
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            PidFile(str(locked)).write(5)
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert read_pid(str(locked)) == 5


@pytest.mark.parametrize("text", ["", "abc", "-1", "0", "12 13"])
def test_a_file_without_a_pid_is_refused_in_nginx_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.pid").write_text(text)
    with pytest.raises(StartError) as caught:
        read_pid(str(tmp_path / "p.pid"))
    assert caught.value.text == f'invalid PID number "{text}" in "{tmp_path}/p.pid"'


def test_a_missing_file_is_refused_in_nginx_words(tmp_path: Path) -> None:
    with pytest.raises(StartError) as caught:
        read_pid(str(tmp_path / "p.pid"))
    assert caught.value.text == f'open() "{tmp_path}/p.pid" failed (2: No such file or directory)'


def test_a_file_gets_another_name_and_its_own_again(tmp_path: Path) -> None:
    path = str(tmp_path / "p.pid")
    file = PidFile(path)
    file.write(7)
    file.rename(path + OLDBIN)
    assert os.listdir(tmp_path) == ["p.pid.oldbin"]
    PidFile(path).write(8)  # the new program's
    file.rename(path)
    assert read_pid(path) == 7
    file.remove(7)
    assert os.listdir(tmp_path) == []


def test_a_name_that_cannot_be_had_changes_nothing(tmp_path: Path) -> None:
    file = PidFile(str(tmp_path / "p.pid"))
    file.write(7)
    with pytest.raises(FileNotFoundError):
        file.rename(str(tmp_path / "none" / "p.pid"))
    file.remove(7)
    assert os.listdir(tmp_path) == []


def test_a_device_keeps_its_name(tmp_path: Path) -> None:
    file = PidFile(os.devnull)
    file.write(7)
    file.rename(str(tmp_path / "null"))
    assert file.path == os.devnull
