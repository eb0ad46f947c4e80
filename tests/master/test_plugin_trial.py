"""Plugins are tried in a child."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from builds import build
from plugin_folder import DONE, plugins

from penstock.master.plugin_trial import descriptions, has_plugins, priorities, try_plugins
from penstock.master.system import real_system
from penstock.shared.conf.load import load
from penstock.shared.errors import StartError
from penstock.shared.model.stream import Configuration


def configuration(tmp_path: Path, body: str) -> Configuration:
    file = tmp_path / "p.conf"
    file.write_text(f"events {{}} stream {{ {plugins(tmp_path, one=body)} plugin one {{}} }}")
    return load(str(file), str(tmp_path), system=real_system())


def test_the_child_keeps_the_plugins_code_to_itself(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    body = f"def configure(self): done(1), open({str(marks)!r}, 'w').write(str(__import__('os').getpid()))"
    try_plugins(configuration(tmp_path, body))
    assert marks.read_text() not in ("", str(os.getpid()))
    assert DONE == []


def test_what_the_child_finds_is_raised_here(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="configure failed: ValueError: no"):
        try_plugins(configuration(tmp_path, "def configure(self): raise ValueError('no')"))


def test_a_plugin_may_kill_nobody_but_the_child(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"ended the process that tried them \(exit code 7\)"):
        try_plugins(configuration(tmp_path, "__import__('os')._exit(7)"))


def test_without_plugins_there_is_no_child() -> None:
    assert not has_plugins(build("events {} stream { server { listen 1; return x; } }"))
    assert has_plugins(build("events {} stream { service s { url tcp://10.0.0.1:1; plugin a {} } }"))


def test_priorities_are_asked_of_a_child_too(tmp_path: Path) -> None:
    assert priorities(configuration(tmp_path, "priority = 77\ndone(1)")) == {"one": 77}
    assert DONE == []


def test_what_cannot_be_imported_has_no_priority(tmp_path: Path) -> None:
    assert priorities(configuration(tmp_path, "x = 1 / 0")) == {}


def test_descriptions_are_those_of_all_plugins(tmp_path: Path) -> None:
    found = descriptions(configuration(tmp_path, "priority = 77\ndone(1)"))
    assert found["one"]["priority"] == 77
    assert "ip-restriction" in found
    assert DONE == []
