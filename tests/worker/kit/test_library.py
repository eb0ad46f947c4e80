"""Finding plugins: shipped ones, installed ones, those in folders."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.plugin import Plugin
from penstock.shared.errors import StartError
from penstock.shared.model.plugin import PluginPath
from penstock.shared.model.where import Where
from penstock.worker.kit.library import Library

WHERE = Where("/etc/p.conf", 12)
PLUGIN = "from penstock.plugin import Plugin\nclass {}(Plugin):\n    {}\n"


@pytest.fixture(autouse=True)
def _forget_modules() -> Iterator[None]:
    yield
    for name in [name for name in sys.modules if name.startswith("penstock_plugin_path_")]:
        del sys.modules[name]


def library(folder: Path) -> Library:
    return Library((PluginPath(str(folder), WHERE),))


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)


def complaint(folder: Path) -> str:
    with pytest.raises(StartError) as caught:
        library(folder)
    assert caught.value.text.endswith("in /etc/p.conf:12")
    return caught.value.text


def test_the_shipped_ones_are_there_and_not_imported() -> None:
    found = Library(())
    assert {"file-log", "ip-restriction"} <= set(found.names())
    assert not found.imported("ip-restriction")
    assert found.kind("ip-restriction").__name__ == "IpRestriction"
    assert found.imported("ip-restriction")


def test_every_shipped_one_can_be_imported_and_described() -> None:
    found = Library(())
    for name in found.names():
        assert found.description(name)["name"] == name


def test_a_folders_modules_and_packages_are_plugins(tmp_path: Path) -> None:
    write(tmp_path, "one_thing.py", PLUGIN.format("One", "pass"))
    write(tmp_path, "_shared.py", "WORD = 'told'\n")
    (tmp_path / "pack").mkdir()
    write(tmp_path, "pack/__init__.py", "from .inner import Two\n")
    write(tmp_path, "pack/inner.py", "from .._shared import WORD\n" + PLUGIN.format("Two", "name = WORD"))
    write(tmp_path, "notes.txt", "no plugin")
    found = library(tmp_path)
    assert {"one-thing", "told"} <= set(found.names())
    assert issubclass(found.kind("told"), Plugin)


def test_a_module_does_not_shadow_another_of_its_name(tmp_path: Path) -> None:
    write(tmp_path, "json.py", PLUGIN.format("Json", "pass"))
    assert "json" in library(tmp_path).names()
    import json

    assert json.dumps({}) == "{}"


def test_a_broken_module_is_named_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, "broken.py", "x = 1\ny = x / 0\n")
    text = complaint(tmp_path)
    assert f'plugin "{tmp_path}/broken.py" cannot be imported: ZeroDivisionError: division by zero at ' in text
    assert "broken.py:2" in text


def test_a_module_that_leaves_does_not_take_the_worker_along(tmp_path: Path) -> None:
    write(tmp_path, "leaving.py", "raise SystemExit(3)\n")
    assert "SystemExit: 3" in complaint(tmp_path)


def test_a_module_without_a_plugin_is_a_mistake(tmp_path: Path) -> None:
    write(tmp_path, "empty.py", "from penstock.plugin import Plugin\n")
    assert 'has no Plugin class; a module that is no plugin begins with "_"' in complaint(tmp_path)


def test_two_plugins_in_a_module_need_names(tmp_path: Path) -> None:
    write(tmp_path, "two.py", PLUGIN.format("One", "pass") + "class Two(Plugin):\n    pass\n")
    assert "One needs a name of its own" in complaint(tmp_path)


def test_a_name_comes_from_one_place(tmp_path: Path) -> None:
    write(tmp_path, "file_log.py", PLUGIN.format("Mine", "pass"))
    assert 'plugin "file-log" is in Penstock and in ' in complaint(tmp_path)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "cannot be read (2: No such file or directory)" in complaint(tmp_path / "none")


def test_a_config_of_no_known_type_is_told(tmp_path: Path) -> None:
    write(
        tmp_path,
        "odd.py",
        "from dataclasses import dataclass\nfrom penstock.plugin import Plugin\nclass Odd(Plugin):\n"
        "    @dataclass\n    class Config:\n        x: complex = 0j\n",
    )
    with pytest.raises(StartError, match=r'plugin "odd": Odd.Config.x: .* is no type of a plugin'):
        library(tmp_path).kind("odd", WHERE)


def test_an_installed_distributions_plugin_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "their_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[penstock.plugins]\ntheirs = their_plugin_module:Theirs\n")
    write(tmp_path, "their_plugin_module.py", PLUGIN.format("Theirs", "version = '1.0'"))
    monkeypatch.syspath_prepend(str(tmp_path))
    found = Library(())
    assert not found.imported("theirs")
    assert found.kind("theirs").version == "1.0"
