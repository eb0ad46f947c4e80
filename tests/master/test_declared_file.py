"""The file of `declarative_config`."""

from __future__ import annotations

from pathlib import Path

import pytest
from catalogs import described
from declarations import DOCUMENT

from penstock.master.declared_file import read_declared
from penstock.shared.errors import StartError


def refused(path: Path) -> str:
    with pytest.raises(StartError) as raised:
        read_declared(str(path), described)
    return raised.value.text


def test_a_document_is_read(tmp_path: Path) -> None:
    path = tmp_path / "k.yml"
    path.write_text(DOCUMENT)
    assert [kind for kind, _ in read_declared(str(path), described).records] == ["services", "routes", "plugins"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xff", "is not UTF-8"),
        (b"a: [", "in 'error': failed parsing declarative configuration: "),
        (b"[]", "expected an object"),
        (b"services: []", "in '_format_version': required field missing"),
        (b"_format_version: '3.0'\nservices: [{name: a, host: h}, {name: b}]", "in 'services[2].host': required field"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "k.yml"
    path.write_bytes(content)
    said = refused(path)
    assert said.startswith(f'"{path}"')
    assert text in said


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "(2: No such file or directory)" in refused(tmp_path / "none.yml")
