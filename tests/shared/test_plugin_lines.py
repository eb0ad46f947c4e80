"""A plugin's block in the configuration file."""

from __future__ import annotations

from typing import Any

import pytest
from plugin_classes import Everything

from penstock.shared.errors import ConfigError
from penstock.shared.model.plugin import Field, FieldText, PluginUse
from penstock.shared.model.where import Where
from penstock.shared.plugin_lines import read
from penstock.shared.plugin_schema import describe

DESCRIPTION = describe(Everything, "everything")


def use(text: str) -> PluginUse:
    """`name word… ; name { … }` with one line of the file for each."""
    rows = ["host a.test", "names x", *(row.strip() for row in text.split(";") if row.strip())]
    return PluginUse("everything", tuple(line(row, number) for number, row in enumerate(rows, 8)), where=at(7))


def line(row: str, number: int) -> Field:
    head, brace, inner = row.partition("{")
    name, *words = head.split()
    block = tuple(line(each.strip(), number) for each in inner.rstrip("} ").split(",")) if brace else None
    return Field(name, tuple(FieldText(word, at(number)) for word in words), at(number), block)


def at(number: int) -> Where:
    return Where("/etc/p.conf", number)


def wrong(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(DESCRIPTION, use(text))
    return caught.value


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("allow 10.0.0.0/8 192.0.2.1; allow ::1", "allow", ["10.0.0.0/8", "192.0.2.1", "::1"]),
        ("status 503", "status", 503),
        ("mode careful", "mode", "careful"),
        ("ratio 0.25", "ratio", 0.25),
        ("on off", "on", False),
        ("on true", "on", True),
        ("timeout 10", "timeout", 10),
        ("timeout 2s", "timeout", 2000),
        ("size 16k", "size", 16384),
        ("queue { entries 5, delay 500ms }", "queue", {"entries": 5, "delay": 0.5}),
        ("headers { X-Token abc, Other 1 }", "headers", {"X-Token": "abc", "Other": "1"}),
    ],
)
def test_a_line_becomes_the_value_of_its_type(text: str, field: str, value: Any) -> None:
    assert read(DESCRIPTION, use(text))[field] == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("allow 10.0.0.0/99", "plugin \"everything\": allow: invalid ip or cidr range: '10.0.0.0/99'"),
        ("status many", '"status" invalid number "many"'),
        ("status 404", 'plugin "everything": status: expected one of: 403, 503'),
        ("status 403 503", '"status" takes one value'),
        ("status 403; status 503", '"status" is given twice'),
        ("timeout soon", '"timeout" directive invalid value'),
        ("queue 5", '"queue" is a block'),
        ("queue { entries 0 }", 'plugin "everything": queue.entries: value should be between 1 and 1000'),
        ("host { a b }", '"host" is given twice'),
        ("message { a b }", '"message" is a value and not a block'),
        ("allow", '"allow" has no value'),
        ("on maybe", 'invalid value "maybe" in "on" directive, it must be "on" or "off"'),
    ],
)
def test_a_mistake_names_field_rule_and_line(text: str, said: str) -> None:
    error = wrong(text)
    assert error.text == said
    assert error.where is not None
    assert error.where.line >= 10


def test_an_unknown_field_has_the_nearest_name() -> None:
    error = wrong("statsu 403")
    assert (error.text, error.hint) == ('unknown field "statsu"', 'did you mean "status"?')


def test_a_word_of_a_closed_set_has_the_nearest_one() -> None:
    assert wrong("mode carefull").hint == 'did you mean "careful"?'


def test_a_missing_field_is_told_where_the_plugin_stands() -> None:
    with pytest.raises(ConfigError, match="host: required field missing") as caught:
        read(DESCRIPTION, PluginUse("everything", (), where=at(7)))
    assert caught.value.where == at(7)


def test_a_records_configuration_is_checked_alike() -> None:
    complete = read(DESCRIPTION, PluginUse("everything", config={"host": "a", "names": ["b"], "status": 503}))
    assert complete["status"] == 503
    with pytest.raises(ConfigError, match='plugin "everything": status: expected an integer'):
        read(DESCRIPTION, PluginUse("everything", config={"host": "a", "names": ["b"], "status": "503"}))
