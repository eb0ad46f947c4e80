from __future__ import annotations

from penstock.shared.model.where import Where


def test_a_place_is_written_as_file_and_line() -> None:
    assert str(Where("/etc/penstock/penstock.conf", 12, 5)) == "/etc/penstock/penstock.conf:12"
