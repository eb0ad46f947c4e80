"""What a plugin's author writes beside a field."""

from __future__ import annotations

import dataclasses

from penstock.plugin import at_least_one_of, mutually_required, only_one_of, setting
from penstock.shared.plugin_fields import METADATA, Check


@dataclasses.dataclass(frozen=True)
class Config:
    needed: str = setting(doc="what for")
    status: int = setting(403, one_of=(403, 503), between=(1, 999))


def test_a_setting_without_default_is_required() -> None:
    needed, status = dataclasses.fields(Config)
    assert needed.default is dataclasses.MISSING
    assert status.default == 403


def test_a_setting_keeps_only_the_limits_that_were_given() -> None:
    needed, status = dataclasses.fields(Config)
    assert needed.metadata[METADATA] == {"doc": "what for"}
    assert status.metadata[METADATA] == {"one_of": [403, 503], "between": [1, 999]}


def test_rules_between_fields_have_kongs_names() -> None:
    assert at_least_one_of("a", "b") == Check("at_least_one_of", ("a", "b"))
    assert only_one_of("a").rule == "only_one_of"
    assert mutually_required("a").rule == "mutually_required"
