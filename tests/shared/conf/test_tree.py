"""Directives as they are handed on."""

from __future__ import annotations

from penstock.shared.conf.tree import Directive, Word
from penstock.shared.model.where import Where

HERE = Where("a.conf", 1, 1)


def test_the_arguments_of_a_directive_are_texts_in_their_order() -> None:
    directive = Directive("listen", (Word("80", HERE), Word("off", HERE, quoted=True)), HERE)
    assert directive.texts == ["80", "off"]
    assert Directive("pass", (), HERE).texts == []
