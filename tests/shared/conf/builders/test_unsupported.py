"""Nothing that would have no effect is taken in silence."""

from __future__ import annotations

from penstock.shared.conf.builders.unsupported import unsupported
from penstock.shared.model.where import Where

SUFFIX = " is not supported by this version of Penstock"


def test_the_sentence_has_a_place() -> None:
    error = unsupported('"x"', Where("f", 1, 2))
    assert (error.text, error.where) == (f'"x"{SUFFIX}', Where("f", 1, 2))
