"""The skeleton of a plugin works as it is written."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from penstock.master.plugin_skeleton import package_of, write_skeleton
from penstock.shared.errors import StartError

ROOT = Path(__file__).parents[2]


def test_its_own_test_passes(tmp_path: Path) -> None:
    write_skeleton("my-doorman", tmp_path / "new")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=tmp_path / "new", env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_it_is_found_by_its_entry_point(tmp_path: Path) -> None:
    write_skeleton("my-doorman", tmp_path)
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())
    assert project["project"]["entry-points"]["penstock.plugins"] == {"my-doorman": "penstock_my_doorman:MyDoorman"}
    assert "class MyDoorman(Plugin)" in (tmp_path / "src" / "penstock_my_doorman" / "__init__.py").read_text()


@pytest.mark.parametrize("name", ["", "My", "my_thing", "1st", "a--b", "class", "../up", "a b"])
def test_a_bad_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StartError, match="is no name of a plugin"):
        write_skeleton(name, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(StartError, match="is not empty"):
        write_skeleton("doorman", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StartError, match="cannot be written"):
        write_skeleton("doorman", tmp_path / "file" / "new")


def test_the_packages_name_is_its_own() -> None:
    assert package_of("a-b2") == "penstock_a_b2"
