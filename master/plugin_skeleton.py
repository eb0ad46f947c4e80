"""`penstock plugin new NAME [DIR]`: a distribution with a plugin in it that works, and its test."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from string import Template
from typing import Final

from ..shared.errors import StartError

NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

PYPROJECT: Final = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "penstock-plugin-$name"
version = "0.1.0"
description = "A plugin for Penstock"
requires-python = ">=3.11"
dependencies = ["penstock"]

[project.optional-dependencies]
test = ["pytest"]

[project.entry-points."penstock.plugins"]
$name = "$package:$kind"

[tool.hatch.build.targets.wheel]
packages = ["src/$package"]

[tool.pytest.ini_options]
pythonpath = ["src"]
testpaths = ["tests"]
"""

MODULE: Final = '''\
"""$name: lets in who names one of the hosts it was told."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.plugin import Plugin, Session, Status, setting


class $kind(Plugin):
    """Refuses sessions whose TLS hello names another host."""

    name = "$name"
    version = "0.1.0"
    priority = 1000

    @dataclass(frozen=True, slots=True)
    class Config:
        """What stands in `plugin $name { ... }`."""

        names: tuple[str, ...] = setting(len_min=1, doc="Hosts that may be named.")
        status: Status = setting(403, doc="The status of a session that is refused.")

    config: Config

    def preread(self, session: Session) -> None:
        """The route is known; nothing is connected yet."""
        if session.sni not in self.config.names:
            session.refuse(f"{session.sni} is not on the list", status=self.config.status)
'''

TEST: Final = '''\
"""$name, without a Penstock around it."""

from __future__ import annotations

import pytest

from penstock.plugin_testing import StandIn, configured
from $package import $kind


def test_a_host_on_the_list_comes_in() -> None:
    session = StandIn(sni="a.example")
    configured($kind, names=["a.example"]).preread(session)
    assert session.ended is None


def test_any_other_is_refused_with_the_status() -> None:
    session = StandIn(sni="b.example")
    configured($kind, names=["a.example"], status=503).preread(session)
    assert session.refused == "b.example is not on the list"
    assert session.ended == {"word": "plugin", "status": 503, "last": b""}


def test_an_empty_list_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="length must be at least 1"):
        configured($kind, names=[])
'''

README: Final = """\
# $name

A plugin for Penstock.

    pip install -e .[test]
    pytest

In the configuration, inside `stream {}`, a `service {}` or a `route {}`:

    plugin $name { names a.example b.example; }

Try it before a reload with `penstock -t`.
"""


def write_skeleton(name: str, directory: Path) -> tuple[Path, ...]:
    """Write the files into a folder that is empty or not there; the files. Raises StartError."""
    package = package_of(name)
    words = {"name": name, "package": package, "kind": "".join(part.capitalize() for part in name.split("-"))}
    files = {
        directory / "pyproject.toml": PYPROJECT,
        directory / "README.md": README,
        directory / "src" / package / "__init__.py": MODULE,
        directory / "tests" / f"test_{package}.py": TEST,
    }
    try:
        if directory.exists() and any(directory.iterdir()):
            raise StartError(f'"{directory}" is not empty')
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(text).substitute(words))
    except OSError as error:
        raise StartError(f'"{directory}" cannot be written ({error.errno}: {error.strerror})') from error
    return tuple(files)


def package_of(name: str) -> str:
    """The package of a plugin's name; raises StartError for a name that is none."""
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise StartError(f'"{name}" is no name of a plugin: lower case letters and digits, parts joined by "-"')
    return f"penstock_{name.replace('-', '_')}"
