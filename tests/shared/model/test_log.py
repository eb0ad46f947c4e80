from __future__ import annotations

from penstock.shared.model.log import Level


def test_levels_grow_with_what_they_let_through() -> None:
    assert [level.word for level in sorted(Level)] == [
        "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug",
    ]  # fmt: skip
