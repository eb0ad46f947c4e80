"""Every name of the language is known, and what does not work yet is said in the documents."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import pytest

from penstock.shared.conf.table.table import TABLE, names_in
from penstock.shared.template import UnknownVariable
from penstock.shared.variables import GETTERS, lookup

ROOT: Final = Path(__file__).parents[4]
NAMES: Final = tuple(
    (kind, name)
    for kind, name in (
        line.split() for line in (ROOT / "tests/data/language-directives.txt").read_text().splitlines()
        if not line.startswith("#")
    )
)  # fmt: skip
VARIABLES: Final = tuple(name.removeprefix("$") for kind, name in NAMES if kind == "variable")
PAGE: Final = (ROOT / "docs/differences-from-nginx.md").read_text()
NOT_YET: Final = frozenset(re.findall(r"`([a-z_$*]+)`", PAGE.split("\nStill refused: ")[1].split("\n\n")[0]))


def test_the_list_is_whole() -> None:
    assert len(NAMES) > 180
    assert len(VARIABLES) > 50


@pytest.mark.parametrize(("context", "name"), [each for each in NAMES if each[0] != "variable"])
def test_a_directive_is_in_the_table(context: str, name: str) -> None:
    assert any(fnmatchcase(known, name) for known in names_in(context))


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_is_known_or_said_to_come(name: str) -> None:
    if f"${name}" in NOT_YET:
        assert not known(name), "it works now: take it off the list"
    else:
        assert known(name)


def known(name: str) -> bool:
    """Whether there is such a variable."""
    if any(fnmatchcase(getter, name) for getter in GETTERS):
        return True
    try:
        lookup(name.replace("*", "0x01"))
    except UnknownVariable:
        return False
    return True


def test_the_documents_list_what_is_planned() -> None:
    planned = {spec.name for spec in TABLE if spec.status == "planned"}
    assert {name for name in NOT_YET if not name.startswith("$")} == planned
