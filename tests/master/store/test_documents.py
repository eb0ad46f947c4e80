"""Declarative files and the store, by the commands."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certs import Authority
from declarations import DOCUMENT

from penstock.master.launch import Launch
from penstock.master.store import documents

Do = Callable[..., int]
CONFIG = """
database sqlite entities.db;
events {}
stream { service written { url tcp://127.0.0.1:9; } }
"""


class Commands:
    """Commands in one prefix, and what they say."""

    def __init__(self, folder: Path, config: str = CONFIG) -> None:
        self.folder = folder
        self.launch = Launch(str(folder), str(folder / "penstock.conf"))
        (folder / "penstock.conf").write_text(config)

    def file(self, text: str) -> str:
        path = self.folder / "kong.yml"
        path.write_text(text)
        return str(path)

    def run(self, do: Do, *words: Any) -> tuple[int, list[str]]:
        said: list[str] = []
        return do(self.launch, said.append, *words), said


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path)


def test_a_file_is_imported_exported_and_then_the_same(commands: Commands) -> None:
    file = commands.file(DOCUMENT)
    assert commands.run(documents.check, file) == (0, ["parse successful"])
    assert commands.run(documents.put, file) == (0, ["import successful: 3 created"])
    assert commands.run(documents.put, file) == (0, ["import successful: nothing changed"])
    exported = str(commands.folder / "out.yml")
    assert commands.run(documents.get, exported) == (0, ["export successful"])
    assert stat.S_IMODE(Path(exported).stat().st_mode) == 0o600
    assert commands.run(documents.compare, exported) == (0, ["no changes"])
    status, said = commands.run(documents.get, None)
    assert (status, said[0] + "\n") == (0, Path(exported).read_text())


def test_what_would_change_is_told_and_not_done(commands: Commands) -> None:
    commands.run(documents.put, commands.file(DOCUMENT))
    other = DOCUMENT.replace("r.test", "q.test").replace("name: s\n", "name: t\n").replace("  - {name: ip", "  #")
    status, said = commands.run(documents.compare, commands.file(other.replace("  plugins:\n", "")))
    assert status == documents.DIFFERENT
    signs = [line.split(" (")[0] for line in said]
    assert signs[:3] == ["- plugins ip-restriction", "- services s", "+ services t"]
    assert '    snis: ["r.test"] -> ["q.test"]' in said
    assert said[-1] == "1 created, 1 changed, 2 deleted"
    assert commands.run(documents.compare, commands.file(DOCUMENT)) == (0, ["no changes"])


def test_keys_are_not_shown(commands: Commands, authority: Authority) -> None:
    def document(pair: Any) -> str:
        texts = [pair.crt.read_text().replace("\n", "\\n"), pair.key.read_text().replace("\n", "\\n")]
        ident = "11111111-1111-4111-8111-111111111111"
        return f'_format_version: "3.0"\ncertificates: [{{id: {ident}, cert: "{texts[0]}", key: "{texts[1]}"}}]'

    commands.run(documents.put, commands.file(document(authority.issue("one.test"))))
    status, said = commands.run(documents.compare, commands.file(document(authority.issue("two.test"))))
    assert (status, "    key: changed" in said) == (2, True)
    assert not [line for line in said if "PRIVATE" in line]


def test_mistakes_are_told_with_their_places(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = DOCUMENT.replace("deny:", "denny:").replace("name: s\n", "name: written\n")
    for do in (documents.check, documents.put, documents.compare):
        assert commands.run(do, commands.file(wrong)) == (1, [])
        lines = capsys.readouterr().err.splitlines()
        assert lines[0] == "Error: Failed parsing:"
        assert "uniqueness violation: 'services' entity with name set to 'written'" in lines[1]
    assert commands.run(documents.get, None)[1] == ["_format_version: '3.0'\n_transform: false"]


def test_what_cannot_be_done(commands: Commands, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert commands.run(documents.check, str(tmp_path / "none.yml"))[0] == 1
    assert "No such file" in capsys.readouterr().err
    assert commands.run(documents.get, str(tmp_path / "none/out.yml"))[0] == 1
    assert "No such file" in capsys.readouterr().err
    assert Commands(tmp_path, "database off; events {}").run(documents.get, None)[0] == 1
    assert "keeps nothing" in capsys.readouterr().err
    assert Commands(tmp_path, "nonsense;").run(documents.get, None)[0] == 1
    assert 'unknown directive "nonsense"' in capsys.readouterr().err


def test_without_a_word_of_the_database_it_is_the_embedded_one(tmp_path: Path) -> None:
    commands = Commands(tmp_path, "events {}")
    assert commands.run(documents.put, commands.file(DOCUMENT))[0] == 0
    with sqlite3.connect(tmp_path / "penstock.db") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    connection.close()
