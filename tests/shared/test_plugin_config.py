"""From a checked configuration to the object that a plugin gets."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import pytest
from plugin_classes import Everything

from penstock.plugin import Plugin
from penstock.shared.plugin_config import make
from penstock.shared.plugin_schema import check, describe
from penstock.shared.variables import lookup


def place(form: str, path: str) -> str:
    return f"/{form}/{path}"


def made(**raw: Any) -> Everything.Config:
    complete, wrong = check(describe(Everything, "everything"), {"host": "a", "names": ["b"], **raw})
    assert wrong == {}
    config: Everything.Config = make(Everything, complete, place, lambda text: [lookup(text.strip("$"))])
    return config


def test_values_have_the_types_that_were_declared() -> None:
    config = made(allow=["10.1.2.3", "10.0.0.1/8"], ratio=1, queue={"entries": 5}, headers={"a": "b"})
    assert config.allow == (ip_network("10.1.2.3/32"), ip_network("10.0.0.0/8"))
    assert config.names == frozenset({"b"})
    assert isinstance(config.ratio, float)
    assert config.queue.entries == 5
    assert config.headers == {"a": "b"}
    assert config.message is None


def test_paths_are_absolute_by_their_kind() -> None:
    config = made(file="a.mmdb", log="b.log")
    assert (config.file, config.log) == ("/file_path/a.mmdb", "/log_path/b.log")


def test_an_unknown_variable_is_found() -> None:
    with pytest.raises(ValueError, match='unknown "no_such" variable'):
        made(line="$no_such")


def test_the_class_own_objection_is_passed_on() -> None:
    class Picky(Plugin):
        @dataclass(frozen=True)
        class Config:
            number: int = 1

            def __post_init__(self) -> None:
                raise ValueError("number: not today")

    with pytest.raises(ValueError, match="not today"):
        make(Picky, {"number": 1}, place, str)
